/**
 * Reads very many sockets at a time, one call of the addon for every 64: with what
 * sample() reads.
 */

import type * as net from 'node:net'
import { type Binding, binding } from './binding.js'
import type { Capture } from './capture.js'
import { wallClockMs } from './clock.js'
import { MAX_INFO_BYTES } from './decode/fields.js'
import { Endpoints } from './endpoints.js'
import {
  bytesReadOf,
  bytesWrittenOf,
  descriptorOf,
  handleOf,
  hasHandle,
  keepsDescriptor,
  type StreamHandle,
} from './handle.js'
import { type Memory, probe, Snapshot } from './snapshot.js'

/** A socket that is read again and again, and what is known of it in between. */
export class Target {
  handle: StreamHandle | null | undefined
  descriptor = -1
  endpoints = Endpoints.unknown
  connectDurationMs: number | undefined
  /** Whether these two will not change any more. */
  isSettled = false
  /** The read before, if of the same connection. */
  before: Snapshot | undefined
  readonly capture: Capture
  /** Whether to ask for the counts of the program's own bytes. */
  readonly appBytes: boolean

  constructor(capture: Capture, appBytes: boolean) {
    this.capture = capture
    this.appBytes = appBytes
  }

  /** The socket that has the connection: another one if TLS is laid over it. */
  get owner(): net.Socket {
    return this.capture.owner
  }

  /** Looks for what there is to read now; false if there is nothing. */
  refresh(): boolean {
    const { owner } = this
    if (
      this.isSettled &&
      keepsDescriptor &&
      hasHandle(owner, this.handle as StreamHandle)
    ) {
      return true
    }
    const handle = handleOf(owner)
    if (!handle) return false
    if (this.handle !== handle) {
      // Another connection than before: another address is tried, or it reconnected.
      this.handle = handle
      this.descriptor = -1
      this.isSettled = false
      this.before = undefined
    }
    if (this.descriptor < 0 || !keepsDescriptor) {
      this.descriptor = descriptorOf(handle)
    }
    return this.descriptor >= 0
  }

  /** What can be known of its connection beside what is read each time. */
  learn(): void {
    const { capture, owner } = this
    this.endpoints = capture.endpointsOf(this.descriptor)
    this.connectDurationMs = capture.connectDurationMs
    this.isSettled = !owner.connecting && this.endpoints.areKnown
  }
}

/**
 * How many are read by one call: what one sample that somebody keeps can keep alive
 * of what was read.
 */
const BATCH_ROWS = 64

const descriptors = new Int32Array(BATCH_ROWS)
const filled = new Int32Array(BATCH_ROWS)
const rows = Buffer.from(new ArrayBuffer(BATCH_ROWS * MAX_INFO_BYTES))
const rowWords = new Uint32Array(rows.buffer)

/**
 * What one call has read, a row for each socket, as a string with a character for
 * each byte: V8 counts ArrayBuffers outside of its heap, and those of 10,000 sockets
 * each second made it collect all of the old space every five seconds.
 */
class Rows implements Memory {
  readonly #text: string

  constructor(length: number) {
    this.#text = rows.toString('latin1', 0, length)
  }

  wordsAt(at: number, filled: number): Uint32Array {
    rows.write(this.#text.slice(at, at + filled), at, 'latin1')
    return rowWords
  }
}

/** The sockets of one call. (No sample knows it: one would keep them all.) */
export interface Batch<T extends Target> {
  readonly targets: T[]
  readonly snapshots: (Snapshot | undefined)[]
}

/** One tick: reads sockets as they come, batch by batch, while caches know them. */
export class BatchReader<T extends Target> {
  readonly batches: Batch<T>[] = []
  readonly #stride: number
  #targets: T[] = []

  constructor() {
    const bytes = probe()
    // Whole words, and no more than this kernel fills, if that is known: for the
    // moment there may be no descriptor to find out with.
    this.#stride = bytes > 0 ? (bytes + 7) & ~7 : MAX_INFO_BYTES
  }

  add(target: T): void {
    descriptors[this.#targets.length] = target.descriptor
    this.#targets.push(target)
    if (this.#targets.length === BATCH_ROWS) this.flush()
  }

  /** Leaves a batch that is empty, for the reason of Snapshot.newest. */
  clear(): void {
    this.batches.splice(1)
    for (const { targets, snapshots } of this.batches) {
      targets.length = 0
      snapshots.length = 0
    }
  }

  flush(): void {
    const targets = this.#targets
    this.#targets = []
    if (targets.length === 0 || !binding) return
    try {
      this.batches.push(this.#read(targets, binding))
    } catch {
      // Out of memory, say: perhaps there is some the next time.
    }
  }

  #read(targets: T[], { readMany }: Binding): Batch<T> {
    const stride = this.#stride
    const these = descriptors.subarray(0, targets.length)
    // Then the rows are those of the call before.
    if (readMany(these, rows, stride, filled) < 0) throw new Error('refused')
    const memory = new Rows(targets.length * stride)
    const capturedAt = wallClockMs()
    const snapshots = targets.map((target, i) => {
      const length = filled[i] as number
      return length > 0
        ? snapshotOf(target, memory, i * stride, length, capturedAt)
        : undefined
    })
    return { targets, snapshots }
  }
}

function snapshotOf(
  target: Target,
  memory: Memory,
  at: number,
  length: number,
  capturedAt: number,
): Snapshot | undefined {
  try {
    if (!target.isSettled) target.learn()
    const { owner, appBytes } = target
    const handle = target.handle as StreamHandle
    return new Snapshot(
      memory,
      at,
      length,
      capturedAt,
      target.endpoints,
      'sample',
      appBytes ? bytesReadOf(owner, handle) : undefined,
      appBytes ? bytesWrittenOf(owner, handle) : undefined,
      target.connectDurationMs,
      undefined,
    )
  } catch {
    return undefined // a getter of a subclass
  }
}
