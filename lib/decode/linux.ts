/**
 * `struct tcp_info` of Linux: include/uapi/linux/tcp.h for the layout,
 * net/ipv4/tcp.c (tcp_get_info) for the meaning. Tables only.
 */

import { LINUX_STATES } from '../tcp-state.js'
import {
  isBetween,
  type Layout,
  type NativeField,
  nonZero,
  type Rule,
  same,
  stateOf,
} from './fields.js'

// include/net/tcp_states.h and include/uapi/linux/tcp.h.
const SYN_SENT = 2
const CLOSE = 7
const LISTEN = 10
const OPT_TIMESTAMPS = 1
const OPT_SACK = 2
const OPT_WSCALE = 4
const OPT_ECN = 8
const CA_RECOVERY = 3
const CA_LOSS = 4

/** TCP_INFINITE_SSTHRESH, include/net/tcp.h. */
const INFINITE_SSTHRESH = 0x7fffffff

// Bytes 276 to 279 changed their layout in 7.0 at the same total length, so that
// only the release can tell.
const isUnreadable = (release: string | undefined): boolean =>
  !isBetween(6_018, Number.POSITIVE_INFINITY)(release)

// biome-ignore format: one row per member
const native: readonly NativeField[] = [
  { name: 'tcpi_state', offset: 0, type: 'u8', since: '2.6.12' },
  { name: 'tcpi_ca_state', offset: 1, type: 'u8', since: '2.6.12' },
  { name: 'tcpi_retransmits', offset: 2, type: 'u8', since: '2.6.12' },
  { name: 'tcpi_probes', offset: 3, type: 'u8', since: '2.6.12' },
  { name: 'tcpi_backoff', offset: 4, type: 'u8', since: '2.6.12' },
  { name: 'tcpi_options', offset: 5, type: 'u8', since: '2.6.12' },
  { name: 'tcpi_snd_wscale', offset: 6, type: 'u8', bits: [0, 4], since: '2.6.12' },
  { name: 'tcpi_rcv_wscale', offset: 6, type: 'u8', bits: [4, 4], since: '2.6.12' },
  { name: 'tcpi_delivery_rate_app_limited', offset: 7, type: 'u8', bits: [0, 1], since: '4.9', minLength: 168 },
  { name: 'tcpi_fastopen_client_fail', offset: 7, type: 'u8', bits: [1, 2], since: '5.5', minLength: 232 },
  { name: 'tcpi_rto', offset: 8, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_ato', offset: 12, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_snd_mss', offset: 16, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_rcv_mss', offset: 20, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_unacked', offset: 24, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_sacked', offset: 28, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_lost', offset: 32, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_retrans', offset: 36, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_fackets', offset: 40, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_last_data_sent', offset: 44, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_last_ack_sent', offset: 48, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_last_data_recv', offset: 52, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_last_ack_recv', offset: 56, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_pmtu', offset: 60, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_rcv_ssthresh', offset: 64, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_rtt', offset: 68, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_rttvar', offset: 72, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_snd_ssthresh', offset: 76, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_snd_cwnd', offset: 80, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_advmss', offset: 84, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_reordering', offset: 88, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_rcv_rtt', offset: 92, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_rcv_space', offset: 96, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_total_retrans', offset: 100, type: 'u32', since: '2.6.12' },
  { name: 'tcpi_pacing_rate', offset: 104, type: 'u64', since: '3.15' },
  { name: 'tcpi_max_pacing_rate', offset: 112, type: 'u64', since: '3.15' },
  { name: 'tcpi_bytes_acked', offset: 120, type: 'u64', since: '4.1' },
  { name: 'tcpi_bytes_received', offset: 128, type: 'u64', since: '4.1' },
  { name: 'tcpi_segs_out', offset: 136, type: 'u32', since: '4.2' },
  { name: 'tcpi_segs_in', offset: 140, type: 'u32', since: '4.2' },
  { name: 'tcpi_notsent_bytes', offset: 144, type: 'u32', since: '4.6' },
  { name: 'tcpi_min_rtt', offset: 148, type: 'u32', since: '4.6' },
  { name: 'tcpi_data_segs_in', offset: 152, type: 'u32', since: '4.6' },
  { name: 'tcpi_data_segs_out', offset: 156, type: 'u32', since: '4.6' },
  { name: 'tcpi_delivery_rate', offset: 160, type: 'u64', since: '4.9' },
  { name: 'tcpi_busy_time', offset: 168, type: 'u64', since: '4.10' },
  { name: 'tcpi_rwnd_limited', offset: 176, type: 'u64', since: '4.10' },
  { name: 'tcpi_sndbuf_limited', offset: 184, type: 'u64', since: '4.10' },
  { name: 'tcpi_delivered', offset: 192, type: 'u32', since: '4.18' },
  { name: 'tcpi_delivered_ce', offset: 196, type: 'u32', since: '4.18' },
  { name: 'tcpi_bytes_sent', offset: 200, type: 'u64', since: '4.19' },
  { name: 'tcpi_bytes_retrans', offset: 208, type: 'u64', since: '4.19' },
  { name: 'tcpi_dsack_dups', offset: 216, type: 'u32', since: '4.19' },
  { name: 'tcpi_reord_seen', offset: 220, type: 'u32', since: '4.19' },
  { name: 'tcpi_rcv_ooopack', offset: 224, type: 'u32', since: '5.4' },
  { name: 'tcpi_snd_wnd', offset: 228, type: 'u32', since: '5.4' },
  { name: 'tcpi_rcv_wnd', offset: 232, type: 'u32', since: '6.2' },
  { name: 'tcpi_rehash', offset: 236, type: 'u32', since: '6.2' },
  { name: 'tcpi_total_rto', offset: 240, type: 'u16', since: '6.7' },
  { name: 'tcpi_total_rto_recoveries', offset: 242, type: 'u16', since: '6.7' },
  { name: 'tcpi_total_rto_time', offset: 244, type: 'u32', since: '6.7' },
  { name: 'tcpi_received_ce', offset: 248, type: 'u32', since: '6.18' },
  { name: 'tcpi_delivered_e1_bytes', offset: 252, type: 'u32', since: '6.18' },
  { name: 'tcpi_delivered_e0_bytes', offset: 256, type: 'u32', since: '6.18' },
  { name: 'tcpi_delivered_ce_bytes', offset: 260, type: 'u32', since: '6.18' },
  { name: 'tcpi_received_e1_bytes', offset: 264, type: 'u32', since: '6.18' },
  { name: 'tcpi_received_e0_bytes', offset: 268, type: 'u32', since: '6.18' },
  { name: 'tcpi_received_ce_bytes', offset: 272, type: 'u32', since: '6.18' },
  { name: 'tcpi_accecn_fail_mode', offset: 276, type: 'u16', since: '6.18', layoutOf: isBetween(6_018, 7_000) },
  { name: 'tcpi_accecn_opt_seen', offset: 278, type: 'u16', since: '6.18', layoutOf: isBetween(6_018, 7_000) },
  { name: 'tcpi_ecn_mode', offset: 276, type: 'u32', bits: [0, 2], since: '7.0', layoutOf: isBetween(7_000, Number.POSITIVE_INFINITY) },
  { name: 'tcpi_accecn_opt_seen', offset: 276, type: 'u32', bits: [2, 2], since: '7.0', layoutOf: isBetween(7_000, Number.POSITIVE_INFINITY) },
  { name: 'tcpi_accecn_fail_mode', offset: 276, type: 'u32', bits: [4, 4], since: '7.0', layoutOf: isBetween(7_000, Number.POSITIVE_INFINITY) },
  { name: 'tcpi_options2', offset: 276, type: 'u32', bits: [8, 24], since: '7.0', layoutOf: isBetween(7_000, Number.POSITIVE_INFINITY) },
  { name: 'tcpi_accecn_word', offset: 276, type: 'u32', since: '6.18', layoutOf: isUnreadable },
]

/**
 * A rate that the kernel gives as "none yet" (0) or "no limit" (all ones, which
 * as a double is 2^64; no real rate comes near).
 */
const rate = (name: string): Rule<number> => ({
  of: [name],
  absent: [0, 2 ** 64],
})

const option = (flag: number): Rule<boolean> => ({
  of: ['tcpi_options'],
  flag,
})

const shift = (name: string): Rule<number> => ({
  of: [name, 'tcpi_options'],
  formula: (value, options) => (options & OPT_WSCALE ? value : undefined),
})

/** A time since an event; about the uptime when there was none. */
const ago = (name: string, events: string): Rule<number> => ({
  of: [name],
  needs: events,
})

const inFlight = (sent: number, retransmitted: number, acked: number): number =>
  Math.max(0, sent - retransmitted - acked)

export const linux: Layout = {
  native,
  states: LINUX_STATES,
  rules: {
    state: stateOf('tcpi_state', LINUX_STATES),
    rttUs: nonZero('tcpi_rtt'),
    rttVarUs: { of: ['tcpi_rttvar'], needs: 'tcpi_rtt' },
    minRttUs: { of: ['tcpi_min_rtt'], absent: [0, 0xffffffff] },
    rcvRttUs: nonZero('tcpi_rcv_rtt'),
    rtoUs: {
      of: ['tcpi_rto', 'tcpi_state'],
      formula: (rto, state) => (state === CLOSE ? undefined : rto),
    },
    sendMssBytes: nonZero('tcpi_snd_mss'),
    pmtuBytes: nonZero('tcpi_pmtu'),
    cwndBytes: {
      of: ['tcpi_snd_cwnd', 'tcpi_snd_mss'],
      needs: 'tcpi_snd_mss',
      formula: (cwnd, mss) => cwnd * mss,
    },
    cwndSegments: same('tcpi_snd_cwnd'),
    ssthreshBytes: {
      of: ['tcpi_snd_ssthresh', 'tcpi_snd_mss'],
      needs: 'tcpi_snd_mss',
      formula: (ssthresh, mss) =>
        ssthresh >= INFINITE_SSTHRESH ? undefined : ssthresh * mss,
    },
    sndWndBytes: same('tcpi_snd_wnd'),
    rcvWndBytes: same('tcpi_rcv_wnd'),
    bytesInFlight: {
      of: ['tcpi_bytes_sent', 'tcpi_bytes_retrans', 'tcpi_bytes_acked'],
      formula: inFlight,
    },
    segmentsInFlight: same('tcpi_unacked'),
    notSentBytes: same('tcpi_notsent_bytes'),
    sendQueueBytes: {
      of: [
        'tcpi_notsent_bytes',
        'tcpi_bytes_sent',
        'tcpi_bytes_retrans',
        'tcpi_bytes_acked',
      ],
      formula: (notSent, sent, retransmitted, acked) =>
        notSent + inFlight(sent, retransmitted, acked),
    },
    bytesSent: same('tcpi_bytes_sent'),
    bytesReceived: same('tcpi_bytes_received'),
    bytesAcked: same('tcpi_bytes_acked'),
    bytesRetransmitted: same('tcpi_bytes_retrans'),
    segmentsOut: same('tcpi_segs_out'),
    segmentsIn: same('tcpi_segs_in'),
    dataSegmentsOut: same('tcpi_data_segs_out'),
    dataSegmentsIn: same('tcpi_data_segs_in'),
    segmentsRetransmitted: same('tcpi_total_retrans'),
    spuriousRetransmits: same('tcpi_dsack_dups'),
    rtoCount: same('tcpi_total_rto'),
    rtoEpisodes: same('tcpi_total_rto_recoveries'),
    consecutiveRtos: same('tcpi_retransmits'),
    inLossRecovery: {
      of: ['tcpi_ca_state', 'tcpi_state'],
      formula: (congestion, state) =>
        state === CLOSE
          ? undefined
          : congestion === CA_RECOVERY || congestion === CA_LOSS,
    },
    outOfOrderPacketsIn: same('tcpi_rcv_ooopack'),
    reorderingEvents: same('tcpi_reord_seen'),
    segmentsDeliveredCe: same('tcpi_delivered_ce'),
    busyUs: same('tcpi_busy_time'),
    rwndLimitedUs: same('tcpi_rwnd_limited'),
    sndbufLimitedUs: same('tcpi_sndbuf_limited'),
    pacingRateBytesPerSec: rate('tcpi_pacing_rate'),
    maxPacingRateBytesPerSec: rate('tcpi_max_pacing_rate'),
    deliveryRateBytesPerSec: nonZero('tcpi_delivery_rate'),
    deliveryRateAppLimited: {
      of: ['tcpi_delivery_rate_app_limited'],
      needs: 'tcpi_delivery_rate',
      flag: 1,
    },
    timestamps: option(OPT_TIMESTAMPS),
    sack: option(OPT_SACK),
    windowScaling: option(OPT_WSCALE),
    ecnNegotiated: option(OPT_ECN),
    sndWscale: shift('tcpi_snd_wscale'),
    rcvWscale: shift('tcpi_rcv_wscale'),
    dataSentAgoMs: ago('tcpi_last_data_sent', 'tcpi_data_segs_out'),
    dataReceivedAgoMs: ago('tcpi_last_data_recv', 'tcpi_data_segs_in'),
    ackReceivedAgoMs: ago('tcpi_last_ack_recv', 'tcpi_segs_in'),
    acceptQueue: {
      of: ['tcpi_unacked', 'tcpi_state'],
      formula: (unacked, state) => (state === LISTEN ? unacked : undefined),
    },
    backlog: {
      of: ['tcpi_sacked', 'tcpi_state'],
      formula: (sacked, state) => (state === LISTEN ? sacked : undefined),
    },
  },
  partial: [
    {
      of: ['tcpi_state', 'tcpi_pmtu'],
      // For a listener tcp_get_info leaves early, with two members in double
      // use. Of a socket that was never connected all is an initial value (cwnd
      // 10, rttvar 250000, mss 536): the first connect sets the path MTU.
      when: (state, pmtu) =>
        state === LISTEN || (state === CLOSE && pmtu === 0),
      fields: ['state', 'acceptQueue', 'backlog'],
    },
    {
      of: ['tcpi_state', 'tcpi_segs_out', 'tcpi_segs_in'],
      // No segment ever came or went, so that there is nothing to tell. Once all
      // its subflows are gone, a socket of Multipath TCP answers for a new one
      // (mptcp_getsockopt_first_sf_only, net/mptcp/sockopt.c).
      when: (state, out, received) =>
        state === CLOSE && out === 0 && received === 0,
      fields: [],
    },
    {
      of: ['tcpi_state', 'tcpi_rtt', 'tcpi_bytes_acked', 'tcpi_bytes_received'],
      // The handshake is not over, or never was (refused, timed out): what the
      // peer has a say in is unknown, and what depends on it a default.
      when: (state, rtt, acked, received) =>
        state === SYN_SENT ||
        (state === CLOSE && rtt === 0 && acked === 0 && received === 0),
      fields: [
        ...['rtoUs', 'pmtuBytes', 'maxPacingRateBytesPerSec'],
        ...['bytesInFlight', 'segmentsInFlight'],
        ...['notSentBytes', 'sendQueueBytes'],
        ...['bytesSent', 'bytesReceived', 'bytesAcked', 'bytesRetransmitted'],
        ...['segmentsOut', 'segmentsIn', 'dataSegmentsOut', 'dataSegmentsIn'],
        ...['segmentsRetransmitted', 'rtoCount', 'rtoEpisodes'],
        'consecutiveRtos',
      ] as const,
    },
  ],
}
