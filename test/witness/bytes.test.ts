import { once } from 'node:events'
import type net from 'node:net'
import { describe, expect, test } from 'vitest'
import type { TcpInfo, TcpInfoMembers } from '../../lib/index.js'
import { until } from '../support/witness.mjs'
import { titled } from './needs.js'
import { type Pair, pairOn } from './pair.js'

type Watched = net.Socket & TcpInfoMembers

function recordOf(socket: Watched): TcpInfo {
  const info = socket.captureTcpInfo()
  if (!info) throw socket.tcpInfoError
  return info
}

async function acknowledged(socket: Watched, count: number): Promise<void> {
  await until(
    `${count} bytes acknowledged`,
    () => recordOf(socket).bytesAcked === count,
  )
}

/** `up` bytes to the accepting side, `down` bytes back, and what each end has. */
async function exchange(
  { client, accepted }: Pair,
  up: number,
  down: number,
): Promise<void> {
  client.resume()
  accepted.resume()
  client.write(Buffer.alloc(up))
  accepted.write(Buffer.alloc(down))
  await until(
    'arrival',
    () => accepted.bytesRead === up && client.bytesRead === down,
  )
  // One more for the SYN of the side that opened.
  await acknowledged(client, up + 1)
  await acknowledged(accepted, down)
}

const lastOf = async (socket: net.Socket): Promise<TcpInfo> => {
  for (;;) {
    const [info] = (await once(socket, 'tcpinfo')) as [TcpInfo]
    if (info.trigger === 'close') return info
  }
}

const missing =
  process.platform === 'linux' ? undefined : 'counts as Linux does'
const sizes = [
  [1, 1],
  [1000, 0],
  [0, 70_000],
  [1_234_567, 3_456_789],
] as const

describe.skipIf(missing)(titled('bytes to the last one', missing), () => {
  test('connected', async () => {
    const { client, accepted } = await pairOn('127.0.0.1', '127.0.0.1')
    const none = {
      state: 'ESTABLISHED',
      bytesSent: 0,
      bytesReceived: 0,
      bytesInFlight: 0,
      notSentBytes: 0,
      appBytesRead: 0,
      appBytesWritten: 0,
    }
    expect(recordOf(client)).toMatchObject({ ...none, bytesAcked: 1 })
    expect(recordOf(accepted)).toMatchObject({ ...none, bytesAcked: 0 })
  })

  describe.each(sizes)('%i up, %i down', (up, down) => {
    test('after the data', async () => {
      const pair = await pairOn('127.0.0.1', '127.0.0.1')
      await exchange(pair, up, down)
      const ofClient = recordOf(pair.client)
      expect(ofClient).toMatchObject({
        bytesSent: up + (ofClient.bytesRetransmitted ?? Number.NaN),
        bytesReceived: down,
        bytesAcked: up + 1,
        appBytesRead: down,
        appBytesWritten: up,
      })
      const ofAccepted = recordOf(pair.accepted)
      expect(ofAccepted).toMatchObject({
        bytesSent: down + (ofAccepted.bytesRetransmitted ?? Number.NaN),
        bytesReceived: up,
        bytesAcked: down,
        appBytesRead: up,
        appBytesWritten: down,
      })
      for (const record of [ofClient, ofAccepted]) {
        expect(record).toMatchObject({ bytesInFlight: 0, sendQueueBytes: 0 })
      }
    })

    test('the opening side ends first', async () => {
      const pair = await pairOn('127.0.0.1', '127.0.0.1')
      const { client, accepted } = pair
      await exchange(pair, up, down)
      client.end()
      await once(accepted, 'end')
      await acknowledged(client, up + 2)
      expect(recordOf(client)).toMatchObject({
        state: 'FIN_WAIT_2',
        bytesReceived: down,
      })
      expect(recordOf(accepted)).toMatchObject({
        state: 'CLOSE_WAIT',
        bytesReceived: up + 1,
        bytesAcked: down,
      })
      accepted.end()
      const [ofClient, ofAccepted] = await Promise.all([
        lastOf(client),
        lastOf(accepted),
      ])
      expect(ofClient).toMatchObject({
        bytesReceived: down + 1,
        bytesAcked: up + 2,
        appBytesRead: down,
        appBytesWritten: up,
      })
      expect(ofAccepted).toMatchObject({
        bytesReceived: up + 1,
        appBytesRead: up,
        appBytesWritten: down,
      })
      // Its FIN may be still under way.
      expect([down, down + 1]).toContain(ofAccepted.bytesAcked)
    })

    test('the accepting side ends first', async () => {
      const pair = await pairOn('127.0.0.1', '127.0.0.1')
      const { client, accepted } = pair
      await exchange(pair, up, down)
      accepted.end()
      await once(client, 'end')
      await acknowledged(accepted, down + 1)
      expect(recordOf(accepted)).toMatchObject({
        state: 'FIN_WAIT_2',
        bytesReceived: up,
      })
      expect(recordOf(client)).toMatchObject({
        state: 'CLOSE_WAIT',
        bytesReceived: down + 1,
        bytesAcked: up + 1,
      })
      client.end()
      const [ofClient, ofAccepted] = await Promise.all([
        lastOf(client),
        lastOf(accepted),
      ])
      expect(ofAccepted).toMatchObject({
        bytesReceived: up + 1,
        bytesAcked: down + 1,
        appBytesRead: up,
        appBytesWritten: down,
      })
      expect(ofClient).toMatchObject({
        bytesReceived: down + 1,
        appBytesRead: down,
        appBytesWritten: up,
      })
      expect([up + 1, up + 2]).toContain(ofClient.bytesAcked)
    })
  })

  test('queued behind a closed window, with a FIN', async () => {
    const { client } = await pairOn('127.0.0.1', '127.0.0.1')
    const size = 512 << 10
    client.write(Buffer.alloc(size))
    await until('a closed window', () => recordOf(client).sndWndBytes === 0)
    const before = recordOf(client)
    expect(before.appBytesWritten).toBe(size)
    const unread = before.bytesAcked as number
    expect(before.sendQueueBytes).toBe(size - (unread - 1))
    client.end()
    await once(client, 'finish')
    expect(recordOf(client)).toMatchObject({
      state: 'FIN_WAIT_1',
      notSentBytes: (before.notSentBytes as number) + 1,
    })
  })
})
