// What the page is given: what is absent stays absent, counters become rates.

import { describe, expect, test } from 'vitest'
import { reportData } from '../../lib/report/data.js'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { ofMacos, ofWindows, recorded, START } from './connections.js'

type Some = { readonly [K in keyof TcpInfo]?: unknown }

/** A record with these members and no other. */
const record = (atMs: number, members: Some = {}): TcpInfo =>
  ({
    trigger: 'sample',
    capturedAt: START + atMs,
    platform: 'linux',
    source: 'TCP_INFO',
    ...members,
  }) as unknown as TcpInfo

function shown(...records: TcpInfo[]) {
  const connections = [{ id: 'a', records, verdict: undefined }]
  const [connection] = reportData(connections, 'title').connections
  if (!connection) throw new Error('no connection')
  return connection
}

function only(connection: ReturnType<typeof recorded>[number]) {
  return shown(...connection.records)
}

describe('a recorded transfer', () => {
  const [sender, receiver] = recorded().map(only)

  test('was lossy at two times, the second with a timeout', () => {
    expect(sender?.losses).toMatchObject([
      { retransmitted: 51, timeouts: 0, timedOut: [] },
      { retransmitted: 310, timeouts: 1 },
    ])
    expect(sender?.losses[1]?.timedOut).toHaveLength(1)
    expect(receiver?.losses).toEqual([])
  })

  test('has its totals', () => {
    expect(sender).toMatchObject({
      recordCount: 78,
      state: 'CLOSED',
      bytesOut: 5_441_912,
      outIs: 'sent',
      retransmitted: 361,
      retransmitUnit: 'segments',
    })
    expect(sender?.retransmitRatio).toBeCloseTo(0.096, 3)
    expect(sender?.rttMinUs).toBe(40_000)
  })

  test('has the verdict of its records', () => {
    const [{ verdict } = {}] = reportData(recorded(), 'title').connections
    expect(verdict).toMatchObject({
      limitedBy: 'application',
      confidence: expect.closeTo(0.7, 1),
      summary: expect.stringMatching(/^This connection was limited by the app/),
      closed: 'us, fin',
      shares: { applicationWaits: expect.closeTo(0.7, 1), sendBuffer: 0 },
    })
  })

  test('its rates and counts add up to the totals', () => {
    const { timesMs = [], series = {} } = sender ?? {}
    const sum = (values: readonly (number | null)[] = []) =>
      values.reduce<number>((all, each) => all + (each ?? 0), 0)
    const sent = (series.bytesOutPerSec ?? []).map((rate, index) =>
      rate === null
        ? null
        : (rate * ((timesMs[index] ?? 0) - (timesMs[index - 1] ?? 0))) / 1000,
    )
    const first = recorded()[0]?.records[0]?.bytesSent ?? Number.NaN
    expect(sum(sent) + first).toBeCloseTo(5_441_912, -2)
    expect(sum(series.retransmitted)).toBe(361)
  })
})

test('a counter that wraps goes on', () => {
  const { series, retransmitted, retransmitUnit, losses } = only(ofWindows())
  expect(retransmitUnit).toBe('bytes')
  expect(series.retransmitted?.[6]).toBe(2920)
  expect(retransmitted).toBe(2 ** 32 - 1000 + 2920)
  expect(losses).toMatchObject([{ first: 6, last: 6, timedOut: [6] }])
})

test('what a system does not tell is left out', () => {
  const { series, rttMinUs, losses } = only(ofMacos())
  expect(Object.keys(series).sort()).toEqual([
    'bytesInPerSec',
    'bytesOutPerSec',
    'cwndBytes',
    'retransmitted',
    'rttUs',
    'sndWndBytes',
  ])
  expect(rttMinUs).toBeNull()
  expect(losses).toMatchObject([{ retransmitted: 7, timeouts: null }])
})

test('a connection of which nothing is known has no number at all', () => {
  const { recordCount, ...rest } = shown(record(0))
  expect(recordCount).toBe(1)
  expect(rest).toMatchObject({
    state: null,
    durationMs: null,
    bytesOut: null,
    bytesIn: null,
    rttMinUs: null,
    rttMedianUs: null,
    rttLastUs: null,
    retransmitRatio: null,
    retransmitted: null,
    retransmittedBefore: null,
    verdict: null,
    series: {},
    losses: [],
  })
  expect(shown()).toMatchObject({ recordCount: 0, startedAt: null })
})

test('SYNs sent again are no retransmitted data', () => {
  const syns = { segmentsRetransmitted: 3 }
  expect(shown(record(0, { ...syns, dataSegmentsOut: 1 }))).toMatchObject({
    retransmitRatio: 1,
  })
  expect(shown(record(0, { ...syns, dataSegmentsOut: 0 }))).toMatchObject({
    retransmitRatio: null,
  })
})

test('a value that is missing is missing, and so is what follows from it', () => {
  const { series } = shown(
    record(0, { rttUs: 1, bytesSent: 0 }),
    record(100),
    record(200, { rttUs: 3, bytesSent: 500 }),
    record(300, { rttUs: 4, bytesSent: 800 }),
  )
  expect(series.rttUs).toEqual([1, null, 3, 4])
  expect(series.bytesOutPerSec).toEqual([null, null, null, 3000])
})

test('the least of the counters that tell the same is used where no better is', () => {
  const read = { appBytesRead: 7, appBytesWritten: 9 }
  expect(shown(record(0, read))).toMatchObject({
    ...{ bytesIn: 7, inIs: 'read by the program' },
    ...{ bytesOut: 9, outIs: 'written by the program' },
  })
})

test('the axis begins with the connection where its age is known', () => {
  const aged = [250, 1250].map((age) =>
    record(age, { connectionAgeMs: age, bytesSent: age }),
  )
  expect(shown(...aged)).toMatchObject({
    isStartKnown: true,
    startedAt: START,
    durationMs: 1250,
    timesMs: [250, 1250],
    series: { bytesOutPerSec: [1000, 1000] },
  })
})

test('but not with one that is far away', () => {
  const old = [5000, 6000].map((age) =>
    record(age, { connectionAgeMs: age, segmentsRetransmitted: 3 }),
  )
  expect(shown(...old)).toMatchObject({
    isStartKnown: false,
    startedAt: START + 5000,
    durationMs: 6000,
    timesMs: [0, 1000],
    series: { retransmitted: [null, 0] },
    retransmittedBefore: 3,
  })
})

test('a long time without samples is a gap', () => {
  const at = [0, 50, 100, 150, 900, 950]
  expect(shown(...at.map((each) => record(each))).gaps).toEqual([4])
})

test('records of one moment are one sample, and nothing is lost', () => {
  const { timesMs, series } = shown(
    record(0, { segmentsRetransmitted: 0 }),
    record(10, { segmentsRetransmitted: 1 }),
    record(10, { segmentsRetransmitted: 3 }),
    record(20, { segmentsRetransmitted: 4 }),
  )
  expect(timesMs).toEqual([0, 10, 20])
  expect(series.retransmitted).toEqual([null, 3, 1])
})

test('time never runs backwards, whatever the clock did', () => {
  const at = [0, 50, -3_600_000, -3_599_950]
  const { timesMs, durationMs } = shown(...at.map((each) => record(each)))
  expect(timesMs).toEqual([0, 50, 100])
  expect(durationMs).toBe(100)
})

test('timeouts that are not counted are seen all the same', () => {
  const silence = [0, 0, 2, 0].map((consecutiveRtos, index) =>
    record(index * 50, { consecutiveRtos }),
  )
  expect(shown(...silence).losses).toEqual([
    { first: 2, last: 2, retransmitted: null, timeouts: null, timedOut: [2] },
  ])
})

test('a silence of a hundred thousand samples takes a moment', () => {
  const count = 100_000
  const silence = Array.from({ length: count }, (_, index) =>
    record(10 * index, { consecutiveRtos: 7 }),
  )
  const connections = [{ id: 'a', records: silence, verdict: undefined }]
  const before = performance.now()
  const [connection] = reportData(connections, 'title').connections
  expect(performance.now() - before).toBeLessThan(10_000)
  expect(connection?.losses).toMatchObject([{ first: 0, last: count - 1 }])
  expect(connection?.losses[0]?.timedOut).toHaveLength(count)
}, 120_000)

test('of a file that holds anything at all, only numbers are numbers', () => {
  const unprintable = { toString: 1, valueOf: 1 }
  const junk = [null, 'x', '7', {}, unprintable, [], true, Number.NaN, Infinity]
  for (const each of junk) {
    const members = Object.fromEntries(
      Object.keys(recorded()[0]?.records[0] ?? {}).map((name) => [name, each]),
    )
    const odd = [0, 50, 100].map((capturedAt) =>
      record(0, { ...members, capturedAt }),
    )
    const good = record(0, { capturedAt: 75, rttUs: 1, bytesSent: 2 })
    odd.splice(2, 0, good)
    const connection = shown(...odd)
    expect(JSON.parse(JSON.stringify(connection))).toEqual(connection)
    expect(connection).toMatchObject({ bytesIn: null, bytesOut: 2 })
    expect(connection.series).toEqual({ rttUs: [null, null, 1, null] })
    const untimed = [record(0, members), record(0, members)]
    expect(shown(...untimed).startedAt).toBeNull()
  }
})

test('text can not turn the text around it', () => {
  const info = record(0, {
    remoteAddress: '\u202egpj.exe\u0000',
    state: 'A'.repeat(10_000),
  })
  const { remote, state } = shown(info)
  expect(remote).toBe('\ufffdgpj.exe\ufffd')
  expect(state).toHaveLength(301)
})
