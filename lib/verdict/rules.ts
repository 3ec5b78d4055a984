/**
 * What limited a connection: the rules, in the order in which they are asked, and
 * their thresholds.
 */

import type { TcpInfoDelta } from '../delta.js'
import type { TcpInfo } from '../tcp-info.js'
import { isKernels, UNREACHABLE } from './closing.js'
import {
  clamp,
  type Facts,
  FEWEST_SAMPLES,
  isWithheld,
  median,
  progressOf,
  queueOf,
  valuesOf,
  waitingFor,
} from './facts.js'
import type { TcpInfoLimit, TcpInfoShares } from './index.js'

const MOST = 0.5
/** Of a peer that reads in gulps the timer sees only the time between them. */
const RECEIVER_WINDOW_SHARE = 1 / 3
/** But so much it also sees of a peer's window that grows with each round trip. */
const GROWING_WINDOW_SHARE = 2 / 3
/** When it was full that often, a slow path and a slow peer look the same. */
const BLURRED_SHARE = 0.1
/** Ten ticks of the slowest kernel clock (100 Hz) that the timers are kept in. */
const SHORTEST_MS = 100
/** What is said because nothing else fits needs so many. */
const MANY_SAMPLES = 10
/** As little as 0.3 % keeps a window at 22 segments, by the formula below. */
const RETRANSMIT_RATIO = 0.003
/** Of Ethernet; for systems that count bytes only. */
const LARGE_SEGMENT_BYTES = 1448
/** One or two can be tail-loss probes, which need no loss. */
const FEWEST_RETRANSMITS = 3
/** Mathis et al. 1997: the window that Reno reaches at a loss ratio p is 1.22/√p. */
const MATHIS = 1.22
/** CUBIC keeps more than Reno, and both more until the first loss. */
const MATHIS_TOLERANCE = 3
/** A queue is what adds a quarter to the round trip, at losses a half ... */
const QUEUE_SHARE = 0.25
const LOSSY_QUEUE_SHARE = 0.5
/** ... and more than timers and schedulers do. @unit µs */
const QUEUE_US = 5_000
/** Of the pacing rate; less is no steady rate where much is lost as well. */
const PACED_SHARE = 1 / 3
/** In the second half of the time; a window that has found its size does not grow. */
const GROWTH = 1.2
/** From the first half of the time to the second; slow start doubles each round trip. */
const SPEED_UP = 2
/** Below, other delays (scheduling, delayed ACKs) count for as much. @unit µs */
const LONG_RTT_US = 10_000
/** From the receipt of an answer to the next request: two ticks of 100 Hz. */
const TURNAROUND_MS = 20
/** Of what was received; TLS, whose own bytes no program reads, needs some of it. */
const UNREAD_SHARE = 0.05
/** Two retransmission timeouts of the usual length, and some. */
const PAUSE_MS = 500
/** The third timeout in a row: 1.4 s of silence or more ... */
const SILENT_RTOS = 3
/** ... and as long where there are no timeouts to count. */
const SILENT_MS = 1400

export interface Finding {
  readonly limitedBy: TcpInfoLimit
  readonly share: number
  readonly says: string
  readonly by: readonly (keyof TcpInfo)[]
  /** The records that show it; unless said, those with data under way. */
  readonly of?: readonly TcpInfo[] | undefined
}

type Rule = (facts: Facts, shares: TcpInfoShares) => Finding | undefined

export function findingOf(facts: Facts): Finding {
  const special = handshake(facts) ?? silence(facts)
  if (special) return special
  const { shares, observedUs } = facts
  if (!shares) return unknown('the records do not tell', [])
  if (observedUs !== undefined && observedUs < SHORTEST_MS * 1000) {
    return unknown('it was observed for too short a time', [])
  }
  for (const rule of RULES) {
    const finding = rule(facts, shares)
    if (finding) return finding
  }
  return noCause(facts, shares)
}

function noCause({ live }: Facts, shares: TcpInfoShares): Finding {
  const { receiverWindow: share } = shares
  const by = ['rwndLimitedUs', 'busyUs', 'sndWndBytes'] as const
  return share >= MOST
    ? unknown(
        `the peer's window was full for ${percent(share)} of the time, but with data under way there are too few records (${live.length}) to tell whether it was growing`,
        by,
      )
    : unknown('no single cause covers most of the time', ['busyUs'])
}

function unknown(says: string, by: Finding['by'], of?: Finding['of']): Finding {
  return { limitedBy: 'unknown', share: 0, says, by, of }
}

function handshake({ records, open, end, delta }: Facts): Finding | undefined {
  const by = ['state', 'errorCode', 'rtoCount', 'synRetransmits'] as const
  if (open.length === 0) {
    if (end.state === 'LISTEN' || end.state === undefined) return undefined
    const says = 'the connection was never open'
    return { limitedBy: 'handshake', share: 1, says, by, of: [end] }
  }
  const openMs = delta.durationMs ?? (delta.counters.busyUs ?? 0) / 1000
  const connectMs = end.connectDurationMs
  const again = synsSentAgain(open)
  if (!connectMs || !again) return undefined
  const beforeMs = open[0] === records[0] ? connectMs : 0
  const share = connectMs / Math.max(connectMs, openMs + beforeMs)
  if (share < MOST) return undefined
  const says = `its SYN was sent ${again + 1} times, so that opening took ${ms(connectMs)}`
  return {
    limitedBy: 'handshake',
    share,
    says,
    by: ['connectDurationMs', 'segmentsRetransmitted', 'synRetransmits'],
    of: [end],
  }
}

/** A segment sent again without payload is a SYN or a FIN. */
function synsSentAgain(open: readonly TcpInfo[]): number {
  const [first] = open
  if (!first) return 0
  if (first.synRetransmits !== undefined) return first.synRetransmits
  return first.bytesRetransmitted === 0 ? (first.segmentsRetransmitted ?? 0) : 0
}

function silence(facts: Facts): Finding | undefined {
  const { open, end, last, observedUs, shares } = facts
  if (open.length === 0) return undefined
  const { consecutiveRtos } = end
  const standstillMs = stuckMs(facts)
  const silentMs = consecutiveRtos ? (end.ackReceivedAgoMs ?? 0) : standstillMs
  const gaveUp = isKernels(last, ['ETIMEDOUT', ...UNREACHABLE])
  const share = observedUs ? (silentMs * 1000) / observedUs : 0
  // A peer that does not read answers, but lets nothing in.
  const isHeldBack =
    waitingFor(end) === 'receiver-window' ||
    (shares?.receiverWindow ?? 0) >= RECEIVER_WINDOW_SHARE
  const isSilent = consecutiveRtos
    ? consecutiveRtos >= SILENT_RTOS || share >= MOST
    : share >= MOST &&
      !isHeldBack &&
      silentMs >= (consecutiveRtos === undefined ? SHORTEST_MS : SILENT_MS)
  if (!gaveUp && !isSilent) return undefined
  const isStuck = !consecutiveRtos && !gaveUp
  return {
    limitedBy: 'timeouts',
    share: gaveUp ? 1 : clamp(share),
    says: isStuck
      ? `for ${ms(silentMs)} nothing of what was to be sent has been acknowledged`
      : `nothing has answered for ${ms(silentMs)}`,
    by: isStuck
      ? ['bytesAcked', 'notSentBytes', 'segmentsRetransmitted', 'busyUs']
      : ['consecutiveRtos', 'rtoCount', 'ackReceivedAgoMs', 'errorCode'],
    of: [end],
  }
}

/**
 * For how long what waits has got no further. Where the kernel does not tell what
 * was acknowledged, only the same being sent again shows it.
 */
function stuckMs({ open, end, apart }: Facts): number {
  if (!queueOf(end)) return 0
  const isAcked = end.bytesAcked !== undefined
  // Nothing but our SYN ever was.
  if (isAcked && progressOf(end) <= 1 && end.busyUs !== undefined) {
    return end.busyUs / 1000
  }
  const moved = open.findLastIndex(
    (each) =>
      progressOf(each) !== progressOf(end) ||
      (isAcked ? !queueOf(each) : queueOf(each) !== queueOf(end)),
  )
  const since = open[moved + 1] ?? end
  const again =
    (end.segmentsRetransmitted ?? 0) - (since.segmentsRetransmitted ?? 0)
  const bytesAgain =
    (end.bytesRetransmitted ?? 0) - (since.bytesRetransmitted ?? 0)
  return isAcked || again > 0 || bytesAgain > 0 ? apart(since, end) : 0
}

const RULES: readonly Rule[] = [
  function reading({ open }, { idle, applicationWaits }) {
    const { known, closed } = ourWindow(open)
    const share = closed.length / known.length
    if (!(share >= MOST)) return undefined
    const by = ['rcvWndBytes', 'bytesReceived', 'appBytesRead'] as const
    if (idle + applicationWaits < MOST) {
      const says =
        'the program on this side did not read, but what it sent was held back as well'
      return unknown(says, [...by, 'rwndLimitedUs', 'busyUs'], closed)
    }
    if (known.length < FEWEST_SAMPLES) return undefined
    const says = `the program on this side did not read fast enough: its window was closed in ${closed.length} of ${known.length} records`
    return { limitedBy: 'application', share, says, by, of: closed }
  },

  function slowStart(facts, shares) {
    const { live, end } = facts
    const share = shares.network + shares.receiverWindow
    const trip = roundTrip(live)
    if (
      share < MOST ||
      !trip ||
      trip.least < LONG_RTT_US ||
      isQueued(trip) ||
      // An early loss ends slow start for good.
      retransmitsIn(end) >= FEWEST_RETRANSMITS ||
      !isGrowing(facts)
    ) {
      return undefined
    }
    return {
      limitedBy: 'path-rtt',
      share,
      says: `the windows were still growing, by round trips of ${ms(trip.least / 1000)}`,
      by: ['minRttUs', 'rttUs', 'cwndBytes', 'sndWndBytes', 'busyUs'],
    }
  },

  function receiverWindow({ live }, shares) {
    const share = shares.receiverWindow
    const least =
      live.length < MANY_SAMPLES ? GROWING_WINDOW_SHARE : RECEIVER_WINDOW_SHARE
    if (share < least || share < Math.max(...Object.values(shares))) {
      return undefined
    }
    const says = `the peer's window was full for ${percent(share)} of the time`
    const by = ['rwndLimitedUs', 'busyUs', 'sndWndBytes'] as const
    return { limitedBy: 'receiver-window', share, says, by }
  },

  function sendBuffer(_, { sendBuffer: share }) {
    if (share < MOST) return undefined
    return {
      limitedBy: 'send-buffer',
      share,
      says: `for ${percent(share)} of the time the send buffer was full and could not fill the windows`,
      by: ['sndbufLimitedUs', 'appBytesWritten', 'bytesAcked', 'bytesInFlight'],
    }
  },

  function requests({ delta, live }, { applicationWaits: share }) {
    const turnarounds = live.flatMap(({ dataSentAgoMs, dataReceivedAgoMs }) =>
      dataSentAgoMs === undefined || dataReceivedAgoMs === undefined
        ? []
        : [Math.abs(dataReceivedAgoMs - dataSentAgoMs)],
    )
    const turnaround = median(turnarounds)
    const rttUs = roundTrip(live)?.least ?? 0
    if (
      share < MOST ||
      turnarounds.length < live.length * MOST ||
      turnaround === undefined ||
      turnaround > Math.min(TURNAROUND_MS, rttUs / 4000) ||
      rttUs < LONG_RTT_US ||
      !hasReceived(delta)
    ) {
      return undefined
    }
    return {
      limitedBy: 'path-rtt',
      share,
      says: `requests and answers took turns, each of them a round trip of ${ms(rttUs / 1000)}`,
      by: ['minRttUs', 'dataSentAgoMs', 'dataReceivedAgoMs', 'busyUs'],
    }
  },

  function receiving(facts, { idle, applicationWaits }) {
    const { open, delta } = facts
    const { bytesReceived: received = 0 } = delta.counters
    const isMore = received >= sentBy(delta)
    // Who answers each request late receives for most of the time, too.
    if (idle + applicationWaits < MOST || (idle >= MOST && !isMore)) {
      return undefined
    }
    const share = receivingShare(facts) ?? (received > sentBy(delta) ? 1 : 0)
    // Between the gulps of a program that reads slowly nothing comes in.
    const isClosed = isMore && ourWindow(open).closed.length > 0
    if (share < MOST && !isClosed) return undefined
    return unknown(
      `it ${isMore ? 'mainly received' : 'received for most of the time'}, ${ofReading(facts)}`,
      ['bytesReceived', 'bytesSent', 'rcvWndBytes', 'appBytesRead'],
      open,
    )
  },

  function awaiting({ open, end, observedUs }, { idle }) {
    if (idle < MOST || !observedUs) return undefined
    if (awaitedMs(open) * 1000 < observedUs * MOST) return undefined
    return unknown(
      'this side had sent last: it waited for an answer, or had no more to say',
      ['dataSentAgoMs', 'dataReceivedAgoMs', 'bytesReceived'],
      [end],
    )
  },

  function nothingToSend({ open, end, delta }, shares) {
    const { idle, applicationWaits, network } = shares
    const share = idle + applicationWaits
    const withheld = open.filter(isWithheld)
    if (
      share < MOST ||
      share <= network ||
      withheld.length >= open.length * MOST
    ) {
      return undefined
    }
    if (idle < MOST && hasReceived(delta) && !hasTimes(open)) {
      return unknown('the program on this side may have waited for answers', [
        'bytesSent',
        'bytesReceived',
        'rttUs',
      ])
    }
    const says = `for ${percent(share)} of the time the program on this side gave it nothing more to send, which is no fault if it had nothing to say`
    const by = ['busyUs', 'appLimitedUs', 'bytesSent', 'dataSentAgoMs'] as const
    return { limitedBy: 'application', share, says, by, of: [end] }
  },

  function blurred(_, { network, receiverWindow }) {
    if (network < MOST || receiverWindow < BLURRED_SHARE) return undefined
    return unknown("the path and the peer's window both held it back", [
      'rwndLimitedUs',
      'busyUs',
      'sndWndBytes',
      'rttUs',
    ])
  },

  function standstill({ delta }, { network }) {
    if (network < MOST || delta.counters.bytesAcked !== 0) return undefined
    return unknown('nothing was acknowledged in that time', [
      'bytesAcked',
      'bytesSent',
      'notSentBytes',
      'busyUs',
    ])
  },

  function queueOrLoss(facts, { network: share }) {
    if (share < MOST) return undefined
    const samples = facts.live.length ? facts.live : facts.open
    const trip = roundTrip(samples)
    const window = windowOfLoss(facts, samples)
    if (trip && isQueued(trip, window ? LOSSY_QUEUE_SHARE : QUEUE_SHARE)) {
      return {
        limitedBy: 'path-rate',
        share,
        says: `a queue on the path raised the round trip from ${ms(trip.least / 1000)} to ${ms(trip.usual / 1000)}`,
        by: ['rttUs', 'minRttUs', 'deliveryRateBytesPerSec', 'cwndBytes'],
      }
    }
    if (window === undefined) return undefined
    if (trip && isQueued(trip)) {
      return unknown('there was loss, and a queue that may have caused it', [
        'bytesRetransmitted',
        'bytesSent',
        'rttUs',
        'minRttUs',
      ])
    }
    return {
      limitedBy: 'loss',
      share,
      says: `${percent(facts.retransmitRatio ?? 0)} of what it sent was sent again, which keeps the congestion window at ${Math.round(window)} segments`,
      by: ['bytesRetransmitted', 'bytesSent', 'cwndBytes', 'rtoCount', 'rttUs'],
    }
  },

  function pacing(facts, { network: share }) {
    const { live, delta, observedUs = 0, retransmitRatio = 0 } = facts
    const known = live.filter((each) => each.notSentBytes !== undefined)
    const held = known.filter(
      ({ segmentsInFlight = 0, cwndSegments = 0, notSentBytes = 0 }) =>
        notSentBytes > 0 && segmentsInFlight < cwndSegments,
    )
    if (
      share < MOST ||
      known.length < MANY_SAMPLES ||
      held.length < known.length * MOST
    ) {
      return undefined
    }
    const paced = median(valuesOf(held, 'pacingRateBytesPerSec')) ?? 0
    const { bytesAcked = Infinity } = delta.counters
    const heldS = (share * observedUs) / 1e6
    // Without losses a low rate is no objection: Linux tells a pacing rate also where
    // nothing is paced (Reno), some times what a queue of this machine lets through.
    if (
      retransmitRatio >= RETRANSMIT_RATIO &&
      bytesAcked < paced * heldS * PACED_SHARE
    ) {
      return unknown(
        `${percent(retransmitRatio)} of what it sent was sent again, and far less got through than the windows and pacing would allow`,
        [
          ...(['pacingRateBytesPerSec', 'bytesAcked', 'bytesSent'] as const),
          ...(['bytesRetransmitted', 'cwndBytes'] as const),
        ],
        held,
      )
    }
    return {
      limitedBy: 'path-rate',
      share,
      says: 'it was sent at a steady rate, below what the windows would allow, by pacing or by a queue of this machine',
      by: [
        ...(['pacingRateBytesPerSec', 'deliveryRateBytesPerSec'] as const),
        ...(['bytesAcked', 'cwndBytes'] as const),
      ],
      of: held,
    }
  },

  function congestionWindow({ live, delta }, { network: share }) {
    const isCounted = delta.counters.cwndLimitedUs !== undefined
    const known = live.filter((each) => each.segmentsInFlight !== undefined)
    if (share < MOST || !(isCounted || known.length >= MANY_SAMPLES)) {
      return undefined
    }
    const says = `for ${percent(share)} of the time the congestion window was full`
    const by = ['cwndBytes', 'ssthreshBytes', 'bytesInFlight', 'rttUs'] as const
    return { limitedBy: 'congestion-window', share, says, by }
  },
]

/** Of the records that tell our window, those in which it was closed. */
function ourWindow(open: readonly TcpInfo[]) {
  const known = open.filter((each) => each.rcvWndBytes !== undefined)
  // A small one can be all that there ever was, of a small buffer.
  const closed = known.filter(({ rcvWndBytes }) => rcvWndBytes === 0)
  return { known, closed }
}

/** What is known of this side of a connection that mainly received. */
function ofReading({ open, end, observedUs }: Facts): string {
  const { known, closed } = ourWindow(open)
  if (closed.length > 0) {
    return `and in ${closed.length} of ${known.length} records its window was closed: in part the program on this side did not read fast enough`
  }
  const { appBytesRead, bytesReceived = 0 } = end
  const { bytesSent, dataSentAgoMs = 0 } = end
  const isRead =
    appBytesRead !== undefined &&
    bytesReceived - appBytesRead <= bytesReceived * UNREAD_SHARE
  // Who asks again and again can be what is slow.
  const isAsking =
    bytesSent !== 0 && (!observedUs || dataSentAgoMs * 1000 < observedUs * MOST)
  return known.length < MANY_SAMPLES || !isRead || isAsking
    ? 'and what held the sender back only the sender can know'
    : `and its window was closed in none of ${known.length} records, though it may have been small: the side that sends can tell more`
}

/** Whether the kernel tells when something was sent and received. */
function hasTimes(open: readonly TcpInfo[]): boolean {
  return open.some((each) => each.dataReceivedAgoMs !== undefined)
}

/**
 * How long this side, having sent, heard nothing and sent nothing more: until
 * something came in, or until the end. (Who sends again has not waited.)
 */
function awaitedMs(open: readonly TcpInfo[]): number {
  let awaited = 0
  let pending = 0
  let received = open[0]?.bytesReceived ?? 0
  for (const each of open) {
    const { dataSentAgoMs, dataReceivedAgoMs, bytesReceived = 0 } = each
    if (bytesReceived > received) awaited += pending
    received = bytesReceived
    const isAnswered = (dataReceivedAgoMs ?? Infinity) <= (dataSentAgoMs ?? 0)
    pending = isAnswered ? 0 : (dataSentAgoMs ?? 0)
  }
  return awaited + pending
}

/** More than the peer's FIN, which Linux counts as 1. */
function hasReceived({ counters }: TcpInfoDelta): boolean {
  return (counters.bytesReceived ?? 0) > 1
}

/** Payload sent, without what was sent again. */
function sentBy({ counters }: TcpInfoDelta): number {
  return counters.bytesAcked ?? counters.bytesSent ?? 0
}

/**
 * The share of the time in which data came in. A sender that repairs a loss, or
 * waits for a round trip, pauses: shorter pauses count as well.
 */
function receivingShare({ open, apart }: Facts): number | undefined {
  const [first] = open
  const last = open.at(-1)
  if (!first || !last || first === last) return undefined
  let receivingMs = 0
  let arrivedMs = 0
  for (const [i, record] of open.entries()) {
    const before = open[i - 1]
    if (!before) continue
    // Out of order it is not in bytesReceived yet.
    const name =
      record.dataSegmentsIn === undefined ? 'bytesReceived' : 'dataSegmentsIn'
    if ((record[name] ?? 0) <= (before[name] ?? 0)) continue
    const newestMs = apart(first, record) - (record.dataReceivedAgoMs ?? 0)
    const pauseMs = Math.max(PAUSE_MS, apart(before, record))
    receivingMs += Math.min(pauseMs, Math.max(0, newestMs - arrivedMs))
    arrivedMs = newestMs
  }
  return clamp(receivingMs / Math.max(1, apart(first, last)))
}

interface RoundTrip {
  readonly least: number
  readonly usual: number
}

function isQueued({ least, usual }: RoundTrip, share = QUEUE_SHARE): boolean {
  return usual - least >= Math.max(QUEUE_US, least * share)
}

function roundTrip(records: readonly TcpInfo[]): RoundTrip | undefined {
  const values = valuesOf(records, 'rttUs')
  const usual = median(values)
  if (usual === undefined) return undefined
  // Over many records an argument for each would be too many.
  const least = [...valuesOf(records, 'minRttUs'), ...values].reduce((a, b) =>
    Math.min(a, b),
  )
  return { least, usual }
}

/** The congestion window, if it is what the retransmissions explain. */
function windowOfLoss(
  { delta, retransmitRatio: ratio = 0 }: Facts,
  samples: readonly TcpInfo[],
): number | undefined {
  const window = median(segmentsOf(samples))
  const allowed = (MATHIS_TOLERANCE * MATHIS) / Math.sqrt(ratio)
  const isMuch =
    ratio >= RETRANSMIT_RATIO &&
    retransmitsIn(delta.counters) >= FEWEST_RETRANSMITS
  return window !== undefined && isMuch && window <= allowed
    ? window
    : undefined
}

type Retransmits = Pick<TcpInfo, 'segmentsRetransmitted' | 'bytesRetransmitted'>

function retransmitsIn(counters: Retransmits): number {
  const { segmentsRetransmitted, bytesRetransmitted = 0 } = counters
  return segmentsRetransmitted ?? bytesRetransmitted / LARGE_SEGMENT_BYTES
}

function segmentsOf(records: readonly TcpInfo[]): number[] {
  return records.flatMap(({ cwndSegments, cwndBytes, sendMssBytes }) => {
    if (cwndSegments !== undefined) return [cwndSegments]
    return cwndBytes && sendMssBytes ? [cwndBytes / sendMssBytes] : []
  })
}

/**
 * Whether the windows were what was needed, and still growing: they were full and
 * the congestion window grew, or the throughput did (BBR does not fill its window).
 */
function isGrowing({ live, apart }: Facts): boolean {
  const held = live.filter((each) =>
    ['network', 'receiver-window'].includes(waitingFor(each)),
  )
  const [first] = held
  const last = held.at(-1)
  if (!first || !last || held.length < live.length * MOST) return false
  const halfMs = apart(first, last) / 2
  const middle = held.find((each) => apart(first, each) >= halfMs) ?? last
  const full = held.filter(
    (each) =>
      waitingFor(each) === 'receiver-window' ||
      (each.segmentsInFlight ?? 0) >= (each.cwndSegments ?? 0),
  )
  const [from = 0, to = 0] = segmentsOf([middle, last])
  const earlier = progressOf(middle) - progressOf(first)
  const later = progressOf(last) - progressOf(middle)
  return (
    (full.length >= held.length * MOST && to >= from * GROWTH) ||
    (earlier > 0 && later >= earlier * SPEED_UP)
  )
}

function percent(share: number): string {
  const value = clamp(share) * 100
  if (value > 99 && value < 100) return 'more than 99 %'
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} %`
}

/** Two digits, and never 0 where there was something. */
function ms(value: number): string {
  if (value >= 1000) return `${(value / 1000).toFixed(1)} s`
  if (value >= 10) return `${Math.round(value)} ms`
  return `${value >= 0.1 ? value.toFixed(1) : Number(value.toPrecision(1))} ms`
}
