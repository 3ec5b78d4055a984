import { describe, expect, test } from 'vitest'
import { COUNTERS } from '../../lib/counters.js'
import { TcpInfoError } from '../../lib/errors.js'
import type { TcpInfoSample } from '../../lib/sampler.js'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { explain } from '../../lib/verdict/index.js'

/** A record as JSON leaves it: without what is absent. */
const record = (members: Partial<TcpInfo>): TcpInfo =>
  ({
    trigger: 'sample',
    capturedAt: 1_700_000_000_000,
    platform: 'linux',
    source: 'TCP_INFO',
    state: 'ESTABLISHED',
    sendMssBytes: 1448,
    ...members,
  }) as TcpInfo

/** `count` records, 50 ms apart; `members` tells how each differs. */
const series = (
  count: number,
  members: (i: number) => Partial<TcpInfo>,
): TcpInfo[] =>
  Array.from({ length: count }, (_, i) =>
    record({ capturedAt: 1_700_000_000_000 + 50 * i, ...members(i) }),
  )

describe('what it takes', () => {
  test('a record, an array, any iterable', () => {
    const one = record({ trigger: 'close' })
    const verdict = explain(one)
    expect(explain([one])).toEqual(verdict)
    expect(explain(new Set([one]).values())).toEqual(verdict)
  })

  test('samples, which hold records', () => {
    const records = series(20, (i) => ({ busyUs: 0, dataSentAgoMs: 50 * i }))
    const samples = records.map((info) => ({ info }) as TcpInfoSample)
    const verdict = explain(records)
    expect(verdict.observedMs).toBe(950)
    expect(explain(samples)).toEqual(verdict)
    expect(explain(samples[0] as TcpInfoSample)).toEqual(
      explain(records[0] as TcpInfo),
    )
  })

  describe('samples, by their own clock', () => {
    const HOUR_MS = 3_600_000

    /** The system clock is set while they are taken. */
    const jumping = (records: readonly TcpInfo[], byMs: number, from = 20) =>
      records.map((info, i) => {
        const capturedAt = info.capturedAt + (i < from ? 0 : byMs)
        const atMs = info.capturedAt - 1_699_999_990_000
        return { info: { ...info, capturedAt }, atMs } as TcpInfoSample
      })
    const held = { notSentBytes: 100_000, rttUs: 40_000, minRttUs: 40_000 }

    test.each([
      [
        'the time in all',
        (i: number) => ({
          ...{ busyUs: 10_000 * i, segmentsInFlight: 0 },
          dataReceivedAgoMs: 10,
        }),
        ...['application', 'for 80 % of the time'],
      ],
      [
        'that in which data came in',
        (i: number) => ({
          ...{ busyUs: 0, segmentsInFlight: 0, dataReceivedAgoMs: 10 },
          bytesReceived: 20_000 * Math.min(i, 21),
        }),
        ...['unknown', 'it mainly received'],
      ],
      [
        'that in which nothing got through',
        (i: number) => ({
          ...{ ...held, busyUs: 50_000 * i, segmentsInFlight: 3 },
          ...{ bytesAcked: 20_000, cwndSegments: 10, sndWndBytes: 1e6 },
        }),
        ...['timeouts', 'for 2.0 s nothing'],
      ],
      [
        'the halves in which it grew',
        (i: number) => ({
          ...{ ...held, busyUs: 50_000 * i, segmentsInFlight: 5 },
          ...{ bytesAcked: 1000 * i ** 2, cwndSegments: 10 },
        }),
        ...['path-rtt', 'still growing'],
      ],
    ] as const)('%s', (_, members, limitedBy, says) => {
      const records = series(41, members)
      const verdict = explain(records)
      expect(verdict).toMatchObject({ limitedBy, observedMs: 2000 })
      expect(verdict.summary).toContain(says)
      for (const from of [10, 20, 30]) {
        expect(explain(jumping(records, HOUR_MS, from))).toEqual(verdict)
        expect(explain(jumping(records, -HOUR_MS, from))).toEqual(verdict)
      }
    })

    test('the clocks are never mixed', () => {
      const samples = jumping(
        series(41, () => ({})),
        HOUR_MS,
      )
      const [first, ...others] = samples as [TcpInfoSample, ...TcpInfoSample[]]
      const untimed = { info: first.info } as TcpInfoSample
      for (const odd of [first.info, untimed, { ...first, atMs: Number.NaN }]) {
        const { observedMs } = explain([odd as TcpInfoSample, ...others])
        expect(observedMs).toBe(HOUR_MS + 2000)
      }
    })
  })

  test('no records at all have no cause', () => {
    const verdict = explain([])
    expect(verdict).toMatchObject({
      limitedBy: 'unknown',
      confidence: 0,
      closedBy: undefined,
    })
    expect(Object.keys(verdict)).toEqual(Object.keys(explain(record({}))))
    // What a caller does to its own is not in another's.
    Object.assign(verdict.evidence, { rttUs: 1 })
    expect(explain([]).evidence).toEqual({})
  })

  test.each([
    undefined,
    null,
    7,
    'record',
    {},
    { info: {} },
    [{}],
    [{ info: null }],
    [null],
    [record({}), 'x'],
    () => {},
  ])('%j is refused', (value) => {
    expect(() => explain(value as never)).toThrow(TcpInfoError)
    expect(() => explain(value as never)).toThrow(
      expect.objectContaining({
        code: 'ERR_TCP_INFO_ARGUMENT',
        message: expect.stringContaining('explain() takes a record'),
      }),
    )
  })
})

describe('whatever is in the records', () => {
  test.each([
    ...[Number.NaN, Infinity, -1, 1e300, null, '7', 7n, Symbol('x'), {}],
    ...['constructor', ['ESTABLISHED'], true],
  ])('%s counts as absent where it can not be', (odd) => {
    const names = Object.keys(record({})).concat(COUNTERS, 'rttUs', 'cwndBytes')
    const kept = ['capturedAt', 'platform', 'source', 'trigger']
    const members = Object.fromEntries(
      names.filter((name) => !kept.includes(name)).map((name) => [name, odd]),
    )
    const verdict = explain([record(members), record({}), record(members)])
    expect(structuredClone(verdict)).toEqual(verdict)
    expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict)
    expect(verdict.confidence).toBe(0)
  })

  test('shares are numbers also of what was never open', () => {
    const verdict = explain(
      record({
        ...{ trigger: 'close', capturedAt: 1, state: 'SYN_SENT' },
        ...{ platform: 'win32', source: 'SIO_TCP_INFO v1' },
        ...{ rwndLimitedUs: 0, cwndLimitedUs: 0, appLimitedUs: 3e6 },
        ...{ connectionAgeMs: 3000, sendMssBytes: undefined },
      }),
    )
    expect(verdict).toMatchObject({ limitedBy: 'handshake', shares: undefined })
  })

  test('very many records are no harm', () => {
    const many = series(200_000, (i) => ({
      rttUs: 10_000,
      segmentsInFlight: 1,
      busyUs: 50_000 * i,
    }))
    expect(explain(many).observedMs).toBe(50 * (many.length - 1))
  })
})

describe('who closed first', () => {
  const final = (members: Partial<TcpInfo>) =>
    record({ trigger: 'close', ...members })
  const closed = (members: Partial<TcpInfo>) =>
    final({ state: 'CLOSED', ...members })

  test.each([
    ['open', record({}), undefined, undefined],
    ['half-closed by us', record({ state: 'FIN_WAIT_2' }), 'us', 'fin'],
    ['half-closed by the peer', record({ state: 'CLOSE_WAIT' }), 'peer', 'fin'],
    ['the peer first', final({ state: 'LAST_ACK' }), 'peer', 'fin'],
    ['both at once', final({ state: 'CLOSING' }), 'both', 'fin'],
    ['both, in an unknown order', closed({}), 'unknown', 'unknown'],
    ['destroyed', final({}), 'us', 'destroy'],
    ['destroyed in vain', final({ state: 'SYN_SENT' }), 'us', 'destroy'],
    ['at exit', record({ trigger: 'exit' }), 'us', 'destroy'],
    ['an attempt', record({ trigger: 'attempt' }), 'us', 'destroy'],
    ['no state', final({ state: undefined }), 'unknown', 'unknown'],
    ['reset', closed({ errorCode: 'ECONNRESET' }), 'peer', 'rst'],
    ['timed out', closed({ errorCode: 'ETIMEDOUT' }), 'network', 'timeout'],
    ['refused', closed({ errorCode: 'ECONNREFUSED' }), 'peer', 'refused'],
    [
      'no route any more',
      closed({ errorCode: 'EHOSTUNREACH' }),
      ...['network', 'unreachable'],
    ],
    [
      "a program's own ETIMEDOUT",
      final({ errorCode: 'ETIMEDOUT' }),
      ...['us', 'destroy'],
    ],
    [
      "a program's own ECONNRESET",
      final({ errorCode: 'ECONNRESET' }),
      ...['us', 'destroy'],
    ],
    [
      'a reset on Windows, which keeps an earlier record',
      final({ platform: 'win32', errorCode: 'ECONNRESET' }),
      ...['peer', 'rst'],
    ],
  ] as const)('%s', (_, snapshot, closedBy, closedHow) => {
    expect(explain(snapshot)).toMatchObject({ closedBy, closedHow })
  })

  test('the first FIN counts, not how it ended', () => {
    const states = [
      record({}),
      record({ state: 'FIN_WAIT_2' }),
      closed({ errorCode: 'ECONNRESET' }),
    ]
    expect(explain(states)).toMatchObject({ closedBy: 'us', closedHow: 'fin' })
  })
})

describe('without the timers of Linux', () => {
  test('Windows: the receiver', () => {
    const records = series(20, (i) => ({
      platform: 'win32',
      connectionAgeMs: 50 * i,
      rwndLimitedUs: 45_000 * i,
      cwndLimitedUs: 2_000 * i,
      appLimitedUs: 3_000 * i,
      bytesInFlight: 1000,
      sndWndBytes: 1000,
      cwndBytes: 100_000,
    }))
    const { limitedBy, confidence, evidence } = explain(records)
    expect(limitedBy).toBe('receiver-window')
    expect(confidence).toBeCloseTo(0.9)
    expect(evidence.rwndLimitedUs).toBe(45_000 * 19)
  })

  test('Windows: an application that is silent', () => {
    const records = series(20, (i) => ({
      platform: 'win32',
      connectionAgeMs: 50 * i,
      rwndLimitedUs: 0,
      cwndLimitedUs: 1_000 * i,
      appLimitedUs: 49_000 * i,
      bytesInFlight: 0,
    }))
    expect(explain(records).limitedBy).toBe('application')
    expect(explain(records.slice(-1)).limitedBy).toBe('application')
  })

  test('macOS: loss', () => {
    const records = series(20, (i) => ({
      platform: 'darwin',
      rttUs: 30_000,
      cwndBytes: 10 * 1448,
      sndWndBytes: 1_000_000,
      sendQueueBytes: 131_072,
      bytesSent: 20_000 * i,
      bytesRetransmitted: 300 * i,
    }))
    expect(explain(records)).toMatchObject({
      limitedBy: 'loss',
      retransmitRatio: 0.015,
    })
  })

  test('macOS: one record says nothing of the time before it', () => {
    const one = record({ platform: 'darwin', rttUs: 30_000, cwndBytes: 14_480 })
    expect(explain(one)).toMatchObject({
      limitedBy: 'unknown',
      observedMs: undefined,
      shares: undefined,
    })
  })
})

test.each(['localPort', 'remotePort'])(
  'of several connections, by the %s, nothing is told',
  (name) => {
    const records = series(40, (i) => ({ [name]: i < 39 ? 4000 : 4001 }))
    for (const each of [records, records.toReversed()]) {
      expect(explain(each)).toEqual({
        ...explain([]),
        summary: 'These are records of several connections.',
      })
    }
  },
)

describe('of a series', () => {
  const bulk = (i: number): Partial<TcpInfo> => ({
    busyUs: 50_000 * i,
    rwndLimitedUs: 0,
    sndbufLimitedUs: 0,
    rttUs: 40_000,
    minRttUs: 40_000,
    cwndSegments: 10,
    segmentsInFlight: 10,
    notSentBytes: 100_000,
    bytesAcked: 14_480 * i,
    bytesSent: 14_480 * (i + 1),
    bytesRetransmitted: 0,
  })

  test('the time from the first to the last counts', () => {
    const records = series(40, bulk)
    expect(explain(records).observedMs).toBe(39 * 50)
    expect(explain(records.slice(20)).observedMs).toBe(19 * 50)
  })

  test('a full window without loss, queue or growth is just that', () => {
    expect(explain(series(40, bulk))).toMatchObject({
      limitedBy: 'congestion-window',
      confidence: 1,
    })
  })

  test.each([
    [0.002, 'congestion-window'],
    [0.004, 'loss'],
  ])('a retransmit ratio of %d: %s', (ratio, limitedBy) => {
    const records = series(40, (i) => ({
      ...bulk(i),
      bytesSent: 100_000 * i,
      bytesRetransmitted: 100_000 * ratio * i,
    }))
    const verdict = explain(records)
    expect(verdict.retransmitRatio).toBeCloseTo(ratio)
    expect(verdict.limitedBy).toBe(limitedBy)
  })

  test('a window far above what the ratio allows is not limited by it', () => {
    const records = series(40, (i) => ({
      ...bulk(i),
      cwndSegments: 500,
      segmentsInFlight: 500,
      bytesRetransmitted: 145 * i,
    }))
    expect(explain(records).limitedBy).toBe('congestion-window')
  })

  test.each([
    [44_000, 'congestion-window'],
    [51_000, 'path-rate'],
  ])('a round trip of %d µs over 40,000: %s', (rttUs, limitedBy) => {
    const records = series(40, (i) => ({ ...bulk(i), rttUs }))
    expect(explain(records).limitedBy).toBe(limitedBy)
  })

  test.each([
    [2, 'congestion-window'],
    [3, 'timeouts'],
  ])(
    '%d timeouts in a row, for less than half of the time: %s',
    (consecutiveRtos, limitedBy) => {
      const records = series(40, (i) => ({
        ...bulk(i),
        consecutiveRtos: i < 39 ? 0 : consecutiveRtos,
        ackReceivedAgoMs: i < 39 ? 4 : 700,
      }))
      expect(explain(records).limitedBy).toBe(limitedBy)
    },
  )

  test.each([
    [40, 0.09, 'path-rate'],
    [40, 0.11, 'unknown'],
    [40, 0.34, 'unknown'],
    [40, 0.51, 'receiver-window'],
    [9, 0.6, 'unknown'],
    [9, 0.7, 'receiver-window'],
  ])(
    "%d records, a queue, and the peer's window full for %d of the time: %s",
    (count, share, limitedBy) => {
      const records = series(count, (i) => ({
        ...bulk(i),
        rttUs: 80_000,
        rwndLimitedUs: 50_000 * share * i,
      }))
      expect(explain(records).limitedBy).toBe(limitedBy)
    },
  )

  test("a peer's window that was full for less time than others waited", () => {
    // Of a transfer over a queue; the rest of the time it was idle.
    const shares = (rwnd: number, busy: number) =>
      explain(
        series(40, (i) => ({
          ...bulk(i),
          busyUs: 50_000 * busy * i,
          rwndLimitedUs: 50_000 * rwnd * i,
        })),
      ).limitedBy
    expect(shares(0.42, 0.91)).toBe('unknown')
    expect(shares(0.42, 0.75)).toBe('receiver-window')
  })

  test('of two shares of a half the network is told', () => {
    const records = series(40, (i) => ({
      ...bulk(i),
      ...{ rttUs: 200_000, minRttUs: 24 },
      ...(i >= 20 && { notSentBytes: 0, segmentsInFlight: 5 }),
    }))
    expect(explain(records)).toMatchObject({
      limitedBy: 'path-rate',
      shares: { network: 0.5, applicationWaits: 0.5 },
      summary: expect.stringContaining('from 0.02 ms to 200 ms'),
    })
  })

  // The queue of this machine drops each segment, so the kernel times no
  // retransmission; what it tries counts as sent.
  const stuck = (i: number): Partial<TcpInfo> => ({
    ...bulk(i),
    bytesAcked: 0,
    segmentsInFlight: 0,
    notSentBytes: 3_000_128,
    bytesInFlight: 3_440_640,
    sndWndBytes: 65_483,
    bytesSent: 3_440_640 + 1448 * i,
    consecutiveRtos: 0,
    ackReceivedAgoMs: 50 * i,
  })

  describe('nothing gets through', () => {
    test.each([
      ['the last record', series(121, stuck).slice(-1)],
      ['all', series(121, stuck)],
      ['those before', series(121, stuck).slice(60)],
    ])('%s', (_, records) => {
      expect(explain(records)).toMatchObject({
        limitedBy: 'timeouts',
        confidence: expect.closeTo(1, 1),
        summary: expect.stringMatching(/for \d\.0 s nothing .* acknowledged/),
      })
    })

    test('for so short a time that an answer may be on its way', () => {
      expect(explain(series(20, stuck))).toMatchObject({
        limitedBy: 'unknown',
        summary: expect.stringContaining('nothing was acknowledged'),
      })
    })

    test('because the peer does not read', () => {
      const records = series(121, (i) => ({
        ...stuck(i),
        ...{ sndWndBytes: 0, rwndLimitedUs: 50_000 * i },
      }))
      expect(explain(records).limitedBy).toBe('receiver-window')
    })
  })

  describe('one that sent something and is idle', () => {
    const idle = (members: (i: number) => Partial<TcpInfo>) =>
      explain(
        series(140, (i) => ({
          ...{ busyUs: 0, segmentsInFlight: 0, notSentBytes: 0 },
          ...{ bytesSent: 13, bytesReceived: 0 },
          ...members(i),
        })),
      )

    test('answers each request late', () => {
      const verdict = idle((i) => ({
        ...{ bytesReceived: 50 * (i >> 1), bytesAcked: 900 * (i >> 1) },
        ...{
          dataReceivedAgoMs: 50 * (i % 2),
          dataSentAgoMs: 50 - 50 * (i % 2),
        },
      }))
      expect(verdict.limitedBy).toBe('application')
    })

    test('reads in gulps', () => {
      const verdict = idle((i) => ({
        ...{ bytesReceived: 1_000_000 * Math.floor(i / 40), bytesAcked: 13 },
        ...{ dataReceivedAgoMs: 50 * (i % 40), dataSentAgoMs: 50 * i },
        rcvWndBytes: i % 4 === 0 ? 0 : 65_536,
      }))
      expect(verdict).toMatchObject({
        limitedBy: 'unknown',
        summary: expect.stringContaining(
          'mainly received, and in 35 of 140 records its window was closed',
        ),
      })
    })

    test('waits for an answer', () => {
      expect(idle((i) => ({ dataSentAgoMs: 50 * i }))).toMatchObject({
        limitedBy: 'unknown',
        summary: expect.stringContaining('waited for an answer'),
      })
    })

    test('waited, though there was an answer at last', () => {
      const verdict = idle((i) => ({
        dataSentAgoMs: 50 * i,
        ...(i > 120 && {
          bytesReceived: 100,
          dataReceivedAgoMs: 50 * (i - 120),
        }),
      }))
      expect(verdict.summary).toContain('waited for an answer')
    })

    test.each([
      ['has its answer', (i: number) => ({ dataReceivedAgoMs: 50 * i })],
      [
        'goes on without one',
        (i: number) => ({
          bytesSent: 13 * Math.ceil((i + 1) / 20),
          dataSentAgoMs: 50 * (i % 20),
        }),
      ],
    ])('%s', (_, members) => {
      const verdict = idle((i) => ({ dataSentAgoMs: 50 * i, ...members(i) }))
      expect(verdict.limitedBy).toBe('application')
      expect(verdict.summary).toContain('the program on this side')
      expect(verdict.summary).toContain('no fault')
    })
  })

  describe('its evidence shows what it says', () => {
    test('of the end: a silence after much that was good', () => {
      const records = series(115, (i) => ({
        ...bulk(Math.min(i, 99)),
        ...{ busyUs: 50_000 * i, rtoCount: 0, consecutiveRtos: 0 },
        ackReceivedAgoMs: 5,
        ...(i >= 100 && {
          ...{ rtoCount: 3, consecutiveRtos: 3 },
          ackReceivedAgoMs: 50 * (i - 99),
        }),
      }))
      expect(explain(records)).toMatchObject({
        limitedBy: 'timeouts',
        evidence: { consecutiveRtos: 3, rtoCount: 3, ackReceivedAgoMs: 750 },
      })
    })

    test('of the time: what was so in most of the records', () => {
      const records = series(40, (i) => ({
        ...bulk(i),
        rttUs: i > 30 ? 40_000 : 90_000,
      }))
      expect(explain(records)).toMatchObject({
        limitedBy: 'path-rate',
        evidence: { rttUs: 90_000, minRttUs: 40_000 },
      })
    })

    test('of a part of it: a window that was closed', () => {
      const records = series(40, (i) => ({
        ...{ busyUs: 0, segmentsInFlight: 0 },
        rcvWndBytes: i < 25 ? 0 : 60_000,
      }))
      expect(explain(records)).toMatchObject({
        limitedBy: 'application',
        evidence: { rcvWndBytes: 0 },
      })
    })

    test('of its last moment: it has been idle', () => {
      const records = series(40, (i) => ({
        busyUs: Math.min(50_000 * i, 100_000),
        ...{ segmentsInFlight: i < 3 ? 1 : 0, dataReceivedAgoMs: 50 * i },
        dataSentAgoMs: 50 * i + 1,
      }))
      expect(explain(records)).toMatchObject({
        limitedBy: 'application',
        evidence: { dataSentAgoMs: 50 * 39 + 1 },
      })
    })
  })

  describe('our window', () => {
    /** Much is sent over loopback; nothing is received. */
    const loopback = (i: number): Partial<TcpInfo> => ({
      ...{ busyUs: 0, bytesAcked: 20_000 * i, bytesReceived: 1 },
      ...{ sendMssBytes: 65_483, rcvWndBytes: 65_536, segmentsInFlight: 0 },
    })

    test.each([
      ['smaller than two of our segments', {}],
      ['of a small buffer', { sendMssBytes: 1448, rcvWndBytes: 2048 }],
    ])('%s, but open', (_, members) => {
      const records = series(40, (i) => ({ ...loopback(i), ...members }))
      expect(explain(records).summary).toContain('gave it nothing more to send')
    })

    test.each([
      [19, 'gave it nothing more to send'],
      [20, 'did not read fast enough: its window was closed in 20 of 40'],
    ])('closed in %d of 40 records', (closed, says) => {
      const records = series(40, (i) => ({
        ...loopback(i),
        ...(i < closed && { rcvWndBytes: 0 }),
      }))
      expect(explain(records).summary).toContain(says)
    })

    test('closed, and that of the peer as well', () => {
      const records = series(40, (i) => ({
        ...loopback(i),
        ...{ rcvWndBytes: 0, busyUs: 50_000 * i, rwndLimitedUs: 50_000 * i },
      }))
      expect(explain(records)).toMatchObject({
        limitedBy: 'unknown',
        summary: expect.stringContaining('was held back as well'),
      })
    })
  })

  test.each([
    [400, 'unknown'],
    [1_200, 'application'],
  ])('something comes in every %d ms: %s', (everyMs, limitedBy) => {
    const records = series(100, (i) => {
      const arrived = Math.floor((50 * i) / everyMs)
      return {
        busyUs: 0,
        segmentsInFlight: 0,
        notSentBytes: 0,
        bytesReceived: 1448 * arrived,
        dataSegmentsIn: arrived,
        dataReceivedAgoMs: (50 * i) % everyMs,
      }
    })
    expect(explain(records).limitedBy).toBe(limitedBy)
  })

  describe('one that mainly receives, slowly', () => {
    const says = (members: (i: number) => Partial<TcpInfo>) => {
      const { limitedBy, summary } = explain(
        series(40, (i) => ({
          ...{ busyUs: 0, segmentsInFlight: 0, rcvWndBytes: 95_232 },
          ...{ bytesReceived: 20_000 * i, appBytesRead: 20_000 * i },
          ...{ dataSentAgoMs: 50 * i, dataReceivedAgoMs: 10 },
          ...members(i),
        })),
      )
      expect(limitedBy).toBe('unknown')
      return summary
    }
    const SENDER = 'the side that sends can tell more'
    const UNKNOWN = 'only the sender can know'

    test('reading was not the cause', () => {
      expect(says(() => ({}))).toContain(SENDER)
    })

    test('reading was not the cause, and it never had to ask', () => {
      const members = { bytesSent: 0, dataSentAgoMs: undefined }
      expect(says(() => members)).toContain(SENDER)
    })

    test('reading was a part of the cause', () => {
      const closed = (i: number) => (i % 5 ? {} : { rcvWndBytes: 0 })
      expect(says(closed)).toContain('in 8 of 40 records its window was closed')
    })

    test('TLS reads a little more than the program', () => {
      const members = (i: number) => ({ appBytesRead: 19_800 * i })
      expect(says(members)).toContain(SENDER)
    })

    test.each([
      ['much is unread', (i: number) => ({ appBytesRead: 15_000 * i })],
      ['what was read is not known', () => ({ appBytesRead: undefined })],
      ['the window is not known', () => ({ rcvWndBytes: undefined })],
      ['it asks again and again', () => ({ dataSentAgoMs: 100 })],
    ])('%s: not even that is said', (_, members) => {
      expect(says(members)).toContain(UNKNOWN)
    })
  })

  describe('little gets through, though neither window is full', () => {
    /** BBR, whose segments are larger than the queue of this machine. */
    const dropping = (i: number): Partial<TcpInfo> => ({
      ...bulk(i),
      ...{ rttUs: 1000, minRttUs: 1000, cwndSegments: 16, segmentsInFlight: 0 },
      ...{ pacingRateBytesPerSec: 984_320, bytesAcked: 2860 * i },
      ...{ bytesSent: 3870 * i, bytesRetransmitted: 1010 * i },
    })

    test('what was lost is said, and no steady rate', () => {
      expect(explain(series(80, dropping))).toMatchObject({
        limitedBy: 'unknown',
        confidence: 0,
        summary: expect.stringContaining('26 % of what it sent was sent again'),
        evidence: { pacingRateBytesPerSec: 984_320, bytesAcked: 2860 * 79 },
      })
    })

    test.each([
      ['nothing was lost', { bytesRetransmitted: 0 }],
      ['no pacing rate is known', { pacingRateBytesPerSec: undefined }],
      ['what was acknowledged is not known', { bytesAcked: undefined }],
    ])('%s: it was sent at a steady rate', (_, members) => {
      const records = series(80, (i) => ({ ...dropping(i), ...members }))
      expect(explain(records)).toMatchObject({
        limitedBy: 'path-rate',
        summary: expect.stringContaining('at a steady rate'),
      })
    })

    test('for half of the time: that time alone counts', () => {
      const records = series(80, (i) => ({
        ...dropping(i),
        ...{ busyUs: 30_000 * i, bytesAcked: 10_000 * i },
      }))
      expect(explain(records)).toMatchObject({
        limitedBy: 'path-rate',
        evidence: { bytesAcked: 10_000 * 79 },
      })
    })
  })

  describe('of two full windows the smaller one held it back', () => {
    test.each([
      [19 * 1448, 'loss'],
      [20 * 1448, 'receiver-window'],
    ])('a congestion window of %d bytes: %s', (cwndBytes, limitedBy) => {
      // All of the queue may be under way, and is more than either.
      const records = series(40, (i) => ({
        ...{ platform: 'darwin', cwndBytes, sndWndBytes: 20 * 1448 },
        ...{ rttUs: 30_000, sendQueueBytes: 131_072 },
        ...{ bytesSent: 20_000 * i, bytesRetransmitted: 300 * i },
      }))
      expect(explain(records).limitedBy).toBe(limitedBy)
    })
  })

  describe('each threshold', () => {
    const bulks = (members: (i: number) => Partial<TcpInfo>, count = 40) =>
      series(count, (i) => ({ ...bulk(i), ...members(i) }))
    /** Takes `ms` in all. */
    const lasting = (ms: number, members: (i: number) => Partial<TcpInfo>) =>
      series(40, (i) => ({
        ...members(i),
        capturedAt: 1_700_000_000_000 + (ms * i) / 39,
        busyUs: (ms * 1000 * i) / 39,
      }))
    const lossy = (i: number) => ({
      bytesSent: 100_000 * i,
      bytesRetransmitted: 1000 * i,
    })
    const asking = (rttUs: number, turnaroundMs: number) =>
      bulks((i) => ({
        ...{ rttUs, minRttUs: rttUs, segmentsInFlight: 1, notSentBytes: 0 },
        ...{ dataSentAgoMs: 5, dataReceivedAgoMs: 5 + turnaroundMs },
        bytesReceived: 100 * i,
      }))

    type Row = readonly [
      name: string,
      of: (value: number) => TcpInfo[],
      below: readonly [value: number, says: string],
      above: readonly [value: number, says: string],
    ]
    const rows: readonly Row[] = [
      [
        'half of the time',
        (share) => bulks((i) => ({ busyUs: 50_000 * share * i })),
        [0.495, 'gave it nothing more to send'],
        [0.505, 'by the congestion window'],
      ],
      [
        'half of the time, where nothing else has half',
        (share) =>
          bulks((i) => ({
            busyUs: 50_000 * (share + 0.09) * i,
            rwndLimitedUs: 50_000 * 0.09 * i,
          })),
        [0.495, 'no single cause'],
        [0.505, 'by the congestion window'],
      ],
      [
        "the peer's window, full for a third",
        // The rest: idle, and halves of the network and of the application.
        (share) =>
          bulks((i) => ({
            ...{ busyUs: 50_000 * 0.73 * i, rwndLimitedUs: 50_000 * share * i },
            ...(i % 2 && { notSentBytes: 0, segmentsInFlight: 5 }),
          })),
        [0.33, 'no single cause'],
        [0.337, "by the peer's receive window"],
      ],
      [
        "the peer's window, full for two thirds of few records",
        (share) => bulks((i) => ({ rwndLimitedUs: 50_000 * share * i }), 9),
        [0.66, 'too few records (9)'],
        [0.67, "by the peer's receive window"],
      ],
      [
        "the peer's window, full for a tenth",
        (share) =>
          bulks((i) => ({ rttUs: 80_000, rwndLimitedUs: 50_000 * share * i })),
        [0.099, 'by the rate of the path'],
        [0.101, 'both held it back'],
      ],
      [
        'the time in ms',
        (ms) => lasting(ms, bulk),
        [99, 'too short a time'],
        [101, 'by the congestion window'],
      ],
      [
        'records, of those that say it',
        (count) => series(count, bulk),
        [9, 'no single cause'],
        [10, 'by the congestion window'],
      ],
      [
        'records, of those without timers',
        (count) => bulks(() => ({ rttUs: 80_000, busyUs: undefined }), count),
        [2, 'do not tell'],
        [3, 'by the rate of the path'],
      ],
      [
        'the retransmit ratio',
        (ratio) =>
          bulks((i) => ({
            ...lossy(i),
            bytesRetransmitted: 100_000 * ratio * i,
          })),
        [0.0029, 'by the congestion window'],
        [0.0031, 'by loss'],
      ],
      [
        'segments sent again',
        (segments) =>
          bulks((i) => ({
            ...lossy(i),
            segmentsRetransmitted: i < 20 ? 0 : segments,
          })),
        [2, 'by the congestion window'],
        [3, 'by loss'],
      ],
      [
        'bytes sent again, where segments are not counted',
        (bytes) =>
          bulks((i) => ({
            bytesSent: 10_000 * i,
            bytesRetransmitted: i < 20 ? 0 : bytes,
          })),
        [3 * 1448 - 1, 'by the congestion window'],
        [3 * 1448, 'by loss'],
      ],
      [
        'the window, three times that of the formula',
        (segments) =>
          bulks((i) => ({
            ...lossy(i),
            ...{ cwndSegments: segments, segmentsInFlight: segments },
          })),
        [36, 'by loss'],
        [37, 'by the congestion window'],
      ],
      [
        'a queue, a quarter',
        (rttUs) => bulks(() => ({ rttUs })),
        [49_900, 'by the congestion window'],
        [50_100, 'by the rate of the path'],
      ],
      [
        'a queue, a quarter, where there is loss',
        (rttUs) => bulks((i) => ({ ...lossy(i), rttUs })),
        [49_900, 'by loss'],
        [50_100, 'loss, and a queue'],
      ],
      [
        'a queue, half, where there is loss',
        (rttUs) => bulks((i) => ({ ...lossy(i), rttUs })),
        [59_900, 'loss, and a queue'],
        [60_100, 'by the rate of the path'],
      ],
      [
        'a queue in µs',
        (rttUs) => bulks(() => ({ rttUs, minRttUs: 8000 })),
        [12_900, 'by the congestion window'],
        [13_100, 'by the rate of the path'],
      ],
      [
        'the growth of the window',
        (segments) =>
          bulks((i) => ({
            cwndSegments: i < 39 ? 100 : segments,
            segmentsInFlight: i < 39 ? 100 : segments,
          })),
        [119, 'by the congestion window'],
        [120, 'still growing'],
      ],
      [
        'the growth of the throughput',
        (each) =>
          bulks((i) => ({
            segmentsInFlight: 5,
            bytesAcked: 1000 * Math.min(i, 20) + each * Math.max(0, i - 20),
          })),
        [2100, 'at a steady rate'],
        [2110, 'still growing'],
      ],
      [
        'the round trip of one that grows',
        (rttUs) =>
          bulks((i) => ({
            ...{ rttUs, minRttUs: rttUs, bytesAcked: 1000 * i ** 2 },
          })),
        [9900, 'by the congestion window'],
        [10_100, 'still growing'],
      ],
      [
        'the round trip of requests',
        (rttUs) => asking(rttUs, 0),
        [9900, 'received for most of the time'],
        [10_100, 'took turns'],
      ],
      [
        'the time to the next request, in ms',
        (turnaroundMs) => asking(100_000, turnaroundMs),
        [20, 'took turns'],
        [21, 'received for most of the time'],
      ],
      [
        'the time to the next request, a quarter',
        (turnaroundMs) => asking(40_000, turnaroundMs),
        [10, 'took turns'],
        [11, 'received for most of the time'],
      ],
      [
        'what was read of what came',
        (bytes) =>
          series(40, (i) => ({
            ...{ busyUs: 0, segmentsInFlight: 0, rcvWndBytes: 95_232 },
            ...{ bytesReceived: 20_000 * i, appBytesRead: bytes * i },
            ...{ dataSentAgoMs: 50 * i, dataReceivedAgoMs: 10 },
          })),
        [18_990, 'only the sender can know'],
        [19_010, 'the side that sends can tell more'],
      ],
      [
        'a pause of the sender',
        // Half of each pause is what counts.
        (everyMs) =>
          series(400, (i) => ({
            ...{ busyUs: 0, segmentsInFlight: 0 },
            dataSegmentsIn: Math.floor((50 * i) / everyMs),
            dataReceivedAgoMs: (50 * i) % everyMs,
          })),
        [990, 'mainly received'],
        [1010, 'gave it nothing more to send'],
      ],
      [
        'timeouts in a row',
        (consecutiveRtos) =>
          bulks((i) => ({ consecutiveRtos: i < 39 ? 0 : consecutiveRtos })),
        [2, 'by the congestion window'],
        [3, 'nothing has answered'],
      ],
      [
        'silence in ms',
        (ms) => lasting(ms, stuck),
        [1390, 'nothing was acknowledged in that time'],
        [1410, 'nothing of what was to be sent'],
      ],
      [
        'silence in ms, where timeouts are not counted',
        (ms) =>
          lasting(ms, (i) => ({ ...stuck(i), consecutiveRtos: undefined })),
        [99, 'too short a time'],
        [101, 'nothing of what was to be sent'],
      ],
      [
        "the peer's window, full for a third of a silence",
        (share) =>
          series(121, (i) => ({
            ...stuck(i),
            rwndLimitedUs: 50_000 * share * i,
          })),
        [0.33, 'nothing of what was to be sent'],
        [0.337, 'both held it back'],
      ],
      [
        'a third of the pacing rate, where much is lost',
        (pacingRateBytesPerSec) =>
          bulks((i) => ({
            ...lossy(i),
            ...{ cwndSegments: 40, pacingRateBytesPerSec },
          })),
        // 14,480 bytes each 50 ms.
        [3 * 289_000, 'at a steady rate'],
        [3 * 290_200, 'far less got through'],
      ],
    ]

    test.each(rows)('%s', (_, of, ...sides) => {
      for (const [value, says] of sides) {
        expect(explain(of(value)).summary).toContain(says)
      }
    })

    test('pauses between records are none of the sender', () => {
      const records = series(40, (i) => ({
        ...{ capturedAt: 1_700_000_000_000 + 2000 * i, dataReceivedAgoMs: 0 },
        ...{ busyUs: 0, segmentsInFlight: 0, dataSegmentsIn: i },
      }))
      expect(explain(records).summary).toContain('mainly received')
    })
  })
})
