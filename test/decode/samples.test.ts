import { describe, expect, test } from 'vitest'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { definedIn, recordOf } from '../support/record.js'
import {
  archivedSamples,
  bytesOf,
  isWholeIn,
  membersOf,
  recordedSamples,
} from './fixtures.js'

function recorded(name: string) {
  const sample = recordedSamples.find((one) => one.case === name)
  if (!sample) throw new Error(`no sample ${name}`)
  return recordOf('linux', bytesOf(sample.hex))
}

/** The tail in either layout; the rest of a recorded sample is the same. */
const OLD_TAIL = ['tcpi_accecn_fail_mode', 'tcpi_accecn_opt_seen']

const WIDE = new Set(
  membersOf('linux')
    .filter(({ size }) => size === 8)
    .map(({ name }) => name),
)

function rawOf(
  expected: Readonly<Record<string, number | string>>,
  without: readonly string[] = [],
): Record<string, number | bigint> {
  return Object.fromEntries(
    Object.entries(expected)
      .filter(([name]) => !without.includes(name))
      .map(([name, value]) => [
        name,
        WIDE.has(name) ? BigInt(value) : Number(value),
      ]),
  )
}

describe('raw of the samples of 6.18', () => {
  describe.each(recordedSamples)('$case', ({ hex, length, expect: values }) => {
    const bytes = bytesOf(hex)

    test('is as long as recorded', () => {
      expect(bytes.length).toBe(length)
    })

    test('has every member under 6.18.44', () => {
      expect(recordOf('linux', bytes, { release: '6.18.44' }).raw).toEqual(
        rawOf(values),
      )
    })

    test('leaves the tail alone without a release', () => {
      expect(recordOf('linux', bytes).raw).toEqual({
        ...rawOf(values, OLD_TAIL),
        tcpi_accecn_word: 0,
      })
    })

    test('has the bit fields under 7.0.1', () => {
      expect(recordOf('linux', bytes, { release: '7.0.1' }).raw).toEqual({
        ...rawOf(values, OLD_TAIL),
        tcpi_ecn_mode: 0,
        tcpi_accecn_opt_seen: 0,
        tcpi_accecn_fail_mode: 0,
        tcpi_options2: 0,
      })
    })
  })

  // In all that was recorded the tail is 0, which every layout reads alike.
  test.each([
    [
      '6.18.44',
      { tcpi_accecn_fail_mode: 0xb6e5, tcpi_accecn_opt_seen: 0xc7d8 },
    ],
    [
      '7.0.1',
      {
        tcpi_ecn_mode: 1,
        tcpi_accecn_opt_seen: 1,
        tcpi_accecn_fail_mode: 14,
        tcpi_options2: 0xc7d8b6,
      },
    ],
    [undefined, { tcpi_accecn_word: 0xc7d8b6e5 }],
  ])('a tail of e5 b6 d8 c7 under %s', (release, expected) => {
    const sample = recordedSamples[0]
    const bytes = bytesOf(sample?.hex ?? '')
    bytes.set([0xe5, 0xb6, 0xd8, 0xc7], 276)
    const { raw } = recordOf('linux', bytes, release ? { release } : {})
    expect(raw).toEqual({
      ...rawOf(sample?.expect ?? {}, OLD_TAIL),
      ...expected,
    })
  })
})

// Worked out by hand from the recorded values and the meaning of each field.
const NORMALISED: Readonly<Record<string, Partial<TcpInfo>>> = {
  'client just connected': {
    state: 'ESTABLISHED',
    rttUs: 11,
    minRttUs: 11,
    rttVarUs: 5,
    rtoUs: 200_000,
    sendMssBytes: 32_741,
    cwndBytes: 327_410,
    cwndSegments: 10,
    ssthreshBytes: undefined,
    bytesSent: 0,
    bytesReceived: 0,
    bytesAcked: 1,
    bytesInFlight: 0,
    notSentBytes: 0,
    segmentsOut: 2,
    segmentsIn: 1,
    dataSentAgoMs: undefined,
    dataReceivedAgoMs: undefined,
    ackReceivedAgoMs: 0,
    deliveryRateBytesPerSec: undefined,
    deliveryRateAppLimited: undefined,
    maxPacingRateBytesPerSec: undefined,
    acceptQueue: undefined,
    backlog: undefined,
  },
  'server just accepted': {
    state: 'ESTABLISHED',
    rttUs: 9,
    minRttUs: 9,
    rttVarUs: 4,
    rtoUs: 200_000,
    sendMssBytes: 32_768,
    cwndBytes: 327_680,
    cwndSegments: 10,
    ssthreshBytes: undefined,
    bytesSent: 0,
    bytesReceived: 0,
    bytesAcked: 0,
    bytesInFlight: 0,
    notSentBytes: 0,
    sndWndBytes: 65_536,
    rcvWndBytes: 65_483,
    segmentsOut: 0,
    segmentsIn: 2,
    ackReceivedAgoMs: 0,
    acceptQueue: undefined,
    backlog: undefined,
  },
  'client sent 100000, peer not reading': {
    state: 'ESTABLISHED',
    rttUs: 6009,
    minRttUs: 11,
    rttVarUs: 12_001,
    rtoUs: 208_000,
    sendMssBytes: 47_616,
    cwndBytes: 666_624,
    cwndSegments: 14,
    ssthreshBytes: undefined,
    bytesSent: 134_518,
    bytesReceived: 0,
    bytesAcked: 100_001,
    bytesRetransmitted: 34_518,
    bytesInFlight: 0,
    notSentBytes: 0,
    sndWndBytes: 28_672,
    segmentsRetransmitted: 1,
    busyUs: 48_000,
    deliveryRateBytesPerSec: 3_012_908,
    deliveryRateAppLimited: false,
    dataSentAgoMs: 36,
    // 48 in the struct, but no data ever came.
    dataReceivedAgoMs: undefined,
    ackReceivedAgoMs: 0,
    acceptQueue: undefined,
    backlog: undefined,
  },
  'server has 100000 unread': {
    state: 'ESTABLISHED',
    rttUs: 9,
    minRttUs: 9,
    rttVarUs: 4,
    rtoUs: 200_000,
    sendMssBytes: 32_768,
    cwndBytes: 327_680,
    cwndSegments: 10,
    ssthreshBytes: undefined,
    bytesSent: 0,
    bytesReceived: 100_000,
    bytesAcked: 0,
    bytesInFlight: 0,
    notSentBytes: 0,
    dataSentAgoMs: undefined,
    acceptQueue: undefined,
    backlog: undefined,
  },
  'client has 500 unread': {
    state: 'ESTABLISHED',
    rttUs: 6009,
    minRttUs: 11,
    rttVarUs: 12_001,
    rtoUs: 208_000,
    cwndBytes: 666_624,
    ssthreshBytes: undefined,
    bytesSent: 134_518,
    bytesReceived: 500,
    bytesAcked: 100_001,
    bytesInFlight: 0,
    notSentBytes: 0,
    acceptQueue: undefined,
    backlog: undefined,
  },
  'client CLOSE_WAIT': {
    state: 'CLOSE_WAIT',
    rttUs: 6009,
    minRttUs: 11,
    rttVarUs: 12_001,
    rtoUs: 208_000,
    cwndBytes: 666_624,
    ssthreshBytes: undefined,
    bytesSent: 134_518,
    // The peer's 500 bytes and its FIN.
    bytesReceived: 501,
    bytesAcked: 100_001,
    bytesInFlight: 0,
    notSentBytes: 0,
    dataSentAgoMs: 148,
    dataReceivedAgoMs: 112,
    ackReceivedAgoMs: 52,
    acceptQueue: undefined,
    backlog: undefined,
  },
  'server FIN_WAIT2 or FIN_WAIT1': {
    state: 'FIN_WAIT_2',
    rttUs: 5580,
    minRttUs: 5,
    rttVarUs: 11_147,
    rtoUs: 208_000,
    cwndBytes: 393_216,
    ssthreshBytes: undefined,
    bytesSent: 500,
    bytesReceived: 100_000,
    // Our 500 bytes and our FIN.
    bytesAcked: 501,
    bytesInFlight: 0,
    notSentBytes: 0,
    acceptQueue: undefined,
    backlog: undefined,
  },
  'client both sides closed': {
    state: 'CLOSED',
    rttUs: 5260,
    minRttUs: 11,
    rttVarUs: 10_500,
    rtoUs: undefined,
    sendMssBytes: 47_616,
    cwndBytes: 714_240,
    cwndSegments: 15,
    ssthreshBytes: undefined,
    bytesSent: 134_518,
    bytesReceived: 501,
    bytesAcked: 100_002,
    bytesInFlight: 0,
    notSentBytes: 0,
    inLossRecovery: undefined,
    deliveryRateBytesPerSec: 3_968_000_000,
    dataSentAgoMs: 196,
    dataReceivedAgoMs: 160,
    ackReceivedAgoMs: 48,
    acceptQueue: undefined,
    backlog: undefined,
  },
  'client after RST': {
    state: 'CLOSED',
    rttUs: 9,
    minRttUs: 9,
    rttVarUs: 4,
    rtoUs: undefined,
    cwndBytes: 327_410,
    ssthreshBytes: undefined,
    bytesSent: 0,
    bytesReceived: 0,
    bytesAcked: 1,
    bytesInFlight: 0,
    notSentBytes: 0,
    acceptQueue: undefined,
    backlog: undefined,
  },
  'client over ::1': {
    state: 'ESTABLISHED',
    rttUs: 19,
    minRttUs: 19,
    rttVarUs: 9,
    rtoUs: 204_000,
    sendMssBytes: 32_732,
    pmtuBytes: 65_536,
    cwndBytes: 327_320,
    cwndSegments: 10,
    ssthreshBytes: undefined,
    bytesSent: 0,
    bytesReceived: 0,
    bytesAcked: 1,
    bytesInFlight: 0,
    notSentBytes: 0,
    pacingRateBytesPerSec: 49_233_257_944,
    acceptQueue: undefined,
    backlog: undefined,
  },
}

/** All that these records hold. */
const COMPLETE: Readonly<Record<string, Partial<TcpInfo>>> = {
  'fresh socket': { state: 'CLOSED' },
  'listening, backlog 7': { state: 'LISTEN', acceptQueue: 0, backlog: 7 },
  'client has 500 unread': {
    state: 'ESTABLISHED',
    rttUs: 6009,
    rttVarUs: 12_001,
    minRttUs: 11,
    rtoUs: 208_000,
    sendMssBytes: 47_616,
    pmtuBytes: 65_535,
    cwndBytes: 666_624,
    cwndSegments: 14,
    sndWndBytes: 95_232,
    rcvWndBytes: 65_536,
    bytesInFlight: 0,
    segmentsInFlight: 0,
    notSentBytes: 0,
    sendQueueBytes: 0,
    bytesSent: 134_518,
    bytesReceived: 500,
    bytesAcked: 100_001,
    bytesRetransmitted: 34_518,
    segmentsOut: 7,
    segmentsIn: 5,
    dataSegmentsOut: 4,
    dataSegmentsIn: 1,
    segmentsRetransmitted: 1,
    spuriousRetransmits: 1,
    rtoCount: 0,
    rtoEpisodes: 0,
    consecutiveRtos: 0,
    outOfOrderPacketsIn: 0,
    reorderingEvents: 0,
    inLossRecovery: false,
    segmentsDeliveredCe: 0,
    busyUs: 48_000,
    rwndLimitedUs: 0,
    sndbufLimitedUs: 0,
    pacingRateBytesPerSec: 85_062_649_692,
    deliveryRateBytesPerSec: 3_012_908,
    deliveryRateAppLimited: false,
    timestamps: true,
    sack: true,
    windowScaling: true,
    ecnNegotiated: false,
    sndWscale: 10,
    rcvWscale: 10,
    dataSentAgoMs: 96,
    dataReceivedAgoMs: 60,
    ackReceivedAgoMs: 60,
  },
  'server FIN_WAIT2 or FIN_WAIT1': {
    state: 'FIN_WAIT_2',
    rttUs: 5580,
    rttVarUs: 11_147,
    minRttUs: 5,
    rcvRttUs: 14,
    rtoUs: 208_000,
    sendMssBytes: 32_768,
    pmtuBytes: 65_535,
    cwndBytes: 393_216,
    cwndSegments: 12,
    sndWndBytes: 65_536,
    rcvWndBytes: 95_232,
    bytesInFlight: 0,
    segmentsInFlight: 0,
    notSentBytes: 0,
    sendQueueBytes: 0,
    bytesSent: 500,
    bytesReceived: 100_000,
    bytesAcked: 501,
    bytesRetransmitted: 0,
    segmentsOut: 5,
    segmentsIn: 8,
    dataSegmentsOut: 1,
    dataSegmentsIn: 4,
    segmentsRetransmitted: 0,
    spuriousRetransmits: 0,
    rtoCount: 0,
    rtoEpisodes: 0,
    consecutiveRtos: 0,
    outOfOrderPacketsIn: 0,
    reorderingEvents: 0,
    inLossRecovery: false,
    segmentsDeliveredCe: 0,
    busyUs: 44_000,
    rwndLimitedUs: 0,
    sndbufLimitedUs: 0,
    pacingRateBytesPerSec: 104_051_199_379,
    deliveryRateBytesPerSec: 735_005,
    deliveryRateAppLimited: false,
    timestamps: true,
    sack: true,
    windowScaling: true,
    ecnNegotiated: false,
    sndWscale: 10,
    rcvWscale: 10,
    dataSentAgoMs: 112,
    dataReceivedAgoMs: 160,
    ackReceivedAgoMs: 8,
  },
  'client after RST': {
    state: 'CLOSED',
    rttUs: 9,
    rttVarUs: 4,
    minRttUs: 9,
    sendMssBytes: 32_741,
    pmtuBytes: 65_535,
    cwndBytes: 327_410,
    cwndSegments: 10,
    sndWndBytes: 65_483,
    rcvWndBytes: 65_536,
    bytesInFlight: 0,
    segmentsInFlight: 0,
    notSentBytes: 0,
    sendQueueBytes: 0,
    bytesSent: 0,
    bytesReceived: 0,
    bytesAcked: 1,
    bytesRetransmitted: 0,
    segmentsOut: 2,
    segmentsIn: 2,
    dataSegmentsOut: 0,
    dataSegmentsIn: 0,
    segmentsRetransmitted: 0,
    spuriousRetransmits: 0,
    rtoCount: 0,
    rtoEpisodes: 0,
    consecutiveRtos: 0,
    outOfOrderPacketsIn: 0,
    reorderingEvents: 0,
    segmentsDeliveredCe: 0,
    busyUs: 0,
    rwndLimitedUs: 0,
    sndbufLimitedUs: 0,
    pacingRateBytesPerSec: 103_965_463_833,
    timestamps: true,
    sack: true,
    windowScaling: true,
    ecnNegotiated: false,
    sndWscale: 10,
    rcvWscale: 10,
    ackReceivedAgoMs: 48,
  },
}

describe('the record of the samples of 6.18', () => {
  test.each(Object.entries(NORMALISED))('%s', (name, expected) => {
    expect({ ...recorded(name) }).toMatchObject(expected)
  })

  test.each(Object.entries(COMPLETE))(
    '%s, and nothing more',
    (name, expected) => {
      expect(definedIn(recorded(name))).toEqual(expected)
    },
  )

  test('no sample is left out', () => {
    expect(
      [
        ...new Set([...Object.keys(NORMALISED), ...Object.keys(COMPLETE)]),
      ].sort(),
    ).toEqual(recordedSamples.map((sample) => sample.case).sort())
  })
})

const STATES: Readonly<Record<number, string>> = {
  1: 'ESTABLISHED',
  4: 'FIN_WAIT_1',
}

describe('the archived samples of older kernels', () => {
  describe.each(archivedSamples)(
    '$length bytes, $file, record $record',
    ({ hex, length, state }) => {
      const buffer = Buffer.from(hex, 'hex')
      const record = recordOf('linux', buffer)
      const u8 = (at: number) => buffer.readUInt8(at)
      const u32 = (at: number) => buffer.readUInt32LE(at)
      const u64 = (at: number) => Number(buffer.readBigUInt64LE(at))

      test('is as long as recorded', () => {
        expect(buffer.length).toBe(length)
      })

      test('has the recorded state', () => {
        expect(u8(0)).toBe(state)
        expect(record.state).toBe(STATES[state])
      })

      test('has the values of the bytes', () => {
        const mss = u32(16)
        const unlimited = buffer.readBigUInt64LE(112) === 0xffffffffffffffffn
        expect({ ...record }).toMatchObject({
          rttUs: u32(68),
          rttVarUs: u32(72),
          minRttUs: u32(148),
          rcvRttUs: u32(92) || undefined,
          rtoUs: u32(8),
          sendMssBytes: mss,
          pmtuBytes: u32(60),
          cwndBytes: u32(80) * mss,
          cwndSegments: u32(80),
          ssthreshBytes: u32(76) === 0x7fffffff ? undefined : u32(76) * mss,
          segmentsInFlight: u32(24),
          notSentBytes: u32(144),
          bytesReceived: u64(128),
          bytesAcked: u64(120),
          segmentsOut: u32(136),
          segmentsIn: u32(140),
          dataSegmentsOut: u32(156),
          dataSegmentsIn: u32(152),
          segmentsRetransmitted: u32(100),
          consecutiveRtos: u8(2),
          inLossRecovery: u8(1) >= 3,
          pacingRateBytesPerSec: u64(104),
          maxPacingRateBytesPerSec: unlimited ? undefined : u64(112),
          deliveryRateBytesPerSec: u64(160),
          deliveryRateAppLimited: (u8(7) & 1) === 1,
          timestamps: (u8(5) & 1) !== 0,
          sack: (u8(5) & 2) !== 0,
          windowScaling: (u8(5) & 4) !== 0,
          ecnNegotiated: (u8(5) & 8) !== 0,
          sndWscale: u8(6) & 15,
          rcvWscale: u8(6) >> 4,
          dataSentAgoMs: u32(44),
          dataReceivedAgoMs: u32(52),
          ackReceivedAgoMs: u32(56),
        })
      })

      const since419 = (offset: number) =>
        length < 224 ? undefined : u64(offset)

      test('has what came with 4.10 to 4.19 if it is long enough', () => {
        const inFlight =
          length < 224 ? undefined : Math.max(0, u64(200) - u64(208) - u64(120))
        expect({ ...record }).toMatchObject({
          busyUs: since419(168),
          rwndLimitedUs: since419(176),
          sndbufLimitedUs: since419(184),
          segmentsDeliveredCe: length < 224 ? undefined : u32(196),
          bytesSent: since419(200),
          bytesRetransmitted: since419(208),
          spuriousRetransmits: length < 224 ? undefined : u32(216),
          reorderingEvents: length < 224 ? undefined : u32(220),
          bytesInFlight: inFlight,
          sendQueueBytes:
            inFlight === undefined ? undefined : u32(144) + inFlight,
        })
      })

      test('has nothing that came later', () => {
        expect({ ...record }).toMatchObject({
          outOfOrderPacketsIn: undefined,
          sndWndBytes: undefined,
          rcvWndBytes: undefined,
          rtoCount: undefined,
          rtoEpisodes: undefined,
        })
      })

      test('has the members of its length in raw', () => {
        expect(Object.keys(recordOf('linux', buffer).raw)).toEqual(
          membersOf('linux')
            .filter((member) => isWholeIn(member, length))
            .map(({ name }) => name),
        )
      })
    },
  )

  test('some values, spelled out', () => {
    const [first, , , , finWait, , last] = archivedSamples.map(({ hex }) =>
      recordOf('linux', bytesOf(hex)),
    )
    expect({ ...first }).toMatchObject({
      rttUs: 13_917,
      rttVarUs: 13,
      minRttUs: 13_880,
      cwndBytes: 13_480,
      bytesReceived: 110_590,
      bytesAcked: 149_580,
    })
    expect({ ...finWait }).toMatchObject({
      rttUs: 1209,
      ssthreshBytes: 28_960,
      segmentsInFlight: 1,
      bytesSent: 361_038,
      bytesAcked: 361_039,
      bytesInFlight: 0,
    })
    expect({ ...last }).toMatchObject({
      sndWscale: 7,
      rcvWscale: 7,
      deliveryRateAppLimited: true,
      cwndBytes: 4074,
      ssthreshBytes: 2716,
      bytesSent: 4_920_998,
      bytesRetransmitted: 6695,
      bytesAcked: 4_914_303,
      bytesInFlight: 0,
    })
  })
})
