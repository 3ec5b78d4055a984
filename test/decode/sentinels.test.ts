import { describe, expect, test } from 'vitest'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { definedIn, recordOf } from '../support/record.js'
import { construct, textOf, type Values } from './fixtures.js'

const LENGTH = 280

const ESTABLISHED = 1
const SYN_SENT = 2
const CLOSE = 7
const LISTEN = 10

const ALL_ONES = 2n ** 64n - 1n

/** A busy connection; no two members that a record uses have one value. */
const BUSY: Values = {
  tcpi_state: ESTABLISHED,
  tcpi_ca_state: 3,
  tcpi_retransmits: 2,
  tcpi_probes: 101,
  tcpi_backoff: 102,
  tcpi_options: 0b1111,
  tcpi_snd_wscale: 7,
  tcpi_rcv_wscale: 9,
  tcpi_delivery_rate_app_limited: 1,
  tcpi_fastopen_client_fail: 2,
  tcpi_rto: 204_001,
  tcpi_ato: 40_103,
  tcpi_snd_mss: 1448,
  tcpi_rcv_mss: 1404,
  tcpi_unacked: 5,
  tcpi_sacked: 106,
  tcpi_lost: 107,
  tcpi_retrans: 108,
  tcpi_fackets: 109,
  tcpi_last_data_sent: 11,
  tcpi_last_ack_sent: 110,
  tcpi_last_data_recv: 12,
  tcpi_last_ack_recv: 13,
  tcpi_pmtu: 1500,
  tcpi_rcv_ssthresh: 64_111,
  tcpi_rtt: 30_014,
  tcpi_rttvar: 4015,
  tcpi_snd_ssthresh: 16,
  tcpi_snd_cwnd: 17,
  tcpi_advmss: 1412,
  tcpi_reordering: 113,
  tcpi_rcv_rtt: 31_018,
  tcpi_rcv_space: 14_114,
  tcpi_total_retrans: 19,
  tcpi_pacing_rate: 2n ** 33n + 20n,
  tcpi_max_pacing_rate: 2n ** 34n + 21n,
  tcpi_bytes_acked: 2n ** 35n + 22n,
  tcpi_bytes_received: 2n ** 36n + 23n,
  tcpi_segs_out: 24,
  tcpi_segs_in: 25,
  tcpi_notsent_bytes: 26,
  tcpi_min_rtt: 29_027,
  tcpi_data_segs_in: 28,
  tcpi_data_segs_out: 29,
  tcpi_delivery_rate: 2n ** 37n + 30n,
  tcpi_busy_time: 2n ** 38n + 31n,
  tcpi_rwnd_limited: 2n ** 39n + 32n,
  tcpi_sndbuf_limited: 2n ** 40n + 33n,
  tcpi_delivered: 115,
  tcpi_delivered_ce: 34,
  tcpi_bytes_sent: 2n ** 35n + 1_000_035n,
  tcpi_bytes_retrans: 400_036n,
  tcpi_dsack_dups: 116,
  tcpi_reord_seen: 37,
  tcpi_rcv_ooopack: 38,
  tcpi_snd_wnd: 39_000,
  tcpi_rcv_wnd: 40_000,
  tcpi_rehash: 117,
  tcpi_total_rto: 41,
  tcpi_total_rto_recoveries: 42,
  tcpi_total_rto_time: 118,
  tcpi_received_ce: 119,
  tcpi_delivered_e1_bytes: 120,
  tcpi_delivered_e0_bytes: 121,
  tcpi_delivered_ce_bytes: 122,
  tcpi_received_e1_bytes: 123,
  tcpi_received_e0_bytes: 124,
  tcpi_received_ce_bytes: 125,
}

const withValues = (values: Values = {}) =>
  recordOf('linux', construct('linux', LENGTH, { ...BUSY, ...values }))

test('every member of the record comes from its own place', () => {
  expect(definedIn(withValues())).toEqual({
    state: 'ESTABLISHED',
    rttUs: 30_014,
    rttVarUs: 4015,
    minRttUs: 29_027,
    rcvRttUs: 31_018,
    rtoUs: 204_001,
    sendMssBytes: 1448,
    pmtuBytes: 1500,
    cwndBytes: 24_616,
    cwndSegments: 17,
    ssthreshBytes: 23_168,
    sndWndBytes: 39_000,
    rcvWndBytes: 40_000,
    bytesInFlight: 599_977,
    segmentsInFlight: 5,
    notSentBytes: 26,
    sendQueueBytes: 600_003,
    bytesSent: 34_359_738_368 + 1_000_035,
    bytesReceived: 68_719_476_736 + 23,
    bytesAcked: 34_359_738_368 + 22,
    bytesRetransmitted: 400_036,
    segmentsOut: 24,
    segmentsIn: 25,
    dataSegmentsOut: 29,
    dataSegmentsIn: 28,
    segmentsRetransmitted: 19,
    spuriousRetransmits: 116,
    rtoCount: 41,
    rtoEpisodes: 42,
    consecutiveRtos: 2,
    outOfOrderPacketsIn: 38,
    reorderingEvents: 37,
    inLossRecovery: true,
    segmentsDeliveredCe: 34,
    busyUs: 274_877_906_944 + 31,
    rwndLimitedUs: 549_755_813_888 + 32,
    sndbufLimitedUs: 1_099_511_627_776 + 33,
    pacingRateBytesPerSec: 8_589_934_592 + 20,
    maxPacingRateBytesPerSec: 17_179_869_184 + 21,
    deliveryRateBytesPerSec: 137_438_953_472 + 30,
    deliveryRateAppLimited: true,
    timestamps: true,
    sack: true,
    windowScaling: true,
    ecnNegotiated: true,
    sndWscale: 7,
    rcvWscale: 9,
    dataSentAgoMs: 11,
    dataReceivedAgoMs: 12,
    ackReceivedAgoMs: 13,
  })
})

type Row = [
  field: keyof TcpInfo,
  values: Values,
  expected: number | boolean | string | undefined,
]

const rows: readonly Row[] = [
  ['rttUs', { tcpi_rtt: 0 }, undefined],
  ['rttUs', { tcpi_rtt: 1 }, 1],
  ['rttUs', { tcpi_rtt: 0xffffffff }, 4_294_967_295],

  ['rttVarUs', { tcpi_rtt: 0, tcpi_rttvar: 250_000 }, undefined],
  ['rttVarUs', { tcpi_rtt: 1, tcpi_rttvar: 250_000 }, 250_000],
  ['rttVarUs', { tcpi_rtt: 1, tcpi_rttvar: 0 }, 0],

  ['minRttUs', { tcpi_min_rtt: 0 }, undefined],
  ['minRttUs', { tcpi_min_rtt: 1 }, 1],
  ['minRttUs', { tcpi_min_rtt: 0xfffffffe }, 4_294_967_294],
  ['minRttUs', { tcpi_min_rtt: 0xffffffff }, undefined],

  ['rcvRttUs', { tcpi_rcv_rtt: 0 }, undefined],
  ['rcvRttUs', { tcpi_rcv_rtt: 1 }, 1],

  ['sendMssBytes', { tcpi_snd_mss: 0 }, undefined],
  ['sendMssBytes', { tcpi_snd_mss: 1 }, 1],

  ['pmtuBytes', { tcpi_pmtu: 0 }, undefined],
  ['pmtuBytes', { tcpi_pmtu: 1 }, 1],

  ['cwndBytes', { tcpi_snd_mss: 0 }, undefined],
  ['cwndBytes', { tcpi_snd_mss: 1 }, 17],
  ['cwndBytes', { tcpi_snd_cwnd: 0 }, 0],
  [
    'cwndBytes',
    { tcpi_snd_cwnd: 1_000_000, tcpi_snd_mss: 65_483 },
    65_483_000_000,
  ],
  ['cwndSegments', { tcpi_snd_mss: 0 }, 17],
  ['cwndSegments', { tcpi_snd_cwnd: 0 }, 0],

  ['ssthreshBytes', { tcpi_snd_ssthresh: 0 }, 0],
  [
    'ssthreshBytes',
    { tcpi_snd_ssthresh: 0x7ffffffe, tcpi_snd_mss: 1000 },
    2_147_483_646_000,
  ],
  ['ssthreshBytes', { tcpi_snd_ssthresh: 0x7fffffff }, undefined],
  ['ssthreshBytes', { tcpi_snd_ssthresh: 0x80000000 }, undefined],
  ['ssthreshBytes', { tcpi_snd_ssthresh: 0xffffffff }, undefined],
  ['ssthreshBytes', { tcpi_snd_mss: 0 }, undefined],
  ['ssthreshBytes', { tcpi_snd_mss: 1 }, 16],

  ['pacingRateBytesPerSec', { tcpi_pacing_rate: 0 }, undefined],
  ['pacingRateBytesPerSec', { tcpi_pacing_rate: 1 }, 1],
  ['pacingRateBytesPerSec', { tcpi_pacing_rate: 0xffffffff }, 4_294_967_295],
  ['pacingRateBytesPerSec', { tcpi_pacing_rate: 2n ** 53n }, 2 ** 53],
  ['pacingRateBytesPerSec', { tcpi_pacing_rate: ALL_ONES }, undefined],
  ['maxPacingRateBytesPerSec', { tcpi_max_pacing_rate: 0 }, undefined],
  ['maxPacingRateBytesPerSec', { tcpi_max_pacing_rate: 1 }, 1],
  ['maxPacingRateBytesPerSec', { tcpi_max_pacing_rate: 2n ** 53n }, 2 ** 53],
  ['maxPacingRateBytesPerSec', { tcpi_max_pacing_rate: ALL_ONES }, undefined],

  ['deliveryRateBytesPerSec', { tcpi_delivery_rate: 0 }, undefined],
  ['deliveryRateBytesPerSec', { tcpi_delivery_rate: 1 }, 1],
  // Only the upper half is not 0.
  ['deliveryRateBytesPerSec', { tcpi_delivery_rate: 2n ** 32n }, 2 ** 32],
  ['deliveryRateAppLimited', { tcpi_delivery_rate: 0 }, undefined],
  ['deliveryRateAppLimited', { tcpi_delivery_rate: 1 }, true],
  [
    'deliveryRateAppLimited',
    { tcpi_delivery_rate_app_limited: 0, tcpi_fastopen_client_fail: 3 },
    false,
  ],
  [
    'deliveryRateAppLimited',
    { tcpi_delivery_rate_app_limited: 1, tcpi_fastopen_client_fail: 0 },
    true,
  ],

  ['sndWscale', { tcpi_options: 0b1011 }, undefined],
  ['rcvWscale', { tcpi_options: 0b1011 }, undefined],
  ['sndWscale', { tcpi_options: 0b0100 }, 7],
  ['rcvWscale', { tcpi_options: 0b0100 }, 9],
  ['sndWscale', { tcpi_snd_wscale: 0 }, 0],
  ['rcvWscale', { tcpi_rcv_wscale: 0 }, 0],
  ['sndWscale', { tcpi_snd_wscale: 14, tcpi_rcv_wscale: 0 }, 14],
  ['rcvWscale', { tcpi_rcv_wscale: 14, tcpi_snd_wscale: 0 }, 14],

  ['dataSentAgoMs', { tcpi_data_segs_out: 0 }, undefined],
  ['dataSentAgoMs', { tcpi_data_segs_out: 1 }, 11],
  ['dataSentAgoMs', { tcpi_last_data_sent: 0 }, 0],
  ['dataReceivedAgoMs', { tcpi_data_segs_in: 0 }, undefined],
  ['dataReceivedAgoMs', { tcpi_data_segs_in: 1 }, 12],
  ['dataReceivedAgoMs', { tcpi_last_data_recv: 0 }, 0],
  ['ackReceivedAgoMs', { tcpi_segs_in: 0 }, undefined],
  ['ackReceivedAgoMs', { tcpi_segs_in: 1 }, 13],
  ['ackReceivedAgoMs', { tcpi_last_ack_recv: 0 }, 0],

  ['inLossRecovery', { tcpi_ca_state: 0 }, false],
  ['inLossRecovery', { tcpi_ca_state: 1 }, false],
  ['inLossRecovery', { tcpi_ca_state: 2 }, false],
  ['inLossRecovery', { tcpi_ca_state: 3 }, true],
  ['inLossRecovery', { tcpi_ca_state: 4 }, true],
  ['inLossRecovery', { tcpi_state: CLOSE }, undefined],

  // The SYN, the FIN, and both: acknowledged, but not counted as sent.
  [
    'bytesInFlight',
    { tcpi_bytes_sent: 9, tcpi_bytes_retrans: 0, tcpi_bytes_acked: 8 },
    1,
  ],
  [
    'bytesInFlight',
    { tcpi_bytes_sent: 9, tcpi_bytes_retrans: 0, tcpi_bytes_acked: 9 },
    0,
  ],
  [
    'bytesInFlight',
    { tcpi_bytes_sent: 9, tcpi_bytes_retrans: 0, tcpi_bytes_acked: 11 },
    0,
  ],
  [
    'bytesInFlight',
    { tcpi_bytes_sent: 9, tcpi_bytes_retrans: 4, tcpi_bytes_acked: 5 },
    0,
  ],
  [
    'sendQueueBytes',
    { tcpi_bytes_sent: 9, tcpi_bytes_retrans: 0, tcpi_bytes_acked: 11 },
    26,
  ],
  [
    'sendQueueBytes',
    { tcpi_bytes_sent: 9, tcpi_bytes_retrans: 2, tcpi_bytes_acked: 3 },
    30,
  ],
  ['sendQueueBytes', { tcpi_notsent_bytes: 0 }, 599_977],

  // 16 bits each, side by side.
  ['rtoCount', { tcpi_total_rto: 0xffff }, 65_535],
  ['rtoCount', { tcpi_total_rto: 0, tcpi_total_rto_recoveries: 0xffff }, 0],
  ['rtoEpisodes', { tcpi_total_rto_recoveries: 0xffff }, 65_535],
  ['rtoEpisodes', { tcpi_total_rto_recoveries: 0, tcpi_total_rto: 0xffff }, 0],

  ['rtoUs', { tcpi_state: CLOSE }, undefined],
  ['rtoUs', { tcpi_state: CLOSE - 1 }, 204_001],
  ['rtoUs', { tcpi_state: CLOSE + 1 }, 204_001],
  ['rtoUs', { tcpi_rto: 0 }, 0],

  ['acceptQueue', { tcpi_state: LISTEN }, 5],
  ['acceptQueue', { tcpi_state: LISTEN, tcpi_unacked: 0 }, 0],
  ['acceptQueue', { tcpi_state: LISTEN - 1 }, undefined],
  ['acceptQueue', { tcpi_state: LISTEN + 1 }, undefined],
  ['backlog', { tcpi_state: LISTEN }, 106],
  ['backlog', { tcpi_state: LISTEN, tcpi_sacked: 0 }, 0],
  ['backlog', { tcpi_state: LISTEN - 1 }, undefined],
  ['backlog', { tcpi_state: LISTEN + 1 }, undefined],
]

test.each(
  rows.map(
    ([field, values, expected]) =>
      [field, expected, textOf(values), values] as const,
  ),
)('%s is %s for %s', (field, expected, _, values) => {
  expect(withValues(values)[field]).toBe(expected)
})

test.each([
  [0, undefined],
  [1, 'ESTABLISHED'],
  [2, 'SYN_SENT'],
  [3, 'SYN_RECEIVED'],
  [4, 'FIN_WAIT_1'],
  [5, 'FIN_WAIT_2'],
  [6, 'TIME_WAIT'],
  [7, 'CLOSED'],
  [8, 'CLOSE_WAIT'],
  [9, 'LAST_ACK'],
  [10, 'LISTEN'],
  [11, 'CLOSING'],
  [12, 'SYN_RECEIVED'],
  [13, undefined],
  [255, undefined],
])('state %i is %s', (code, state) => {
  expect(withValues({ tcpi_state: code }).state).toBe(state)
})

const UNANSWERED: Values = {
  tcpi_state: CLOSE,
  tcpi_rtt: 0,
  tcpi_bytes_acked: 0,
  tcpi_bytes_received: 0,
}

describe.each([
  ['timestamps', 1],
  ['sack', 2],
  ['windowScaling', 4],
  ['ecnNegotiated', 8],
] as const)('%s, option bit %i', (field, bit) => {
  test.each([
    ['set, alone', bit, true],
    ['set, among all', 0xff, true],
    ['not set', 0, false],
    ['not set, all others are', 0xff - bit, false],
  ])('%s', (_, options, expected) => {
    expect(withValues({ tcpi_options: options })[field]).toBe(expected)
  })

  test.each([
    ['before the answer to the SYN', { tcpi_state: SYN_SENT }, undefined],
    ['after it', { tcpi_state: SYN_SENT + 1 }, true],
    ['established, no sample yet', { tcpi_rtt: 0 }, true],
    ['closed without an answer', UNANSWERED, undefined],
    ['closed, but acknowledged', { ...UNANSWERED, tcpi_bytes_acked: 1 }, true],
    ['closed, but received', { ...UNANSWERED, tcpi_bytes_received: 1 }, true],
    ['closed after an answer', { tcpi_state: CLOSE, tcpi_rtt: 1 }, true],
  ])('%s', (_, values: Values, expected) => {
    expect(withValues({ tcpi_options: bit, ...values })[field]).toBe(expected)
  })
})

describe('what counts of a struct', () => {
  test.each([
    ['in SYN_SENT', { tcpi_state: SYN_SENT }],
    ['of a connection that was refused', UNANSWERED],
  ])('%s: no defaults', (_, values: Values) => {
    const record = withValues(values)
    expect(record).toMatchObject({
      cwndBytes: undefined,
      cwndSegments: undefined,
      sendMssBytes: undefined,
      sndWndBytes: undefined,
      rcvWndBytes: undefined,
      ackReceivedAgoMs: undefined,
      minRttUs: undefined,
    })
    expect(record.segmentsOut).toBeDefined()
    expect(record.segmentsRetransmitted).toBeDefined()
    expect(record.consecutiveRtos).toBeDefined()
    expect(record.bytesSent).toBeDefined()
  })

  test('of a listener: state and queue', () => {
    expect(definedIn(withValues({ tcpi_state: LISTEN }))).toEqual({
      state: 'LISTEN',
      acceptQueue: 5,
      backlog: 106,
    })
  })

  test('of a socket that never was connected: the state', () => {
    expect(definedIn(withValues({ tcpi_state: CLOSE, tcpi_pmtu: 0 }))).toEqual({
      state: 'CLOSED',
    })
  })

  test('of a closed one that was connected: all but what needs it open', () => {
    const { rtoUs, inLossRecovery, ...rest } = definedIn(
      withValues({ tcpi_pmtu: 1 }),
    )
    expect({ rtoUs, inLossRecovery }).toEqual({
      rtoUs: 204_001,
      inLossRecovery: true,
    })
    expect(definedIn(withValues({ tcpi_state: CLOSE, tcpi_pmtu: 1 }))).toEqual({
      ...rest,
      state: 'CLOSED',
    })
  })

  test('of an open one without a path MTU: all else', () => {
    const { pmtuBytes, ...open } = definedIn(withValues())
    expect(pmtuBytes).toBe(1500)
    expect(definedIn(withValues({ tcpi_pmtu: 0 }))).toEqual(open)
  })
})

describe.each([
  ['bytesSent', 'tcpi_bytes_sent'],
  ['bytesReceived', 'tcpi_bytes_received'],
  ['bytesAcked', 'tcpi_bytes_acked'],
  ['bytesRetransmitted', 'tcpi_bytes_retrans'],
  ['busyUs', 'tcpi_busy_time'],
  ['rwndLimitedUs', 'tcpi_rwnd_limited'],
  ['sndbufLimitedUs', 'tcpi_sndbuf_limited'],
  ['pacingRateBytesPerSec', 'tcpi_pacing_rate'],
  ['maxPacingRateBytesPerSec', 'tcpi_max_pacing_rate'],
  ['deliveryRateBytesPerSec', 'tcpi_delivery_rate'],
] as const)('%s, of 64 bits', (field, name) => {
  test.each([
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 32n + 1n,
    2n ** 52n + 2n ** 32n - 1n,
    2n ** 53n - 1n,
    2n ** 53n,
  ])('%d is exact', (value) => {
    const record = withValues({ [name]: value })
    expect(BigInt(record[field] as number)).toBe(value)
    expect(record.raw[name]).toBe(value)
  })

  test.each([2n ** 53n + 1n, 2n ** 63n, ALL_ONES])(
    '%d is exact in raw',
    (value) => {
      expect(withValues({ [name]: value }).raw[name]).toBe(value)
    },
  )
})

test('bytes in flight are exact far above 2^32', () => {
  const record = withValues({
    tcpi_bytes_sent: 2n ** 52n + 2n ** 33n + 7n,
    tcpi_bytes_retrans: 2n ** 33n,
    tcpi_bytes_acked: 2n ** 52n + 1n,
  })
  expect(record.bytesInFlight).toBe(6)
  expect(record.sendQueueBytes).toBe(32)
})
