/** Small helpers for tests with real sockets. */

import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** Has a server listen until the test is over; on which port. */
export async function listening(
  server: net.Server,
  host = '127.0.0.1',
): Promise<number> {
  onTestFinished(() => void server.close())
  server.listen(0, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A server on loopback that goes with the test. */
export function listen(
  onConnection: (peer: net.Socket) => void = (peer) => peer.resume(),
  options: net.ServerOpts = {},
): Promise<number> {
  const server = net.createServer(options, (peer) => {
    peer.on('error', () => {})
    onTestFinished(() => void peer.destroy())
    onConnection(peer)
  })
  return listening(server)
}

/** A connection to such a server. */
export async function connected(
  onConnection?: (peer: net.Socket) => void,
): Promise<net.Socket> {
  const socket = net.connect(await listen(onConnection), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** A port on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export const echo = (peer: net.Socket): void => {
  peer.pipe(peer)
}

/** Descriptors of this process, by what they point to. */
export function openSockets(): number {
  return readdirSync('/proc/self/fd').length
}

export const wait = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms))
