/** One read of the kernel. */

import type net from 'node:net'
import { binding, bindingFailure } from './binding.js'
import { BytePool } from './byte-pool.js'
import { wallClockMs } from './clock.js'
import { MAX_INFO_BYTES } from './decode/fields.js'
import { type KernelStruct, NATIVE_STRUCT } from './decode/index.js'
import { type Addresses, type Endpoints, endpointsOf } from './endpoints.js'
import {
  CLOSED,
  type Failure,
  failureOf,
  isAmbiguous,
  NEVER_OPENED,
  NO_CALL,
  NO_DESCRIPTOR,
  NOT_LISTENING,
  NOT_TCP,
  NOTHING_FILLED,
  notASocket,
  UNCONNECTED,
  unexpected,
} from './errors.js'
import {
  bytesReadOf,
  bytesWrittenOf,
  descriptorOf,
  handleOf,
  hidesDescriptors,
  isNative,
  isPipe,
  isServer,
  isTcp,
  mayBeTcp,
  type StreamHandle,
  UNREADABLE,
} from './handle.js'
import type { Reading, TcpInfo, TcpInfoTrigger } from './tcp-info.js'
import type { TcpState } from './tcp-state.js'

/** kClockSize in native/addon.cc. */
const CLOCK_BYTES = 8

const pool = new BytePool()

/** What holds the bytes of reads. */
export interface Memory {
  /** With those of the read there, and until it is asked for another one. */
  wordsAt(at: number, filled: number): Uint32Array
}

/**
 * A read whose record is made when somebody asks for it: most connections end
 * without anybody looking.
 */
export class Snapshot implements Reading {
  /**
   * The last one of which a record was made. If no record is alive at a full garbage
   * collection, V8 drops their shape and the code compiled for it: the next thousands
   * of reads took five times as long.
   */
  static newest: Snapshot | undefined

  #info: TcpInfo | undefined

  constructor(
    readonly memory: Memory,
    readonly at: number,
    readonly filled: number,
    readonly capturedAt: number,
    readonly endpoints: Endpoints,
    readonly trigger: TcpInfoTrigger,
    readonly appBytesRead: number | undefined,
    readonly appBytesWritten: number | undefined,
    readonly connectDurationMs: number | undefined,
    readonly errorCode: string | undefined,
  ) {}

  /** The same read, as the final one of its connection. */
  asFinal(errorCode: string | undefined): Snapshot {
    return new Snapshot(
      this.memory,
      this.at,
      this.filled,
      this.capturedAt,
      this.endpoints,
      'close',
      this.appBytesRead,
      this.appBytesWritten,
      this.connectDurationMs,
      errorCode,
    )
  }

  get words(): Uint32Array {
    return this.memory.wordsAt(this.at, this.filled)
  }

  get struct(): KernelStruct {
    // Nothing was filled where there is none.
    return NATIVE_STRUCT as KernelStruct
  }

  get platform(): NodeJS.Platform {
    return this.struct.platform
  }

  get source(): string {
    return this.struct.sourceOf(this.filled)
  }

  get addresses(): Addresses {
    return this.endpoints.addresses
  }

  get info(): TcpInfo {
    if (!this.#info) {
      this.#info = this.struct.decode(this)
      Snapshot.newest = this
    }
    return this.#info
  }
}

/** Who watches a connection knows more of it than the kernel tells. */
export interface Watcher {
  readonly connectDurationMs: number | undefined
  endpointsOf(descriptor: number): Endpoints
}

/** Reads now; the record is made later, if at all. */
export function takeSnapshot(
  socket: unknown,
  trigger: TcpInfoTrigger,
  watcher?: Watcher,
  errorCode?: string,
): Snapshot | Failure {
  try {
    const handle = handleOf(socket)
    const descriptor = handle ? descriptorOf(handle) : -1
    if (!handle || descriptor < 0 || !binding || !NATIVE_STRUCT) {
      return whyNot(socket, handle)
    }
    // The user's code (a getter of a subclass, say) has its turn before the read
    // and none between the read and pool.keep().
    const bytesRead = bytesReadOf(socket, handle)
    const bytesWritten = bytesWrittenOf(socket, handle)
    const endpoints = watcher
      ? watcher.endpointsOf(descriptor)
      : endpointsOf(handle, descriptor)
    pool.reserve(CLOCK_BYTES + MAX_INFO_BYTES)
    const { slab, at } = pool
    const filled = binding.readInfo(descriptor, slab.bytes, at)
    if (filled <= 0) return refusalOf(-filled)
    const snapshot = new Snapshot(
      slab,
      at + CLOCK_BYTES,
      filled,
      slab.numberAt(at) || wallClockMs(),
      endpoints,
      trigger,
      bytesRead,
      bytesWritten,
      watcher?.connectDurationMs,
      errorCode,
    )
    pool.keep(CLOCK_BYTES + filled)
    return snapshot
  } catch (cause) {
    return unexpected(cause)
  }
}

/** The connection's state alone: the cheapest question. */
export function takeState(socket: unknown): TcpState | undefined | Failure {
  try {
    const handle = handleOf(socket)
    const descriptor = handle ? descriptorOf(handle) : -1
    if (descriptor < 0 || !binding || !NATIVE_STRUCT) {
      return whyNot(socket, handle)
    }
    const code = binding.readState(descriptor)
    return code < 0 ? refusalOf(-code) : NATIVE_STRUCT.layout.states[code]
  } catch (cause) {
    return unexpected(cause)
  }
}

/** Set when this OS refused the call where it could have no objection. */
let callFailure: Failure | undefined

let probed: number | undefined

/**
 * How many bytes this OS gives for a socket that is made for the purpose; below
 * zero a negated error number. Only what is sure is remembered: descriptors may
 * be used up for the moment.
 */
export function probe(): number {
  if (probed !== undefined) return probed
  const result = binding?.probe() ?? 0
  if (isAmbiguous(-result)) callFailure = { ...NO_CALL, errno: -result }
  if (result > 0 || callFailure) probed = result
  return result
}

/** Why the kernel did not answer. */
function refusalOf(errno: number): Failure {
  if (errno === 0) return NOTHING_FILLED
  if (!isAmbiguous(errno)) return failureOf(errno)
  probe()
  return callFailure ?? { ...UNCONNECTED, errno }
}

/** Set when a socket showed that this Node's internals are not as known. */
let shapeFailure: Failure | undefined = hidesDescriptors
  ? NO_DESCRIPTOR
  : undefined

/** Why nothing can be read in this process at all, as far as is known. */
export function generalFailure(): Failure | undefined {
  if (bindingFailure) return bindingFailure
  return NATIVE_STRUCT ? (callFailure ?? shapeFailure) : NO_CALL
}

/** Why a socket can't be read. */
function whyNot(
  socket: unknown,
  handle: StreamHandle | null | undefined,
): Failure {
  if (handle === undefined) return notASocket(socket)
  const general = generalFailure()
  if (general) return general
  if (handle && isPipe(handle)) return NOT_TCP
  if (isServer(socket)) return NOT_LISTENING
  const { destroyed, connecting } = socket as net.Socket
  if (handle === null) return destroyed ? CLOSED : NEVER_OPENED
  if (descriptorOf(handle) === UNREADABLE && isNative(handle)) {
    // For one that the addon could not find this time, there is another time.
    if (!binding?.socketOf) shapeFailure = NO_DESCRIPTOR
    return NO_DESCRIPTOR
  }
  // While it connects, the descriptor is yet to come; after a failed handshake a
  // TLSSocket keeps its closed handle; TLS over a stream in JavaScript never has
  // one. (Of Bun's handles only the descriptor is as in Node.)
  if (connecting) return NEVER_OPENED
  if (!mayBeTcp(handle)) return NOT_TCP
  return destroyed || isTcp(handle) ? CLOSED : NOT_TCP
}
