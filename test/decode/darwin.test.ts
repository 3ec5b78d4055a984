// Constructed, no recorded bytes exist: the members are written where the
// fixture says they lie.

import { describe, expect, test } from 'vitest'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { definedIn, recordOf } from '../support/record.js'
import { construct, membersOf, textOf, type Values } from './fixtures.js'

/** Before and since 10.12.4. */
const OLD = 104
const NEW = 112

const CLOSED = 0
const LISTEN = 1
const SYN_SENT = 2
const SYN_RECEIVED = 3
const ESTABLISHED = 4

/** TCP_MAXWIN << TCP_MAX_WINSHIFT. */
const INITIAL_SSTHRESH = 1_073_725_440

/** No two members that a record uses have one value. */
const BUSY: Values = {
  tcpi_state: ESTABLISHED,
  tcpi_snd_wscale: 6,
  tcpi_rcv_wscale: 5,
  tcpi_options: 0b1111,
  tcpi_flags: 1,
  tcpi_rto: 230,
  tcpi_maxseg: 1448,
  tcpi_snd_ssthresh: 20_001,
  tcpi_snd_cwnd: 30_002,
  tcpi_snd_wnd: 131_003,
  tcpi_snd_sbbytes: 4004,
  tcpi_rcv_wnd: 262_005,
  tcpi_rttcur: 37,
  tcpi_srtt: 31,
  tcpi_rttvar: 8,
  tcpi_tfo_cookie_req: 1,
  tcpi_tfo_cookie_rcv: 0,
  tcpi_tfo_syn_loss: 0,
  tcpi_tfo_syn_data_sent: 1,
  tcpi_tfo_syn_data_acked: 1,
  tcpi_tfo_syn_data_rcv: 0,
  tcpi_tfo_cookie_req_rcv: 1,
  tcpi_tfo_cookie_sent: 0,
  tcpi_tfo_cookie_invalid: 1,
  tcpi_tfo_cookie_wrong: 0,
  tcpi_tfo_no_cookie_rcv: 1,
  tcpi_tfo_heuristics_disable: 1,
  tcpi_tfo_send_blackhole: 0,
  tcpi_tfo_recv_blackhole: 0,
  tcpi_tfo_onebyte_proxy: 1,
  tcpi_txpackets: 2n ** 33n + 9n,
  tcpi_txbytes: 2n ** 43n + 10n,
  tcpi_txretransmitbytes: 2n ** 34n + 11n,
  tcpi_rxpackets: 2n ** 35n + 12n,
  tcpi_rxbytes: 2n ** 44n + 13n,
  tcpi_rxoutoforderbytes: 2n ** 36n + 14n,
  tcpi_txretransmitpackets: 2n ** 32n + 15n,
}

const withValues = (values: Values = {}, length = NEW) =>
  recordOf('darwin', construct('darwin', length, { ...BUSY, ...values }))

const SINCE_10_11 = {
  state: 'ESTABLISHED',
  rttUs: 31_000,
  rttVarUs: 8000,
  latestRttUs: 37_000,
  rtoUs: 230_000,
  sendMssBytes: 1448,
  cwndBytes: 30_002,
  ssthreshBytes: 20_001,
  sndWndBytes: 131_003,
  rcvWndBytes: 262_005,
  sendQueueBytes: 4004,
  bytesSent: 8_796_093_022_218,
  bytesReceived: 17_592_186_044_429,
  bytesRetransmitted: 17_179_869_195,
  outOfOrderBytesIn: 68_719_476_750,
  dataSegmentsOut: 8_589_934_601,
  dataSegmentsIn: 34_359_738_380,
  inLossRecovery: true,
  timestamps: true,
  sack: true,
  windowScaling: true,
  ecnNegotiated: true,
  sndWscale: 6,
  rcvWscale: 5,
}

describe('a constructed tcp_connection_info', () => {
  test.each([
    ['of 10.11', OLD, SINCE_10_11],
    [
      'since 10.12.4',
      NEW,
      { ...SINCE_10_11, segmentsRetransmitted: 4_294_967_311 },
    ],
  ])(
    '%s, %i bytes, has its members, and nothing more',
    (_, length, expected) => {
      const record = withValues({}, length)
      expect(definedIn(record)).toEqual(expected)
      expect(record.platform).toBe('darwin')
      expect(record.source).toBe('TCP_CONNECTION_INFO')
    },
  )

  test('has its own names in raw, 64-bit members as bigint', () => {
    const { raw } = withValues()
    expect(raw).toEqual(BUSY)
    expect(Object.keys(raw)).toEqual(Object.keys(BUSY))
  })

  test('reads each TFO bit alone, whatever is in the unused ones', () => {
    const bits = membersOf('darwin').filter(({ bit }) => bit)
    expect(bits).toHaveLength(15)
    for (const { name } of bits) {
      const none = Object.fromEntries(bits.map((each) => [each.name, 0]))
      const bytes = construct('darwin', NEW, { ...BUSY, ...none, [name]: 1 })
      const clean = recordOf('darwin', bytes)
      expect(clean.raw, name).toEqual({ ...BUSY, ...none, [name]: 1 })
      // Bits 15 to 31 of the word are padding.
      bytes[53] = (bytes[53] ?? 0) | 0x80
      bytes.fill(0xff, 54, 56)
      expect(recordOf('darwin', bytes).raw, name).toEqual(clean.raw)
    }
  })

  test('does not read the padding after the scales', () => {
    const bytes = construct('darwin', NEW, BUSY)
    bytes[3] = 0xff
    expect({ ...recordOf('darwin', bytes) }).toEqual({ ...withValues() })
    expect(recordOf('darwin', bytes).raw).toEqual(BUSY)
  })
})

test.each([
  [0, 'CLOSED'],
  [1, 'LISTEN'],
  [2, 'SYN_SENT'],
  [3, 'SYN_RECEIVED'],
  [4, 'ESTABLISHED'],
  [5, 'CLOSE_WAIT'],
  [6, 'FIN_WAIT_1'],
  [7, 'CLOSING'],
  [8, 'LAST_ACK'],
  [9, 'FIN_WAIT_2'],
  [10, 'TIME_WAIT'],
  [11, undefined],
  [255, undefined],
])('state %i is %s', (code, state) => {
  expect(withValues({ tcpi_state: code }).state).toBe(state)
})

const rows: readonly [
  field: keyof TcpInfo,
  values: Values,
  expected: number | boolean | string | undefined,
][] = [
  ['rttUs', { tcpi_srtt: 0 }, undefined],
  ['rttUs', { tcpi_srtt: 1 }, 1000],
  ['rttUs', { tcpi_srtt: 0xffffffff }, 4_294_967_295_000],
  ['rttVarUs', { tcpi_srtt: 0 }, undefined],
  ['rttVarUs', { tcpi_srtt: 1 }, 8000],
  ['rttVarUs', { tcpi_rttvar: 0 }, 0],
  ['latestRttUs', { tcpi_rttcur: 0 }, undefined],
  ['latestRttUs', { tcpi_rttcur: 1 }, 1000],
  ['rtoUs', { tcpi_rto: 0 }, undefined],
  ['rtoUs', { tcpi_rto: 1 }, 1000],
  ['sendMssBytes', { tcpi_maxseg: 0 }, undefined],
  ['bytesSent', { tcpi_maxseg: 0 }, undefined],
  ['cwndBytes', { tcpi_maxseg: 0 }, undefined],
  ['state', { tcpi_maxseg: 0, tcpi_state: 0 }, 'CLOSED'],
  ['sendMssBytes', { tcpi_maxseg: 1 }, 1],
  ['ssthreshBytes', { tcpi_snd_ssthresh: INITIAL_SSTHRESH }, undefined],
  ['ssthreshBytes', { tcpi_snd_ssthresh: INITIAL_SSTHRESH - 1 }, 1_073_725_439],
  ['ssthreshBytes', { tcpi_snd_ssthresh: INITIAL_SSTHRESH + 1 }, 1_073_725_441],
  ['ssthreshBytes', { tcpi_snd_ssthresh: 0 }, 0],
  ['cwndBytes', { tcpi_snd_cwnd: 0 }, 0],
  ['sndWndBytes', { tcpi_snd_wnd: 0 }, 0],
  ['rcvWndBytes', { tcpi_rcv_wnd: 0xffffffff }, 4_294_967_295],
  ['sendQueueBytes', { tcpi_snd_sbbytes: 0 }, 0],
  ['bytesSent', { tcpi_txbytes: 0 }, 0],
  ['bytesSent', { tcpi_txbytes: 2n ** 53n }, 9_007_199_254_740_992],
  ['bytesReceived', { tcpi_rxbytes: 2n ** 53n - 1n }, 9_007_199_254_740_991],
  ['inLossRecovery', { tcpi_flags: 0 }, false],
  ['inLossRecovery', { tcpi_flags: 1 }, true],
  // REORDERING_DETECTED
  ['inLossRecovery', { tcpi_flags: 2 }, false],
  ['inLossRecovery', { tcpi_flags: 3 }, true],
  ['sndWscale', { tcpi_options: 0b1011 }, undefined],
  ['rcvWscale', { tcpi_options: 0b1011 }, undefined],
  ['sndWscale', { tcpi_options: 0b0100 }, 6],
  ['rcvWscale', { tcpi_options: 0b0100 }, 5],
  ['sndWscale', { tcpi_snd_wscale: 0 }, 0],
  ['rcvWscale', { tcpi_rcv_wscale: 0 }, 0],
]

test.each(
  rows.map(
    ([field, values, expected]) =>
      [field, expected, textOf(values), values] as const,
  ),
)('%s is %s for %s', (field, expected, _, values) => {
  expect(withValues(values)[field]).toBe(expected)
})

describe.each([
  ['timestamps', 1],
  ['sack', 2],
  ['windowScaling', 4],
  ['ecnNegotiated', 8],
] as const)('%s, option bit %i', (field, bit) => {
  test.each([
    ['set, alone', bit, true],
    ['set, among all', 0xffffffff, true],
    ['not set', 0, false],
    ['not set, all others are', 0xffffffff - bit, false],
  ])('%s', (_, options, expected) => {
    expect(withValues({ tcpi_options: options })[field]).toBe(expected)
  })

  test.each([
    [CLOSED, undefined],
    [LISTEN, undefined],
    [SYN_SENT, undefined],
    [SYN_RECEIVED, true],
    [ESTABLISHED, true],
    [10, true],
  ])('in state %i: %s', (state, expected) => {
    expect(withValues({ tcpi_state: state })[field]).toBe(expected)
  })
})
