import { channel } from 'node:diagnostics_channel'
import type { ClientRequestArgs } from 'node:http'
import type * as net from 'node:net'
import type { Duplex } from 'node:stream'
import { connectAnnounces } from './handle.js'
import { TcpInfoSocket } from './socket.js'

/**
 * `net.connect`, every overload and option of it, returning a TcpInfoSocket.
 * Can stand wherever `net.connect` or an agent's `createConnection` is expected.
 */
export function connect(
  options: net.NetConnectOpts,
  connectionListener?: () => void,
): TcpInfoSocket
export function connect(
  port: number,
  host?: string,
  connectionListener?: () => void,
): TcpInfoSocket
export function connect(
  port: number,
  connectionListener?: () => void,
): TcpInfoSocket
export function connect(
  path: string,
  connectionListener?: () => void,
): TcpInfoSocket
/** As an http.Agent calls its createConnection. */
export function connect(
  options: ClientRequestArgs,
  callback?: (error: Error | null, stream: Duplex) => void,
): TcpInfoSocket
export function connect(...args: unknown[]): TcpInfoSocket {
  // The steps of net.connect (lib/net.js). Of a port or a path the constructor
  // needs nothing.
  const options = (
    typeof args[0] === 'object' && args[0] !== null ? args[0] : {}
  ) as net.NetConnectOpts
  const socket = new TcpInfoSocket(options as net.SocketConstructorOpts)
  if (connectAnnounces && created.hasSubscribers) created.publish({ socket })
  if (options.timeout) socket.setTimeout(options.timeout)
  return socket.connect(...(args as [net.SocketConnectOpts]))
}

const created = channel('net.client.socket')
