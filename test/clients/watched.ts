/** What both ends say of the same connections must agree. */

import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { expect, onTestFinished, vi } from 'vitest'
import { instrument, type TcpInfo } from '../../lib/index.js'

export interface Watched {
  readonly port: number
  /** Final records of the accepted sockets, as the server side saw them. */
  readonly finals: TcpInfo[]
}

/** Starts a server whose accepted connections are watched. */
export async function watched(server: net.Server): Promise<Watched> {
  const finals: TcpInfo[] = []
  server.on('connection', (peer: net.Socket) => {
    instrument(peer).on('tcpinfo', (info) => finals.push(info))
    onTestFinished(() => void peer.destroy())
  })
  onTestFinished(() => void server.close())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, finals }
}

/** The same for a server in another process: a watched way to it. */
export function watchedWayTo(port: number): Promise<Watched> {
  return watched(
    net.createServer((peer) => {
      const beyond = net.connect(port, '127.0.0.1')
      peer.pipe(beyond).pipe(peer)
      peer.on('error', () => beyond.destroy())
      beyond.on('error', () => peer.destroy())
    }),
  )
}

/** Listens as a user would, and knows what it heard. */
export function listener() {
  return vi.fn<(info: TcpInfo) => void>()
}

/**
 * Waits until as many connections as expected are closed, and compares what the
 * client's last records say with what the server's side saw of the same ones.
 */
export async function expectFinals(
  onTcpInfo: ReturnType<typeof listener>,
  server: Watched,
  count = 1,
): Promise<TcpInfo[]> {
  const finals = () =>
    onTcpInfo.mock.calls
      .map(([info]) => info)
      .filter(({ trigger }) => trigger === 'close')
  await vi.waitFor(() => {
    expect(server.finals).toHaveLength(count)
    expect(finals()).toHaveLength(count)
  }, 10_000)
  for (const info of finals()) {
    const { localPort } = info
    const peer = server.finals.find((each) => each.remotePort === localPort)
    if (!peer) throw new Error(`the server saw no port ${localPort}`)
    expectSameConnection(info, peer)
  }
  return finals()
}

function expectSameConnection(client: TcpInfo, server: TcpInfo): void {
  expect(client).toMatchObject({
    localAddress: server.remoteAddress,
    remoteAddress: server.localAddress,
    remotePort: server.localPort,
  })
  expect(client.rttUs).toBeGreaterThan(0)
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    const { bytesSent = Number.NaN, bytesRetransmitted = Number.NaN } = from
    const more = Number(to.bytesReceived) - (bytesSent - bytesRetransmitted)
    expect(MAY_DIFFER[to.state as string]).toContain(more)
  }
}

/**
 * What may be between the payload that the peer sent in all and bytesReceived, by
 * our state: its FIN, which counts as 1, and the alert with which TLS 1.3 answers
 * when we are gone already. (A connection is CLOSED also after a reset.)
 */
const NOT_YET = [0, -24]
const MAY_DIFFER: Record<string, readonly number[]> = {
  ESTABLISHED: NOT_YET,
  FIN_WAIT_1: NOT_YET,
  FIN_WAIT_2: NOT_YET,
  CLOSE_WAIT: [1],
  LAST_ACK: [1],
  CLOSING: [1],
  CLOSED: [...NOT_YET, 1],
}
