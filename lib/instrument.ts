import type * as net from 'node:net'
import { types } from 'node:util'
import { adopt, CAPTURE, type Capture, captureOf, define } from './capture.js'
import { notASocket, TcpInfoError, UNINSTRUMENTED } from './errors.js'
import { isSocket, underlyingOf } from './handle.js'
import type { TcpInfoMembers } from './socket.js'
import type { TcpInfo } from './tcp-info.js'

/** A socket made by somebody else, with our members and our event. */
export type Instrumented<S extends net.Socket> = TcpInfoMembers & {
  /** As of a {@link TcpInfoSocket}; all other events as they were. */
  on(event: 'tcpinfo', listener: (info: TcpInfo) => void): Instrumented<S>
  /** The same for the next record only. */
  once(event: 'tcpinfo', listener: (info: TcpInfo) => void): Instrumented<S>
} & S

/**
 * Gives a socket that exists already what a TcpInfoSocket has: the `'tcpinfo'`
 * event, `captureTcpInfo()`, `tcpInfo` and `tcpInfoError`. For accepted sockets,
 * for what tls.connect() returns and for a driver's socket. Returns the same
 * socket; a second call changes nothing.
 *
 * A TLSSocket that was laid over another net.Socket has no connection of its
 * own: the other one is instrumented, and its events reach both.
 *
 * @throws {TcpInfoError} `ERR_TCP_INFO_NOT_TCP` for anything but a net.Socket,
 *   `ERR_TCP_INFO_ARGUMENT` for one that takes no properties
 */
export function instrument<S extends net.Socket>(socket: S): Instrumented<S> {
  const instrumented = instrumentSince(socket, undefined)
  if (!('captureTcpInfo' in socket)) throw new TcpInfoError(UNINSTRUMENTED)
  return instrumented
}

/** (The `socket` of an HTTP/2 session is a proxy that keeps new members away.) */
export function canInstrument(socket: unknown): socket is net.Socket {
  return isSocket(socket) && !types.isProxy(socket)
}

/** For callers that know when connect() was called (by monotonicMs()). */
export function instrumentSince<S extends net.Socket>(
  socket: S,
  connectStartedAt: number | undefined,
): Instrumented<S> {
  if (!canInstrument(socket)) throw new TcpInfoError(notASocket(socket))
  // (A Capture alone is what register gives it.)
  const isNew = !('captureTcpInfo' in socket) && Object.isExtensible(socket)
  if (isNew) attach(socket, connectStartedAt)
  return socket as Instrumented<S>
}

function attach(
  socket: net.Socket,
  connectStartedAt: number | undefined,
): Capture {
  const underlying = underlyingOf(socket)
  let capture = captureOf(socket)
  if (capture) {
    hookDestroy(socket, capture)
  } else if (underlying) {
    const known =
      'captureTcpInfo' in underlying ? captureOf(underlying) : undefined
    capture = known ?? attach(underlying, connectStartedAt)
    capture.share(socket)
    define(socket, CAPTURE, { value: capture })
  } else {
    capture = adopt(socket)
    capture.begin(connectStartedAt)
    hookDestroy(socket, capture)
  }
  for (const name of MEMBER_NAMES) define(socket, name, MEMBERS[name])
  return capture
}

function hookDestroy(socket: net.Socket, capture: Capture): void {
  const own = Object.hasOwn(socket, '_destroy') ? socket._destroy : undefined
  define(socket, '_destroy', {
    writable: true,
    value(
      this: net.Socket,
      error: Error | null,
      callback: (error?: Error | null) => void,
    ) {
      capture.onDestroy(error)
      // Looked up now, so that a later patch of the prototype counts.
      const destroy = own ?? Object.getPrototypeOf(socket)._destroy
      destroy.call(this, error, callback)
    },
  })
}

/**
 * The same functions for all sockets: V8 makes a dictionary, slow for Node as well, of
 * an object that has a getter where others of its shape have another one.
 */
const MEMBERS = {
  captureTcpInfo: {
    writable: true,
    value(this: net.Socket): TcpInfo | undefined {
      return captureOf(this)?.onDemand()
    },
  },
  tcpInfo: {
    get(this: net.Socket): TcpInfo | undefined {
      return captureOf(this)?.info
    },
  },
  tcpInfoError: {
    get(this: net.Socket): TcpInfoError | undefined {
      return captureOf(this)?.error
    },
  },
}
const MEMBER_NAMES = ['captureTcpInfo', 'tcpInfo', 'tcpInfoError'] as const
