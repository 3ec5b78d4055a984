/** One read of the kernel. */

import type net from 'node:net'
import { binding, bindingFailure } from './binding.js'
import { BytePool } from './byte-pool.js'
import { NATIVE_STRUCT } from './decode/index.js'
import { type Endpoints, endpointsOf } from './endpoints.js'
import {
  CLOSED,
  type Failure,
  failureOf,
  NEVER_OPENED,
  NO_CALL,
  NO_DESCRIPTOR,
  NOT_A_SOCKET,
  NOT_TCP,
  unexpected,
} from './errors.js'
import {
  bytesWrittenOf,
  descriptorOf,
  handleOf,
  isNative,
  type StreamHandle,
  UNREADABLE,
} from './handle.js'
import { TcpInfo, type TcpInfoTrigger } from './tcp-info.js'
import type { TcpState } from './tcp-state.js'

/** kMaxInfoSize in native/tcp_info.h. */
const MAX_INFO_BYTES = 512

const pool = new BytePool()

/**
 * A read whose record is made when somebody asks for it: most connections end
 * without anybody looking.
 */
export class Snapshot {
  readonly #words = pool.words
  readonly #at = pool.at
  readonly #filled: number
  readonly #capturedAt = Date.now()
  readonly #trigger: TcpInfoTrigger
  readonly #endpoints: Endpoints
  readonly #appBytesRead: number | undefined
  readonly #appBytesWritten: number | undefined
  readonly #connectDurationMs: number | undefined
  #info: TcpInfo | undefined

  /** Of what lies in the pool. */
  constructor(
    filled: number,
    socket: net.Socket,
    handle: StreamHandle,
    endpoints: Endpoints,
    trigger: TcpInfoTrigger,
    connectDurationMs: number | undefined,
  ) {
    this.#filled = filled
    this.#endpoints = endpoints
    this.#trigger = trigger
    this.#appBytesRead = handle.bytesRead
    this.#appBytesWritten = bytesWrittenOf(socket, handle)
    this.#connectDurationMs = connectDurationMs
  }

  get info(): TcpInfo {
    this.#info ??= makeInfo(
      this.#words,
      this.#at,
      this.#filled,
      this.#endpoints,
      this.#trigger,
      this.#capturedAt,
      this.#appBytesRead,
      this.#appBytesWritten,
      this.#connectDurationMs,
    )
    return this.#info
  }
}

function makeInfo(
  words: Uint32Array,
  at: number,
  filled: number,
  { addresses }: Endpoints,
  trigger: TcpInfoTrigger,
  capturedAt: number,
  appBytesRead: number | undefined,
  appBytesWritten: number | undefined,
  connectDurationMs: number | undefined,
): TcpInfo {
  // Nothing was filled where there is no struct.
  const struct = NATIVE_STRUCT as NonNullable<typeof NATIVE_STRUCT>
  const info = new TcpInfo(
    struct,
    words,
    at,
    filled,
    addresses,
    trigger,
    capturedAt,
    appBytesRead,
    appBytesWritten,
    connectDurationMs,
  )
  struct.decode(info, words, at, filled)
  return info
}

/** Reads now; the record is made later, if at all. */
export function takeSnapshot(
  socket: unknown,
  trigger: TcpInfoTrigger,
  connectDurationMs: number | undefined,
): Snapshot | Failure {
  try {
    const handle = handleOf(socket)
    const filled = readKernel(socket, handle)
    if (typeof filled !== 'number') return filled
    const snapshot = new Snapshot(
      filled,
      socket as net.Socket,
      handle as StreamHandle,
      currentEndpoints,
      trigger,
      connectDurationMs,
    )
    pool.keep(filled)
    return snapshot
  } catch (cause) {
    return unexpected(cause)
  }
}

/** Reads now and makes the record at once. */
export function takeInfo(socket: unknown): TcpInfo | Failure {
  try {
    const handle = handleOf(socket)
    const filled = readKernel(socket, handle)
    if (typeof filled !== 'number') return filled
    const { words, at } = pool
    pool.keep(filled)
    return makeInfo(
      words,
      at,
      filled,
      currentEndpoints,
      'demand',
      Date.now(),
      handle?.bytesRead,
      bytesWrittenOf(socket as net.Socket, handle as StreamHandle),
      undefined,
    )
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
    return code < 0 ? failureOf(-code) : NATIVE_STRUCT.layout.states[code]
  } catch (cause) {
    return unexpected(cause)
  }
}

/** Set by readKernel: a second result that costs no object. */
let currentEndpoints: Endpoints

/** Reads into the pool. Two more system calls the first time, for addresses. */
function readKernel(
  socket: unknown,
  handle: StreamHandle | null | undefined,
): number | Failure {
  const descriptor = handle ? descriptorOf(handle) : -1
  if (!handle || descriptor < 0 || !binding || !NATIVE_STRUCT) {
    return whyNot(socket, handle)
  }
  pool.reserve(MAX_INFO_BYTES)
  const filled = binding.readInfo(descriptor, pool.bytes, pool.at)
  if (filled <= 0) return failureOf(-filled)
  currentEndpoints = endpointsOf(handle, descriptor)
  return filled
}

/** Set when a socket showed that this Node's internals are not as known. */
let shapeFailure: Failure | undefined

/** Why nothing can be read in this process at all, as far as is known. */
export function generalFailure(): Failure | undefined {
  if (bindingFailure) return bindingFailure
  return NATIVE_STRUCT ? shapeFailure : NO_CALL
}

/** Why a socket can't be read. */
function whyNot(
  socket: unknown,
  handle: StreamHandle | null | undefined,
): Failure {
  if (handle === undefined) return NOT_A_SOCKET
  const general = generalFailure()
  if (general) return general
  if (handle === null) {
    return (socket as net.Socket).destroyed ? CLOSED : NEVER_OPENED
  }
  if (descriptorOf(handle) === UNREADABLE && isNative(handle)) {
    shapeFailure = NO_DESCRIPTOR
    return shapeFailure
  }
  // While it connects, the descriptor is yet to come; TLS over a stream in
  // JavaScript never has one.
  return handle.getpeername !== undefined && (socket as net.Socket).connecting
    ? NEVER_OPENED
    : NOT_TCP
}
