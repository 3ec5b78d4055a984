import * as net from 'node:net'
import { CAPTURE, Capture } from './capture.js'
import { monotonicMs } from './clock.js'
import type { TcpInfoError } from './errors.js'
import type { TcpInfo } from './tcp-info.js'

/** What every instrumented socket has in addition. */
export interface TcpInfoMembers {
  /**
   * Reads the kernel's statistics now, remembers them in `tcpInfo` and emits
   * `'tcpinfo'` on the next tick. Once the socket is closed nothing is read or
   * emitted, and the last record is the answer; and what a listener of the event
   * captures, of whatever socket, is not announced.
   *
   * Never throws; `undefined` means no record, and `tcpInfoError` says why.
   */
  captureTcpInfo(): TcpInfo | undefined
  /**
   * The newest record; stays readable after the socket is closed, and until the
   * next read if it connects again.
   */
  readonly tcpInfo: TcpInfo | undefined
  /**
   * Why the newest read gave no record; `undefined` after a read that did, and
   * before the first one unless it is known already that none can succeed.
   */
  readonly tcpInfoError: TcpInfoError | undefined
}

/** The arguments of each event: those of net.Socket, and ours. */
export interface TcpInfoSocketEvents {
  /**
   * A record was taken: once just before the connection is closed, always
   * before `'error'` and `'close'`; and once for each captureTcpInfo().
   */
  tcpinfo: [info: TcpInfo]
  /** As in net.Socket. */
  close: [hadError: boolean]
  /** As in net.Socket. */
  connect: []
  /** As in net.Socket. */
  connectionAttempt: [ip: string, port: number, family: number]
  /** As in net.Socket. */
  connectionAttemptFailed: [
    ip: string,
    port: number,
    family: number,
    error: Error,
  ]
  /** As in net.Socket. */
  connectionAttemptTimeout: [ip: string, port: number, family: number]
  /** As in net.Socket. */
  data: [data: Buffer]
  /** As in net.Socket. */
  drain: []
  /** As in net.Socket. */
  end: []
  /** As in net.Socket. */
  error: [error: Error]
  /** As in net.Socket. */
  lookup: [
    error: Error | null,
    address: string,
    family: string | number,
    host: string,
  ]
  /** As in net.Socket. */
  ready: []
  /** As in net.Socket. */
  timeout: []
}

type Known = keyof TcpInfoSocketEvents
// biome-ignore lint/suspicious/noExplicitAny: as net.Socket declares it
type AnyListener = (...args: any[]) => void
type Listener<E extends Known> = (...args: TcpInfoSocketEvents[E]) => void

export interface TcpInfoSocket {
  /** @hidden */
  addListener<E extends Known>(event: E, listener: Listener<E>): this
  /** @hidden */
  addListener(event: string | symbol, listener: AnyListener): this
  /** As in net.Socket, with the types of its events and ours. */
  on<E extends Known>(event: E, listener: Listener<E>): this
  /** @hidden */
  on(event: string | symbol, listener: AnyListener): this
  /** As in net.Socket, with the types of its events and ours. */
  once<E extends Known>(event: E, listener: Listener<E>): this
  /** @hidden */
  once(event: string | symbol, listener: AnyListener): this
  /** @hidden */
  prependListener<E extends Known>(event: E, listener: Listener<E>): this
  /** @hidden */
  prependListener(event: string | symbol, listener: AnyListener): this
  /** @hidden */
  prependOnceListener<E extends Known>(event: E, listener: Listener<E>): this
  /** @hidden */
  prependOnceListener(event: string | symbol, listener: AnyListener): this
}

/**
 * A net.Socket that can tell what the kernel knows about its connection, on
 * demand and just before it is closed. In all else it is a net.Socket.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: only adds overloads of inherited methods
export class TcpInfoSocket extends net.Socket implements TcpInfoMembers {
  #capture: Capture | undefined

  /** @param options those of net.Socket */
  constructor(options?: net.SocketConstructorOpts) {
    super(options)
    // A descriptor or handle that was passed in may be connected already.
    if (!this.pending) this[CAPTURE].begin()
  }

  /**
   * As in net.Socket, in every overload. A socket may connect again: each connection
   * has its own final record.
   */
  override connect(
    options: net.SocketConnectOpts,
    connectionListener?: () => void,
  ): this
  /**
   * As in net.Socket, in every overload. A socket may connect again: each connection
   * has its own final record.
   */
  override connect(
    port: number,
    host: string,
    connectionListener?: () => void,
  ): this
  /**
   * As in net.Socket, in every overload. A socket may connect again: each connection
   * has its own final record.
   */
  override connect(port: number, connectionListener?: () => void): this
  /**
   * As in net.Socket, in every overload. A socket may connect again: each connection
   * has its own final record.
   */
  override connect(path: string, connectionListener?: () => void): this
  override connect(...args: unknown[]): this {
    // Before, since a `lookup` that answers at once has it all happen in there.
    this[CAPTURE].begin(monotonicMs(), true)
    return super.connect(...(args as [net.SocketConnectOpts]))
  }

  /** @hidden */
  override _destroy(
    error: Error | null,
    callback: (error?: Error | null) => void,
  ): void {
    this[CAPTURE].onDestroy(error)
    super._destroy(error, callback)
  }

  captureTcpInfo(): TcpInfo | undefined {
    return this[CAPTURE].onDemand()
  }

  get tcpInfo(): TcpInfo | undefined {
    return this[CAPTURE].info
  }

  get tcpInfoError(): TcpInfoError | undefined {
    return this[CAPTURE].error
  }

  /** @internal */
  get [CAPTURE](): Capture {
    // net.Socket's constructor already destroys the socket, before there is a
    // field, when it is given a signal that has been aborted.
    if (!(#capture in this)) return orphan(this)
    this.#capture ??= orphans.get(this) ?? new Capture(this)
    return this.#capture
  }
}

// As net.Socket has them: else for-in would not name the members of either class.
for (const name of ['connect', '_destroy']) {
  Object.defineProperty(TcpInfoSocket.prototype, name, { enumerable: true })
}

/** Captures of sockets under construction. */
const orphans = new WeakMap<net.Socket, Capture>()

function orphan(socket: net.Socket): Capture {
  const capture = orphans.get(socket) ?? new Capture(socket)
  orphans.set(socket, capture)
  return capture
}
