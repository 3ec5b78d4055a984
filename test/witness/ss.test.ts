import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readTcpInfo } from '../../lib/index.js'
import {
  askSs,
  runSs,
  type SsAnswer,
  type Testimony,
  until,
  witness,
} from '../support/witness.mjs'
import { ipv6Missing, ssMissing, titled } from './needs.js'
import { type Pair, pairOn } from './pair.js'
import { faultsOf, parseSs } from './ss-table.js'

const shown = new Set<string>()

/** What ss says of one end is what our record says. */
async function agreed(socket: net.Socket): Promise<Testimony<SsAnswer>> {
  const testimony = await witness(() => readTcpInfo(socket), askSs)
  expect(faultsOf(testimony), testimony.said.line).toEqual([])
  for (const name of parseSs(testimony.said).values.keys()) shown.add(name)
  return testimony
}

async function agreedOnBoth({ client, accepted }: Pair) {
  const opener = (await agreed(client)).before.record
  const answerer = (await agreed(accepted)).before.record
  // Each end's windows and scales are what the other end heard of.
  expect(opener.rcvWscale).toBe(answerer.sndWscale)
  expect(answerer.rcvWscale).toBe(opener.sndWscale)
  return { opener, answerer }
}

async function transfer(from: net.Socket, to: net.Socket, size: number) {
  const start = to.bytesRead
  to.resume()
  from.write(Buffer.alloc(size))
  await until('arrival', () => to.bytesRead === start + size)
  await until(
    'acknowledgement',
    () => readTcpInfo(from).sendQueueBytes === 0 && from.writableLength === 0,
  )
}

const families = [
  ['IPv4', '127.0.0.1', '127.0.0.1', undefined],
  ['IPv6', '::1', '::1', ipv6Missing],
  ['IPv4 at an IPv6 listener', '::', '127.0.0.1', ipv6Missing],
] as const

describe.each(families)('%s', (name, listenAt, host, familyMissing) => {
  const missing = ssMissing ?? familyMissing

  describe.skipIf(missing)(titled(`ss(8) agrees, ${name}`, missing), () => {
    const pair = () => pairOn(listenAt, host)

    test('just connected', async () => {
      const { opener, answerer } = await agreedOnBoth(await pair())
      expect(opener.state).toBe('ESTABLISHED')
      expect(opener.dataSentAgoMs).toBeUndefined()
      expect(opener.dataReceivedAgoMs).toBeUndefined()
      expect(answerer.deliveryRateAppLimited).toBeUndefined()
    })

    test('after 3 MiB down and 100 KiB up', async () => {
      const both = await pair()
      await transfer(both.accepted, both.client, 3 << 20)
      await transfer(both.client, both.accepted, 100 << 10)
      const { opener, answerer } = await agreedOnBoth(both)
      expect(opener.bytesReceived).toBe(3 << 20)
      expect(answerer.bytesReceived).toBe(100 << 10)
      // Since Linux 6.2.
      if (opener.rcvWndBytes !== undefined) {
        expect(answerer.rcvWndBytes).toBe(opener.sndWndBytes)
        expect(opener.rcvWndBytes).toBe(answerer.sndWndBytes)
      }
    })

    test('a peer that does not read', async () => {
      const both = await pair()
      both.client.write(Buffer.alloc(8 << 20))
      await until(
        'a closed window',
        () => readTcpInfo(both.client).sndWndBytes === 0,
      )
      const { before, said } = await agreed(both.client)
      const { record } = before
      expect(record.notSentBytes).toBeGreaterThan(1 << 20)
      expect(record.rwndLimitedUs).toBeGreaterThan(0)
      expect(parseSs(said).sendQueue).toBe(record.sendQueueBytes)
      await agreed(both.accepted)
    })

    test('half closed', async () => {
      const both = await pair()
      await transfer(both.client, both.accepted, 1000)
      both.client.end()
      await once(both.client, 'finish')
      await until(
        'a FIN acknowledged',
        () => readTcpInfo(both.client).state === 'FIN_WAIT_2',
      )
      const { opener, answerer } = await agreedOnBoth(both)
      expect(opener.state).toBe('FIN_WAIT_2')
      expect(answerer.state).toBe('CLOSE_WAIT')
    })

    test('a FIN behind data that the peer does not read', async () => {
      const both = await pair()
      both.client.end(Buffer.alloc(512 << 10))
      await once(both.client, 'finish')
      await until(
        'a closed window',
        () => readTcpInfo(both.client).sndWndBytes === 0,
      )
      const { before, said } = await agreed(both.client)
      expect(before.record.state).toBe('FIN_WAIT_1')
      expect(parseSs(said).sendQueue).toBe(before.record.sendQueueBytes)
    })
  })
})

/** Makes connections from another process. */
const CONNECT = `
  for (let i = 0; i < 3; i++) {
    require('node:net').connect(process.argv[1]).on('connect', function () {
      this.destroy()
    })
  }
`

test.skipIf(ssMissing)(
  titled('ss(8) agrees, a listener', ssMissing),
  async () => {
    const server = net.createServer()
    onTestFinished(() => void server.close())
    server.listen({ port: 0, host: '127.0.0.1', backlog: 7 })
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    // As long as this process waits, it accepts nothing.
    execFileSync(process.execPath, ['-e', CONNECT, `${port}`])
    const record = readTcpInfo(server)
    const said = runSs('-tlnH', `sport = :${port}`)
    const [state, queue, backlog] = said.split(' ')
    expect(state).toBe('LISTEN')
    expect(record).toMatchObject({
      state: 'LISTEN',
      acceptQueue: Number(queue),
      backlog: Number(backlog),
    })
    expect([record.acceptQueue, record.backlog]).toEqual([3, 7])
  },
)

test.skipIf(ssMissing)('of what ss(8) can show, much was shown', () => {
  expect([...shown]).toEqual(
    expect.arrayContaining([
      ...['ts', 'sack', 'wscale', 'rto', 'rtt', 'mss', 'pmtu', 'cwnd', 'send'],
      ...['bytes_sent', 'bytes_acked', 'bytes_received', 'segs_out', 'segs_in'],
      ...['data_segs_out', 'data_segs_in', 'lastsnd', 'lastrcv', 'lastack'],
      ...['pacing_rate', 'delivery_rate', 'app_limited', 'busy'],
      ...['rwnd_limited', 'rcv_rtt', 'notsent', 'minrtt', 'snd_wnd'],
    ]),
  )
})
