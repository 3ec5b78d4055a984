/** One read of the kernel: the bytes, and the record they become if asked. */

import type net from 'node:net'
import { binding, bindingFailure } from './binding.js'
import { BytePool, type Room } from './byte-pool.js'
import { decodeRaw, type RawTcpInfo } from './decode/fields.js'
import {
  type KernelStruct,
  NATIVE_RELEASE,
  NATIVE_STRUCT,
} from './decode/index.js'
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
  descriptorOf,
  handleOf,
  isShapeUnknown,
  type StreamHandle,
} from './handle.js'
import { TcpInfo, type TcpInfoParts, type TcpInfoTrigger } from './tcp-info.js'
import type { TcpState } from './tcp-state.js'

/** kMaxInfoSize in native/tcp_info.h. */
const MAX_INFO_BYTES = 512

const pool = new BytePool()

export class Snapshot implements TcpInfoParts {
  readonly #struct: KernelStruct
  readonly #bytes: Uint8Array
  readonly #words: Uint32Array
  readonly #at: number
  readonly #length: number
  readonly #endpoints: Endpoints | undefined
  #info: TcpInfo | undefined

  constructor(
    struct: KernelStruct,
    room: Room,
    length: number,
    readonly trigger: TcpInfoTrigger,
    readonly capturedAt: number,
    endpoints: Endpoints | undefined,
    readonly appBytesRead: number | undefined,
    readonly appBytesWritten: number | undefined,
    readonly connectDurationMs: number | undefined,
  ) {
    this.#struct = struct
    this.#bytes = room.bytes
    this.#words = room.words
    this.#at = room.at
    this.#length = length
    this.#endpoints = endpoints
  }

  get localAddress(): string | undefined {
    return this.#endpoints?.localAddress
  }

  get localPort(): number | undefined {
    return this.#endpoints?.localPort
  }

  get remoteAddress(): string | undefined {
    return this.#endpoints?.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.#endpoints?.remotePort
  }

  get platform(): NodeJS.Platform {
    return this.#struct.platform
  }

  get source(): string {
    return this.#struct.sourceOf(this.#length)
  }

  /** The record, decoded once. */
  get info(): TcpInfo {
    if (!this.#info) {
      this.#info = new TcpInfo(this)
      this.#struct.decode(
        this.#info,
        this.#bytes,
        this.#words,
        this.#at,
        this.#length,
      )
    }
    return this.#info
  }

  readRaw(): RawTcpInfo {
    return decodeRaw(
      this.#struct.layout,
      this.#bytes,
      this.#at,
      this.#length,
      NATIVE_RELEASE,
    )
  }
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
  if (isShapeUnknown(handle)) {
    shapeFailure = NO_DESCRIPTOR
    return shapeFailure
  }
  // While it connects, the descriptor is yet to come; TLS over a stream in
  // JavaScript never has one.
  return handle.getpeername !== undefined && (socket as net.Socket).connecting
    ? NEVER_OPENED
    : NOT_TCP
}

/**
 * Reads the kernel's statistics of a socket now. Makes one system call, and two
 * more the first time to learn the addresses.
 */
export function takeSnapshot(
  socket: unknown,
  trigger: TcpInfoTrigger,
  connectDurationMs?: number,
): Snapshot | Failure {
  try {
    const handle = handleOf(socket)
    const descriptor = handle ? descriptorOf(handle) : -1
    if (!handle || descriptor < 0 || !binding || !NATIVE_STRUCT) {
      return whyNot(socket, handle)
    }
    pool.reserve(MAX_INFO_BYTES)
    const length = binding.readInfo(descriptor, pool.bytes, pool.at)
    if (length <= 0) return failureOf(-length)

    const { bytesRead, bytesWritten } = socket as net.Socket
    const snapshot = new Snapshot(
      NATIVE_STRUCT,
      pool,
      length,
      trigger,
      Date.now(),
      endpointsOf(handle, descriptor),
      bytesRead,
      bytesWritten,
      connectDurationMs,
    )
    pool.keep(length)
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
    if (!handle || descriptor < 0 || !binding || !NATIVE_STRUCT) {
      return whyNot(socket, handle)
    }
    const code = binding.readState(descriptor)
    return code < 0 ? failureOf(-code) : NATIVE_STRUCT.layout.states[code]
  } catch (cause) {
    return unexpected(cause)
  }
}
