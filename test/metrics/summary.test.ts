import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, type TcpInfo } from '../../lib/index.js'
import { TcpInfoSummary } from '../../lib/summary.js'

/** A real record, of which what matters is set. */
let real: TcpInfo
let server: net.Server

beforeAll(async () => {
  server = net.createServer((socket) => socket.end('hello'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as net.AddressInfo
  const socket = connect(port, '127.0.0.1')
  const [info] = await once(socket.resume(), 'tcpinfo')
  real = info
})

afterAll(() => void server.close())

const record = (members: Partial<TcpInfo>): TcpInfo => ({ ...real, ...members })

const WRONG_ARGUMENT = expect.objectContaining({
  name: 'TcpInfoError',
  code: 'ERR_TCP_INFO_ARGUMENT',
})

describe('TcpInfoSummary', () => {
  test('real connections', async () => {
    const summary = new TcpInfoSummary()
    const { port } = server.address() as net.AddressInfo
    const sockets = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'))
    const infos = await Promise.all(
      sockets.map(async (socket) => {
        socket.resume()
        const [info] = (await once(socket, 'tcpinfo')) as [TcpInfo]
        summary.add(info, socket)
        return info
      }),
    )
    const [row, ...others] = summary.rows()
    expect(others).toEqual([])
    expect(row).toMatchObject({
      key: '127.0.0.1',
      connections: 20,
      failures: 0,
      firstSeen: Math.min(...infos.map(({ capturedAt }) => capturedAt)),
      lastSeen: Math.max(...infos.map(({ capturedAt }) => capturedAt)),
      bytesReceived: infos.reduce(
        (sum, info) => sum + Number(info.bytesReceived),
        0,
      ),
      bytesSent: 0,
      retransmitRatio: undefined,
      rttUs: { count: 20 },
      connectDurationMs: { count: 20 },
    })
    expect(JSON.parse(JSON.stringify(summary))).toHaveLength(1)
  })

  test.each([
    ...[Number.NaN, Infinity, -1, 1e300, null, '7', 7n, Symbol('x'), {}],
  ])('a copy with %s where it can not be', (odd) => {
    for (const key of ['host', 'host:port'] as const) {
      const summary = new TcpInfoSummary({ key })
      const { rttUs, bytesSent, connectDurationMs, ...others } = record({})
      summary.add({
        ...{ ...others, rttUs: odd, bytesSent: odd, connectDurationMs: odd },
        ...(typeof odd === 'string' ? {} : { remoteAddress: odd }),
      } as unknown as TcpInfo)
      expect(summary.rows()).toMatchObject([
        { connections: 1, rttUs: undefined, connectDurationMs: undefined },
      ])
      expect(summary.rows()[0]?.bytesSent).toBeUndefined()
      expect(typeof summary.rows()[0]?.key).toBe('string')
    }
  })

  test.each([null, 7, 'host'])('%j are no options', (options) => {
    expect(() => new TcpInfoSummary(options as never)).toThrow(WRONG_ARGUMENT)
  })

  test('quantiles are at most 0.8 % too high, never too low', () => {
    const summary = new TcpInfoSummary()
    const values = Array.from({ length: 1000 }, (_, i) => (i + 1) * 137)
    for (const rttUs of values) summary.add(record({ rttUs }))
    const [row] = summary.rows()
    for (const [percent, name] of [
      [50, 'p50'],
      [90, 'p90'],
      [99, 'p99'],
    ] as const) {
      const exact = values[percent * 10 - 1] as number
      const found = row?.rttUs?.[name] as number
      expect(found).toBeGreaterThanOrEqual(exact)
      expect(found).toBeLessThanOrEqual(exact * 1.008)
    }
  })

  test.each([
    ['rttUs', 1, 1],
    ['connectDurationMs', 7.4, 1e-3],
    ['deliveryRateBytesPerSec', 1400, 1],
    ['deliveryRateBytesPerSec', 150, 1],
  ] as const)('so is a small one: %s of %d', (name, value, step) => {
    const summary = new TcpInfoSummary()
    const members = { [name]: value, deliveryRateAppLimited: false }
    summary.add(record(members))
    const found = summary.rows()[0]?.[name]?.p50 as number
    expect(found).toBeGreaterThanOrEqual(value)
    expect(found).toBeLessThanOrEqual(value * 1.008 + step)
  })

  test('units survive the histogram, and values beyond its bounds', () => {
    const summary = new TcpInfoSummary()
    const add = (times: number): void =>
      summary.add(
        record({
          rttUs: 20_000 * times,
          connectDurationMs: 31.5 * times,
          deliveryRateBytesPerSec: 5e6 * times,
          deliveryRateAppLimited: false,
        }),
      )
    add(1)
    const of = (
      name: 'rttUs' | 'connectDurationMs' | 'deliveryRateBytesPerSec',
    ) => summary.rows()[0]?.[name]?.p50 as number
    expect(of('rttUs') / 20_000).toBeCloseTo(1, 2)
    expect(of('connectDurationMs') / 31.5).toBeCloseTo(1, 2)
    expect(of('deliveryRateBytesPerSec') / 5e6).toBeCloseTo(1, 2)
    add(0)
    add(1e9)
    expect(summary.rows()[0]?.rttUs?.count).toBe(3)
    expect(summary.rows()[0]?.rttUs?.p99).toBeCloseTo(6e7, -6)
  })

  test('what the program limited is no delivery rate', () => {
    const summary = new TcpInfoSummary()
    const rate = { deliveryRateBytesPerSec: 1e6 }
    summary.add(record({ ...rate, deliveryRateAppLimited: true }))
    expect(summary.rows()[0]?.deliveryRateBytesPerSec).toBe(undefined)
  })

  test('a newer record takes the place of the older', () => {
    const summary = new TcpInfoSummary()
    const socket = {}
    const add = (
      trigger: TcpInfo['trigger'],
      bytesSent: number,
      rttUs: number,
    ) => summary.add(record({ trigger, bytesSent, rttUs }), socket)
    add('demand', 100, 5)
    add('demand', 300, 50)
    expect(summary.rows()).toMatchObject([
      { connections: 1, bytesSent: 300, rttUs: { count: 1, p50: 50 } },
    ])
    add('close', 1000, 70)
    expect(summary.rows()).toMatchObject([
      { connections: 1, bytesSent: 1000, rttUs: { count: 1, p50: 70 } },
    ])
    // The socket connects again.
    add('close', 10, 70)
    expect(summary.rows()).toMatchObject([
      { connections: 2, bytesSent: 1010, rttUs: { count: 2, p50: 70 } },
    ])
  })

  test('failures are no connections', () => {
    const summary = new TcpInfoSummary()
    const never = {
      state: 'SYN_SENT' as const,
      connectDurationMs: undefined,
      rttUs: undefined,
      bytesAcked: undefined,
      bytesReceived: undefined,
    }
    const socket = {}
    summary.add(record({ ...never, trigger: 'demand' }), socket)
    summary.add(record({ ...never, trigger: 'attempt' }), socket)
    summary.add(record({ ...never, trigger: 'close' }), socket)
    expect(summary.rows()).toMatchObject([{ connections: 0, failures: 2 }])
  })

  test('each address that is tried has a row of its own', () => {
    const first = {
      remoteAddress: '127.0.0.1',
      state: 'SYN_SENT' as const,
      connectDurationMs: undefined,
      rttUs: undefined,
      bytesReceived: 0,
    }
    const second = { remoteAddress: '127.0.0.2' }
    const summary = new TcpInfoSummary()
    const socket = {}
    summary.add(record({ ...first, trigger: 'demand' }), socket)
    // As of captureTcpInfo() on the tick after 'connectionAttemptFailed': on loopback
    // it is connected by then.
    summary.add(record({ ...second, trigger: 'demand' }), socket)
    summary.add(record({ ...first, trigger: 'attempt' }), socket)
    summary.add(record({ ...second, trigger: 'close' }), socket)
    expect(summary.rows()).toMatchObject([
      { key: '127.0.0.1', connections: 0, failures: 1, rttUs: undefined },
      { key: '127.0.0.2', connections: 1, failures: 0, rttUs: { count: 1 } },
    ])
  })

  test('keys', () => {
    const keysWith = (
      key: ConstructorParameters<typeof TcpInfoSummary>[0],
      members: Partial<TcpInfo>,
    ) => {
      const summary = new TcpInfoSummary(key)
      summary.add(record(members))
      return summary.rows().map(({ key }) => key)
    }
    const peer = { remoteAddress: '::1', remotePort: 443 }
    expect(keysWith({}, peer)).toEqual(['::1'])
    expect(keysWith({ key: 'host:port' }, peer)).toEqual(['[::1]:443'])
    expect(
      keysWith({ key: ({ remotePort }) => `port ${remotePort}` }, peer),
    ).toEqual(['port 443'])
    const unknown = { remoteAddress: undefined, remotePort: undefined }
    expect(keysWith({}, unknown)).toEqual(['unknown'])
    expect(keysWith({ key: 'host:port' }, unknown)).toEqual(['unknown:?'])
  })

  test('too many keys share a row, which is last', () => {
    const summary = new TcpInfoSummary({ maxKeys: 2 })
    for (const host of ['a', 'b', 'c', 'd', 'a']) {
      summary.add(record({ remoteAddress: host }))
    }
    expect(summary.rows()).toMatchObject([
      { key: 'a', connections: 2 },
      { key: 'b', connections: 1 },
      { key: 'other', connections: 2 },
    ])
  })

  test('of too many open connections the oldest are settled, none counted twice', () => {
    const summary = new TcpInfoSummary()
    const sockets = Array.from({ length: 10_005 }, () => ({}))
    const add = (trigger: TcpInfo['trigger'], bytesSent: number) => {
      for (const socket of sockets)
        summary.add(record({ trigger, bytesSent }), socket)
    }
    add('demand', 1)
    add('demand', 2)
    add('close', 3)
    expect(summary.rows()).toMatchObject([
      { connections: 10_005, bytesSent: 30_015, rttUs: { count: 10_005 } },
    ])
  })

  test('a key may be called other', () => {
    const summary = new TcpInfoSummary({ maxKeys: 1 })
    for (const host of ['other', 'b']) {
      summary.add(record({ remoteAddress: host }))
    }
    expect(summary.rows()).toMatchObject([
      { key: 'other', isOther: false, connections: 1 },
      { key: 'other', isOther: true, connections: 1 },
    ])
  })

  test.each([
    ['no record', undefined, undefined],
    ['an object that is none', {}, undefined],
    ['a connection that is no object', 'real', 'id'],
    ['a connection that is null', 'real', null],
  ])('%s is not added', (_, info, connection) => {
    const summary = new TcpInfoSummary()
    const args = [info === 'real' ? real : info, connection] as unknown
    expect(() => summary.add(...(args as [TcpInfo]))).toThrow(WRONG_ARGUMENT)
    expect(summary.rows()).toEqual([])
  })

  test.each([
    [undefined, 'of type undefined'],
    [null, 'null'],
    [7, '7'],
  ])('a key of %s is none', (key, said) => {
    const summary = new TcpInfoSummary({ key: () => key as never })
    expect(() => summary.add(real)).toThrow(WRONG_ARGUMENT)
    expect(() => summary.add(real)).toThrow(
      `must return a string, and what it returned was ${said}.`,
    )
    expect(summary.rows()).toEqual([])
  })

  test('options that are none', () => {
    const make = (options: object) => () => new TcpInfoSummary(options)
    expect(make({ key: 'port' })).toThrow("key must be 'host'")
    expect(make({ key: 'toString' })).toThrow(WRONG_ARGUMENT)
    expect(make({ maxKeys: -1 })).toThrow(WRONG_ARGUMENT)
    expect(make({ maxKeys: 0.5 })).toThrow(
      'maxKeys must be a whole number, 0 or more, and was 0.5.',
    )
    expect(make({ maxKeys: '5' })).toThrow('and was of type string.')
    expect(make({ maxKeys: Infinity })).not.toThrow()
  })

  test('a row takes no more than is promised', () => {
    const script = path.join(__dirname, 'summary-memory.mjs')
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--expose-gc', '--import', 'tsx', script],
      { encoding: 'utf8' },
    )
    expect(stderr).toBe('')
    const bytes = Number(stdout)
    expect(bytes).toBeGreaterThan(40_000)
    expect(bytes).toBeLessThan(90_000)
  })
})
