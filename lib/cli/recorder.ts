/**
 * What `tcpinfo run` preloads into the program and into all that it starts: writes
 * the records of each of its connections to a file of JSON Lines of the process's
 * own. Must be less noticeable than register itself: it never throws, prints
 * nothing, keeps nothing open, and what it cannot write it drops.
 */

import { type Channel, channel, subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import path from 'node:path'
import * as timers from 'node:timers'
import { threadId } from 'node:worker_threads'
import {
  readTcpInfo,
  type Sampling,
  sample,
  type TcpInfo,
  type TcpInfoMessage,
  type TcpOpenMessage,
  toJsonLine,
} from '../index.js'
import { register } from '../register.js'
import { RECORDING, type Recording } from './recording.js'

// Pinned: the program may replace them by some that return no objects.
const { clearTimeout, setTimeout } = timers

const FLUSH_MS = 500
const FLUSH_CHARACTERS = 262_144

class Recorder {
  readonly #file: string
  readonly #thread: string
  readonly #ids = new WeakMap<Socket, string>()
  readonly #sampling: Sampling | undefined
  #connections = 0
  #lines = ''
  #timer: NodeJS.Timeout | undefined

  constructor({ folder, intervalMs }: Recording) {
    // Another process, of another time or container, may have the same numbers.
    this.#thread = `${process.pid}.${threadId}.${Date.now().toString(36)}`
    this.#file = path.join(folder, `${this.#thread}.jsonl`)
    if (intervalMs === 0) return
    this.#sampling = sample([], {
      intervalMs,
      appBytes: true,
      keepOpen: true,
    })
    this.#sampling.on('sample', ({ socket, info }) =>
      quietly(() => {
        if (info.trigger === 'sample') this.#write(socket, info)
      }),
    )
  }

  onOpen({ socket }: TcpOpenMessage): void {
    if (!this.#sampling) return
    this.#sampling.add(socket)
    // Where it began: the first sample comes an interval later.
    this.#write(socket, readTcpInfo(socket))
  }

  onRecord({ socket, info }: TcpInfoMessage): void {
    this.#write(socket, info)
    // What the socket does next is another connection.
    if (info.trigger !== 'demand') this.#ids.delete(socket)
  }

  #write(socket: Socket, info: TcpInfo): void {
    let id = this.#ids.get(socket)
    if (id === undefined) {
      this.#connections++
      id = `${this.#thread}.${this.#connections}`
      this.#ids.set(socket, id)
    }
    this.#lines += toJsonLine(info, id)
    if (this.#lines.length >= FLUSH_CHARACTERS) this.flush()
    else this.#timer ??= setTimeout(this.flush, FLUSH_MS).unref()
  }

  readonly flush = (): void => {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#lines === '') return
    const lines = this.#lines
    this.#lines = ''
    try {
      // Who lists processes can guess its name.
      appendFileSync(this.#file, lines, { mode: 0o600 })
    } catch {
      // A full disk, say, or a program that may not write there.
    }
  }
}

/** `tcpinfo run` in `tcpinfo run`, of two copies of this package: one records. */
const RECORDED = Symbol.for('tcpinfo-socket.recorded')
const shared = channel('tcpinfo-socket:capture') as Channel & {
  [RECORDED]?: boolean
}

function begin(recording: Recording): void {
  if (shared[RECORDED]) return
  shared[RECORDED] = true
  // A program with as many listeners of its own as one may have shall have no warning
  // for our two of 'exit'.
  const most = process.getMaxListeners()
  if (most > 0) process.setMaxListeners(most + 2)
  // (Its import alone, a bundler may leave out.)
  register()
  const recorder = new Recorder(recording)
  subscribe('tcpinfo-socket:open', (message) =>
    quietly(() => recorder.onOpen(message as TcpOpenMessage)),
  )
  subscribe('tcpinfo-socket:capture', (message) =>
    quietly(() => recorder.onRecord(message as TcpInfoMessage)),
  )
  // After register's, which tells of what is still open.
  process.on('exit', recorder.flush)
}

function quietly(write: () => void): void {
  try {
    write()
  } catch {
    // A record that can't be written is no reason to disturb the program.
  }
}

const recording = RECORDING.from(process.env)
if (recording) begin(recording)
