/** What both ends say of the same connections must agree. */

import net from 'node:net'
import { expect, onTestFinished, vi } from 'vitest'
import { instrument, type TcpInfo } from '../../lib/index.js'
import { listening } from '../support/net.js'

export interface Watched {
  readonly port: number
  /** How many connections it accepted. */
  accepted(): number
  /** Final records of the accepted sockets, as the server side saw them. */
  readonly finals: TcpInfo[]
}

/** Starts a server whose accepted connections are watched. */
export async function watched(server: net.Server): Promise<Watched> {
  const finals: TcpInfo[] = []
  let accepted = 0
  server.on('connection', (peer: net.Socket) => {
    accepted++
    instrument(peer).on('tcpinfo', (info) => {
      if (info.trigger === 'close') finals.push(info)
    })
    onTestFinished(() => void peer.destroy())
  })
  const port = await listening(server)
  return { port, accepted: () => accepted, finals }
}

/** The same for a server in another process: a watched way to it. */
export function watchedWayTo(
  port: number,
  createServer: (onPeer: (peer: net.Socket) => void) => net.Server = (onPeer) =>
    net.createServer(onPeer),
): Promise<Watched> {
  return watched(
    createServer((peer) => {
      const beyond = net.connect(port, '127.0.0.1')
      peer.pipe(beyond).pipe(peer)
      peer.on('error', () => beyond.destroy())
      beyond.on('error', () => peer.destroy())
      // What still comes goes nowhere, but it is counted, and its end noticed.
      beyond.on('close', () => peer.resume())
    }),
  )
}

/** Listens as a user would, and knows what it heard. */
export function listener() {
  return vi.fn<(info: TcpInfo) => void>()
}

/**
 * Waits until every connection is closed on both sides, and compares what the
 * client's last record says with what the server's program read and wrote on the
 * same one. At least so many bytes must have come to the client in all.
 */
export async function expectFinals(
  onTcpInfo: ReturnType<typeof listener>,
  server: Watched,
  leastReceived: number,
): Promise<TcpInfo[]> {
  const told = () => onTcpInfo.mock.calls.map(([info]) => info)
  const finals = () => told().filter(({ trigger }) => trigger === 'close')
  await vi.waitFor(() => {
    expect(server.accepted()).toBeGreaterThan(0)
    expect(server.finals).toHaveLength(server.accepted())
    expect(finals()).toHaveLength(server.accepted())
  }, 10_000)
  let received = 0
  for (const info of finals()) {
    const { localPort, bytesReceived = 0 } = info
    const peer = server.finals.find((each) => each.remotePort === localPort)
    if (!peer) throw new Error(`the server saw no port ${localPort}`)
    expectSameConnection(info, peer)
    received += bytesReceived
  }
  expect(received).toBeGreaterThan(leastReceived)
  return finals()
}

function expectSameConnection(client: TcpInfo, server: TcpInfo): void {
  expect(client).toMatchObject({
    localAddress: server.remoteAddress,
    remoteAddress: server.localAddress,
    remotePort: server.localPort,
  })
  expect(client.rttUs).toBeGreaterThan(0)
  const sent = Number(client.bytesSent) - Number(client.bytesRetransmitted)
  expect([0, ALERT]).toContain(sent - Number(server.appBytesRead))
  const received = Number(client.bytesReceived)
  expect(RECEIVED_MORE[client.state as string]).toContain(
    received - Number(server.appBytesWritten),
  )
}

// The alert by which TLS 1.3 closes. A side that is gone already does not count
// the other one's.
const ALERT = 24

/** A FIN that came counts 1. (Whether one came is open where all is over.) */
const RECEIVED_MORE: Record<string, readonly number[]> = {
  ESTABLISHED: [0, -ALERT],
  FIN_WAIT_1: [0, -ALERT],
  FIN_WAIT_2: [0, -ALERT],
  CLOSE_WAIT: [1],
  LAST_ACK: [1],
  CLOSING: [1],
  CLOSED: [1, 0, -ALERT],
}
