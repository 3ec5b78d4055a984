// Constructed, no recorded bytes exist: the members are written where the
// fixture says they lie. Only the partial sample below was seen on Windows.

import { describe, expect, test } from 'vitest'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { definedIn, recordOf } from '../support/record.js'
import { construct, textOf, type Values } from './fixtures.js'

const V0 = 88
const V1 = 136
const V2 = 152

/** No two members have one value. */
const BUSY: Values = {
  State: 4,
  Mss: 1460,
  ConnectionTimeMs: 2n ** 33n + 1n,
  TimestampsEnabled: 1,
  RttUs: 30_002,
  MinRttUs: 29_003,
  BytesInFlight: 14_604,
  Cwnd: 65_005,
  SndWnd: 131_006,
  RcvWnd: 262_007,
  RcvBuf: 524_008,
  BytesOut: 2n ** 34n + 9n,
  BytesIn: 2n ** 35n + 10n,
  BytesReordered: 1011,
  BytesRetrans: 2012,
  FastRetrans: 13,
  DupAcksIn: 14,
  TimeoutEpisodes: 15,
  SynRetrans: 16,
  SndLimTransRwin: 117,
  SndLimTimeRwin: 18,
  SndLimBytesRwin: 119n,
  SndLimTransCwnd: 120,
  SndLimTimeCwnd: 21,
  SndLimBytesCwnd: 122n,
  SndLimTransSnd: 123,
  SndLimTimeSnd: 24,
  SndLimBytesSnd: 125n,
  OutOfOrderPktsIn: 26,
  EcnNegotiated: 1,
  EceAcksIn: 27,
  PtoEpisodes: 28,
}

const withValues = (length: number, values: Values = {}) =>
  recordOf('win32', construct('win32', length, { ...BUSY, ...values }))

const IN_V0 = {
  state: 'ESTABLISHED',
  sendMssBytes: 1460,
  connectionAgeMs: 8_589_934_593,
  timestamps: true,
  rttUs: 30_002,
  minRttUs: 29_003,
  bytesInFlight: 14_604,
  cwndBytes: 65_005,
  sndWndBytes: 131_006,
  rcvWndBytes: 262_007,
  rcvBufBytes: 524_008,
  bytesSent: 17_179_869_193,
  bytesReceived: 34_359_738_378,
  bytesReordered: 1011,
  bytesRetransmitted: 2012,
  fastRetransmits: 13,
  dupAcksIn: 14,
  rtoEpisodes: 15,
  synRetransmits: 16,
}

const IN_V1 = {
  ...IN_V0,
  rwndLimitedUs: 18_000,
  cwndLimitedUs: 21_000,
  appLimitedUs: 24_000,
}

const IN_V2 = {
  ...IN_V1,
  outOfOrderPacketsIn: 26,
  ecnNegotiated: true,
  eceAcksIn: 27,
  ptoEpisodes: 28,
}

describe('a constructed TCP_INFO', () => {
  test.each([
    ['v0', V0, IN_V0],
    ['v1', V1, IN_V1],
    ['v2', V2, IN_V2],
  ])('%s has its members, and nothing more', (version, length, expected) => {
    const record = withValues(length)
    expect(definedIn(record)).toEqual(expected)
    expect(record.platform).toBe('win32')
    expect(record.source).toBe(`SIO_TCP_INFO ${version}`)
  })

  test('has its own names in raw, 64-bit members as bigint', () => {
    const { raw } = withValues(V2)
    expect(raw).toEqual(BUSY)
    expect(Object.keys(raw)).toEqual(Object.keys(BUSY))
  })
})

test.each([
  [0, 'CLOSED'],
  [1, 'LISTEN'],
  [2, 'SYN_SENT'],
  [3, 'SYN_RECEIVED'],
  [4, 'ESTABLISHED'],
  [5, 'FIN_WAIT_1'],
  [6, 'FIN_WAIT_2'],
  [7, 'CLOSE_WAIT'],
  [8, 'CLOSING'],
  [9, 'LAST_ACK'],
  [10, 'TIME_WAIT'],
  // TCPSTATE_MAX
  [11, undefined],
  // All four bytes are the state's.
  [0x104, undefined],
  [0xffffffff, undefined],
])('state %i is %s', (code, state) => {
  expect(withValues(V0, { State: code }).state).toBe(state)
})

const rows: readonly [
  field: keyof TcpInfo,
  values: Values,
  expected: number | boolean | undefined,
][] = [
  ['rttUs', { RttUs: 0 }, undefined],
  ['rttUs', { RttUs: 1 }, 1],
  ['minRttUs', { MinRttUs: 0 }, undefined],
  ['minRttUs', { MinRttUs: 1 }, 1],
  ['sendMssBytes', { Mss: 0 }, undefined],
  ['sendMssBytes', { Mss: 1 }, 1],
  ['cwndBytes', { Cwnd: 0 }, 0],
  ['sndWndBytes', { SndWnd: 0 }, 0],
  ['sndWndBytes', { SndWnd: 0xffffffff }, 4_294_967_295],
  ['bytesInFlight', { BytesInFlight: 0 }, 0],
  ['bytesRetransmitted', { BytesRetrans: 0xffffffff }, 4_294_967_295],
  ['bytesSent', { BytesOut: 2n ** 53n - 1n }, 9_007_199_254_740_991],
  ['bytesReceived', { BytesIn: 2n ** 53n }, 9_007_199_254_740_992],
  ['connectionAgeMs', { ConnectionTimeMs: 0 }, 0],
  ['connectionAgeMs', { ConnectionTimeMs: 2n ** 32n }, 4_294_967_296],
  ['rwndLimitedUs', { SndLimTimeRwin: 0 }, 0],
  ['rwndLimitedUs', { SndLimTimeRwin: 0xffffffff }, 4_294_967_295_000],
  ['cwndLimitedUs', { SndLimTimeCwnd: 1 }, 1000],
  ['appLimitedUs', { SndLimTimeSnd: 1 }, 1000],
  ['timestamps', { TimestampsEnabled: 0 }, false],
  ['timestamps', { TimestampsEnabled: 0xff }, true],
  ['ecnNegotiated', { EcnNegotiated: 0 }, false],
  ['ecnNegotiated', { EcnNegotiated: 0x80 }, true],
  ['synRetransmits', { SynRetrans: 255 }, 255],
]

test.each(
  rows.map(
    ([field, values, expected]) =>
      [field, expected, textOf(values), values] as const,
  ),
)('%s is %s for %s', (field, expected, _, values) => {
  expect(withValues(V2, values)[field]).toBe(expected)
})

describe('padding does not matter', () => {
  test.each([
    ['TimestampsEnabled', 17],
    ['SynRetrans', 85],
    ['EcnNegotiated', 141],
  ])('after %s', (name, from) => {
    for (const value of [0, 1]) {
      const clean = construct('win32', V2, { ...BUSY, [name]: value })
      const dirty = clean.slice()
      dirty.set([0xff, 0x80, 0x01], from)
      const record = recordOf('win32', dirty)
      expect({ ...record }).toEqual({ ...recordOf('win32', clean) })
      expect(record.raw).toEqual({ ...BUSY, [name]: value })
    }
  })

  test('timestamps are off with garbage after the byte', () => {
    const bytes = construct('win32', V0, { ...BUSY, TimestampsEnabled: 0 })
    bytes.fill(0xff, 17, 20)
    expect(recordOf('win32', bytes).timestamps).toBe(false)
  })
})

test('the published sample, five of its members, decodes to its text', () => {
  // gvanem/wsock-trace, file wsock_trace, comment at dump_tcpinfo.
  const bytes = construct('win32', V0, {
    State: 4,
    Mss: 65_495,
    ConnectionTimeMs: 474,
    TimestampsEnabled: 0,
    RttUs: 419,
  })
  const record = recordOf('win32', bytes)
  expect({ ...record }).toMatchObject({
    state: 'ESTABLISHED',
    sendMssBytes: 65_495,
    connectionAgeMs: 474,
    timestamps: false,
    rttUs: 419,
  })
  expect(record.raw).toMatchObject({
    State: 4,
    Mss: 65_495,
    ConnectionTimeMs: 474n,
    TimestampsEnabled: 0,
    RttUs: 419,
  })
})
