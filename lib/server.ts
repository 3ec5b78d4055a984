import * as net from 'node:net'
import { NOT_A_SERVER, TcpInfoError } from './errors.js'
import { isServer } from './handle.js'
import {
  canInstrument,
  type Instrumented,
  instrumentSince,
} from './instrument.js'

/**
 * `net.createServer`, every overload and option of it, whose accepted sockets are
 * instrumented.
 */
export function createServer(
  connectionListener?: (socket: Instrumented<net.Socket>) => void,
): net.Server
export function createServer(
  options?: net.ServerOpts,
  connectionListener?: (socket: Instrumented<net.Socket>) => void,
): net.Server
export function createServer(...args: unknown[]): net.Server {
  return instrumentServer(net.createServer(...(args as [net.ServerOpts])))
}

/**
 * Instruments every socket that a server of net, tls, http, https or http2
 * accepts from now on, before its own listeners see it; with TLS both the raw
 * socket, also of a handshake that fails, and the TLSSocket over it, with one
 * record for the two. Returns the same server; a second call changes nothing.
 *
 * @throws {TcpInfoError} `ERR_TCP_INFO_NOT_TCP` for anything but a net.Server
 */
export function instrumentServer<S extends net.Server>(server: S): S {
  if (!isServer(server)) throw new TcpInfoError(NOT_A_SERVER)
  for (const event of ['connection', 'secureConnection']) {
    if (server.listeners(event).includes(instrumentAccepted)) continue
    server.prependListener(event, instrumentAccepted)
  }
  return server
}

function instrumentAccepted(socket: unknown): void {
  // Servers of HTTP take any stream that somebody emits as a connection.
  if (canInstrument(socket)) instrumentSince(socket, undefined)
}
