import { describe, expect, test } from 'vitest'
import { deltaBetween } from '../../lib/delta.js'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { bytesOf, membersOf, recordedSamples } from '../decode/fixtures.js'
import { recordOf } from '../support/record.js'

const sample = bytesOf(
  recordedSamples.find((one) => one.case === 'client over ::1')?.hex as string,
)

/** A record of a platform with some native members set. */
function withMembers(
  platform: string,
  length: number,
  members: Record<string, number | bigint>,
): TcpInfo {
  const bytes = new Uint8Array(length)
  if (platform === 'linux') bytes.set(sample.subarray(0, length))
  const view = new DataView(bytes.buffer)
  for (const [name, value] of Object.entries(members)) {
    const member = membersOf(platform as 'linux').find(
      (each) => each.name === name,
    )
    if (!member) throw new Error(`no ${name}`)
    const { offset, size } = member
    if (size === 8) view.setBigUint64(offset, BigInt(value), true)
    else if (size === 4) view.setUint32(offset, Number(value), true)
    else if (size === 2) view.setUint16(offset, Number(value), true)
    else view.setUint8(offset, Number(value))
  }
  return recordOf(platform, bytes)
}

const linux = (members: Record<string, number | bigint>) =>
  withMembers('linux', 280, members)
const windows = (members: Record<string, number | bigint>) =>
  withMembers('win32', 152, { State: 4, Mss: 1460, ...members })

describe('what only looks like a record of ours', () => {
  test.each([
    ['a proxy', (info: TcpInfo) => new Proxy(info, {})],
    ['an heir', (info: TcpInfo) => Object.create(info)],
  ])('%s is checked', (_, like: (info: TcpInfo) => TcpInfo) => {
    const info = linux({ tcpi_bytes_sent: 5 })
    const copy = like(info)
    Object.defineProperty(copy, 'bytesSent', { value: Infinity })
    expect(deltaBetween(undefined, copy).counters.bytesSent).toBeUndefined()
  })
})

describe('a counter', () => {
  test('grows by the difference', () => {
    const { counters } = deltaBetween(
      linux({ tcpi_bytes_acked: 1000, tcpi_segs_out: 7 }),
      linux({ tcpi_bytes_acked: 5000, tcpi_segs_out: 9 }),
    )
    expect(counters.bytesAcked).toBe(4000)
    expect(counters.segmentsOut).toBe(2)
  })

  test('of 64 bits passes 4 GiB as any other number', () => {
    const { counters } = deltaBetween(
      linux({ tcpi_bytes_received: 2n ** 32n - 10n }),
      linux({ tcpi_bytes_received: 2n ** 32n + 10n }),
    )
    expect(counters.bytesReceived).toBe(20)
  })

  test('of 32 bits wraps at 2^32', () => {
    const { counters } = deltaBetween(
      linux({ tcpi_segs_in: 2 ** 32 - 5 }),
      linux({ tcpi_segs_in: 6 }),
    )
    expect(counters.segmentsIn).toBe(11)
  })

  test('of 16 bits wraps at 2^16', () => {
    const { counters } = deltaBetween(
      linux({ tcpi_total_rto: 65_535 }),
      linux({ tcpi_total_rto: 1 }),
    )
    expect(counters.rtoCount).toBe(2)
  })

  test('that is scaled wraps at its scaled limit', () => {
    const { counters } = deltaBetween(
      windows({ SndLimTimeRwin: 2 ** 32 - 1, BytesRetrans: 2 ** 32 - 1 }),
      windows({ SndLimTimeRwin: 1, BytesRetrans: 0 }),
    )
    expect(counters.rwndLimitedUs).toBe(2000)
    expect(counters.bytesRetransmitted).toBe(1)
  })

  test.each([
    ['of 64 bits', 'tcpi_bytes_acked', 'bytesAcked'],
    ['of 32 bits', 'tcpi_segs_out', 'segmentsOut'],
  ] as const)(
    '%s that was started anew has no difference',
    (_, name, counter) => {
      const { counters, perSecond } = deltaBetween(
        linux({ [name]: 1_000_000 }),
        linux({ [name]: 10 }),
        1000,
      )
      expect(counters[counter]).toBeUndefined()
      expect(perSecond[counter]).toBeUndefined()
    },
  )

  test.each(['localPort', 'remotePort'] as const)(
    'of another connection, by its %s, has no difference',
    (name) => {
      const record = linux({ tcpi_bytes_acked: 10 })
      const at = (port?: number) => ({ ...record, [name]: port })
      const grown = (one?: number, other?: number) =>
        deltaBetween(at(one), at(other), 1000).counters.bytesAcked
      expect(grown(40_000, 40_001)).toBeUndefined()
      expect(grown(40_000, 40_000)).toBe(0)
      // Not known, or not connected yet.
      expect(grown(undefined, 40_000)).toBe(0)
      expect(grown(40_000, undefined)).toBe(0)
      expect(grown(0, 40_000)).toBe(0)
    },
  )

  test('that one of the records lacks has none', () => {
    const short = recordOf('linux', sample.subarray(0, 104))
    const whole = recordOf('linux', sample)
    expect(whole.bytesAcked).toBeDefined()
    expect(deltaBetween(short, whole).counters.bytesAcked).toBeUndefined()
    expect(deltaBetween(whole, short).counters.bytesAcked).toBeUndefined()
  })
})

describe('a rate', () => {
  const before = linux({ tcpi_bytes_acked: 1000 })
  const after = linux({ tcpi_bytes_acked: 3000 })

  test('is for a second', () => {
    expect(deltaBetween(before, after, 500).perSecond.bytesAcked).toBe(4000)
  })

  test('is absent when no time passed', () => {
    const delta = deltaBetween(before, after)
    expect(delta.durationMs).toBe(0)
    expect(delta.counters.bytesAcked).toBe(2000)
    expect(delta.perSecond.bytesAcked).toBeUndefined()
  })
})

describe('without an earlier record', () => {
  test('it is all there is', () => {
    const { counters, durationMs } = deltaBetween(
      undefined,
      linux({ tcpi_bytes_acked: 3000 }),
    )
    expect(counters.bytesAcked).toBe(3000)
    // Linux does not tell how old a connection is.
    expect(durationMs).toBeUndefined()
  })

  test('the time is the connection’s age where the kernel tells it', () => {
    const info = windows({ ConnectionTimeMs: 2000, BytesOut: 500 })
    const delta = deltaBetween(undefined, info)
    expect(delta.durationMs).toBe(2000)
    expect(delta.perSecond.bytesSent).toBe(250)
    expect(delta.perSecond).not.toHaveProperty('connectionAgeMs')
  })
})

test.each([
  ['no record', [undefined, undefined]],
  ['an object that is none', [undefined, {}]],
  ['none before', [{}, linux({})]],
  ['null before', [null, linux({})]],
  ['false before', [false, linux({})]],
  ['text', ['before', linux({})]],
])('%s is refused by name', (_, args) => {
  expect(() =>
    deltaBetween(...(args as Parameters<typeof deltaBetween>)),
  ).toThrowError(
    expect.objectContaining({
      name: 'TcpInfoError',
      code: 'ERR_TCP_INFO_ARGUMENT',
    }),
  )
})

describe('of a copy, as out of a file', () => {
  test('where somebody has put a name of ours into Object.prototype', () => {
    const copy = { ...linux({ tcpi_bytes_sent: 5000 }) } as TcpInfo
    const odd = { configurable: true, value: 'odd' }
    Object.defineProperty(Object.prototype, 'bytesSent', odd)
    try {
      expect(deltaBetween(undefined, copy).counters.bytesSent).toBe(5000)
    } finally {
      Reflect.deleteProperty(Object.prototype, 'bytesSent')
    }
  })

  const info = linux({ tcpi_segs_in: 5 })

  test.each([
    ...[Number.NaN, Infinity, -1, 1e300, null, '7', 7n, Symbol('x'), {}],
  ])('%s is no counter', (segmentsIn) => {
    const copy = { ...info, segmentsIn } as unknown as TcpInfo
    for (const pair of [
      [copy, info],
      [info, copy],
      [copy, copy],
    ] as const) {
      expect(deltaBetween(...pair, 10).counters.segmentsIn).toBeUndefined()
    }
  })

  test.each([Number.NaN, Infinity, 8.64e15 + 2, '7', 7n])(
    'it is none with %s for a time',
    (capturedAt) => {
      const copy = { ...info, capturedAt } as unknown as TcpInfo
      expect(() => deltaBetween(info, copy)).toThrow(
        expect.objectContaining({ code: 'ERR_TCP_INFO_ARGUMENT' }),
      )
    },
  )
})

test.each([Number.NaN, Infinity, -1, '7', null])(
  'a time of %s is none',
  (measuredMs) => {
    const info = linux({})
    expect(() => deltaBetween(info, info, measuredMs as number)).toThrow(
      expect.objectContaining({
        code: 'ERR_TCP_INFO_ARGUMENT',
        message: expect.stringContaining('The argument measuredMs'),
      }),
    )
  },
)

test('in next to no time there is no rate, rather than an endless one', () => {
  const [before, after] = [linux({}), linux({ tcpi_segs_in: 2 ** 31 })]
  const { perSecond } = deltaBetween(before, after, 5e-324)
  expect(Object.values(perSecond).filter((each) => each !== undefined)).toEqual(
    [],
  )
})
