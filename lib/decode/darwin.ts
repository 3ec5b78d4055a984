/**
 * `struct tcp_connection_info` of macOS: xnu bsd/netinet/tcp.h for the layout,
 * tcp_usrreq.c (tcp_connection_fill_info) for the meaning. Tables only.
 */

import { DARWIN_STATES } from '../tcp-state.js'
import {
  type Layout,
  type NativeField,
  nonZero,
  type Rule,
  same,
  stateOf,
} from './fields.js'

// bsd/netinet/tcp_fsm.h and bsd/netinet/tcp.h.
const CLOSED = 0
const LISTEN = 1
const SYN_SENT = 2
const OPT_TIMESTAMPS = 1
const OPT_SACK = 2
const OPT_WSCALE = 4
const OPT_ECN = 8
const FLAG_LOSSRECOVERY = 1
const US_PER_MS = 1000

/** TCP_MAXWIN << TCP_MAX_WINSHIFT: no threshold has been set yet. */
const INITIAL_SSTHRESH = 1_073_725_440

// biome-ignore format: one row per member
const native: readonly NativeField[] = [
  { name: 'tcpi_state', offset: 0, type: 'u8', since: '10.11' },
  { name: 'tcpi_snd_wscale', offset: 1, type: 'u8', since: '10.11' },
  { name: 'tcpi_rcv_wscale', offset: 2, type: 'u8', since: '10.11' },
  { name: 'tcpi_options', offset: 4, type: 'u32', since: '10.11' },
  { name: 'tcpi_flags', offset: 8, type: 'u32', since: '10.11' },
  { name: 'tcpi_rto', offset: 12, type: 'u32', since: '10.11' },
  { name: 'tcpi_maxseg', offset: 16, type: 'u32', since: '10.11' },
  { name: 'tcpi_snd_ssthresh', offset: 20, type: 'u32', since: '10.11' },
  { name: 'tcpi_snd_cwnd', offset: 24, type: 'u32', since: '10.11' },
  { name: 'tcpi_snd_wnd', offset: 28, type: 'u32', since: '10.11' },
  { name: 'tcpi_snd_sbbytes', offset: 32, type: 'u32', since: '10.11' },
  { name: 'tcpi_rcv_wnd', offset: 36, type: 'u32', since: '10.11' },
  { name: 'tcpi_rttcur', offset: 40, type: 'u32', since: '10.11' },
  { name: 'tcpi_srtt', offset: 44, type: 'u32', since: '10.11' },
  { name: 'tcpi_rttvar', offset: 48, type: 'u32', since: '10.11' },
  { name: 'tcpi_tfo_cookie_req', offset: 52, type: 'u32', bits: [0, 1], since: '10.11' },
  { name: 'tcpi_tfo_cookie_rcv', offset: 52, type: 'u32', bits: [1, 1], since: '10.11' },
  { name: 'tcpi_tfo_syn_loss', offset: 52, type: 'u32', bits: [2, 1], since: '10.11' },
  { name: 'tcpi_tfo_syn_data_sent', offset: 52, type: 'u32', bits: [3, 1], since: '10.11' },
  { name: 'tcpi_tfo_syn_data_acked', offset: 52, type: 'u32', bits: [4, 1], since: '10.11' },
  { name: 'tcpi_tfo_syn_data_rcv', offset: 52, type: 'u32', bits: [5, 1], since: '10.11' },
  { name: 'tcpi_tfo_cookie_req_rcv', offset: 52, type: 'u32', bits: [6, 1], since: '10.11' },
  { name: 'tcpi_tfo_cookie_sent', offset: 52, type: 'u32', bits: [7, 1], since: '10.11' },
  { name: 'tcpi_tfo_cookie_invalid', offset: 52, type: 'u32', bits: [8, 1], since: '10.11' },
  { name: 'tcpi_tfo_cookie_wrong', offset: 52, type: 'u32', bits: [9, 1], since: '10.12' },
  { name: 'tcpi_tfo_no_cookie_rcv', offset: 52, type: 'u32', bits: [10, 1], since: '10.12' },
  { name: 'tcpi_tfo_heuristics_disable', offset: 52, type: 'u32', bits: [11, 1], since: '10.12' },
  { name: 'tcpi_tfo_send_blackhole', offset: 52, type: 'u32', bits: [12, 1], since: '10.12' },
  { name: 'tcpi_tfo_recv_blackhole', offset: 52, type: 'u32', bits: [13, 1], since: '10.12' },
  { name: 'tcpi_tfo_onebyte_proxy', offset: 52, type: 'u32', bits: [14, 1], since: '10.13' },
  { name: 'tcpi_txpackets', offset: 56, type: 'u64', since: '10.11' },
  { name: 'tcpi_txbytes', offset: 64, type: 'u64', since: '10.11' },
  { name: 'tcpi_txretransmitbytes', offset: 72, type: 'u64', since: '10.11' },
  { name: 'tcpi_rxpackets', offset: 80, type: 'u64', since: '10.11' },
  { name: 'tcpi_rxbytes', offset: 88, type: 'u64', since: '10.11' },
  { name: 'tcpi_rxoutoforderbytes', offset: 96, type: 'u64', since: '10.11' },
  { name: 'tcpi_txretransmitpackets', offset: 104, type: 'u64', since: '10.12.4' },
]

/** Whole milliseconds in the kernel; 0 is "no sample, or under 1 ms". */
const milliseconds = (name: string): Rule<number> => ({
  of: [name],
  absent: [0],
  times: US_PER_MS,
})

/** An option of the handshake: unknown until the peer's SYN has arrived. */
const negotiated = (bit: number): Rule<boolean> => ({
  of: ['tcpi_options', 'tcpi_state'],
  formula: (options, state) =>
    state === CLOSED || state === LISTEN || state === SYN_SENT
      ? undefined
      : (options & bit) !== 0,
})

const shift = (name: string): Rule<number> => ({
  of: [name, 'tcpi_options'],
  formula: (value, options) => (options & OPT_WSCALE ? value : undefined),
})

export const darwin: Layout = {
  native,
  states: DARWIN_STATES,
  rules: {
    state: stateOf('tcpi_state', DARWIN_STATES),
    rttUs: milliseconds('tcpi_srtt'),
    rttVarUs: { of: ['tcpi_rttvar'], needs: 'tcpi_srtt', times: US_PER_MS },
    latestRttUs: milliseconds('tcpi_rttcur'),
    rtoUs: milliseconds('tcpi_rto'),
    sendMssBytes: nonZero('tcpi_maxseg'),
    cwndBytes: same('tcpi_snd_cwnd'),
    ssthreshBytes: { of: ['tcpi_snd_ssthresh'], absent: [INITIAL_SSTHRESH] },
    sndWndBytes: same('tcpi_snd_wnd'),
    rcvWndBytes: same('tcpi_rcv_wnd'),
    sendQueueBytes: same('tcpi_snd_sbbytes'),
    bytesSent: same('tcpi_txbytes'),
    bytesReceived: same('tcpi_rxbytes'),
    bytesRetransmitted: same('tcpi_txretransmitbytes'),
    dataSegmentsOut: same('tcpi_txpackets'),
    dataSegmentsIn: same('tcpi_rxpackets'),
    segmentsRetransmitted: same('tcpi_txretransmitpackets'),
    outOfOrderBytesIn: same('tcpi_rxoutoforderbytes'),
    inLossRecovery: {
      of: ['tcpi_flags', 'tcpi_state'],
      formula: (flags, state) =>
        state === CLOSED || state === LISTEN
          ? undefined
          : (flags & FLAG_LOSSRECOVERY) !== 0,
    },
    timestamps: negotiated(OPT_TIMESTAMPS),
    sack: negotiated(OPT_SACK),
    windowScaling: negotiated(OPT_WSCALE),
    ecnNegotiated: negotiated(OPT_ECN),
    sndWscale: shift('tcpi_snd_wscale'),
    rcvWscale: shift('tcpi_rcv_wscale'),
  },
  partial: [
    {
      // Up to macOS 12.2 a socket that is closed or listens has its state filled in
      // and zeros else (tcp_connection_fill_info, xnu bsd/netinet/tcp_usrreq.c); a
      // connection's segments have a size.
      of: ['tcpi_maxseg'],
      when: (maxseg) => maxseg === 0,
      fields: ['state'],
    },
  ],
}
