/**
 * What limited a connection, and who closed it, as far as its records tell. The
 * formulas, and the reasons for their thresholds, are in docs/verdict.md.
 */

import { argumentError } from '../checks.js'
import { COUNTERS } from '../counters.js'
import { areOfTwo, type TcpInfoDelta } from '../delta.js'
import type { TcpInfoError } from '../errors.js'
import type { TcpInfoSample } from '../sampler.js'
import { recordIn, type TcpInfo } from '../tcp-info.js'
import { type Closing, closingOf } from './closing.js'
import {
  clamp,
  type Facts,
  FEWEST_SAMPLES,
  factsOf,
  median,
  type NumberName,
  type Taken,
  valuesOf,
} from './facts.js'
import { type Finding, findingOf } from './rules.js'

/**
 * What limits a connection:
 *
 * - `application`: the program on this side had nothing to send (no fault by itself:
 *   so is every connection that is kept open for later), or did not read
 * - `receiver-window`: the peer did not read as fast as we sent
 * - `send-buffer`: the kernel's send buffer was too small for the path
 * - `congestion-window`: the congestion window, and nothing shows why it is small
 * - `path-rate`: the rate of the path: a queue before its bottleneck, or pacing
 * - `path-rtt`: the round-trip time, of slow start or of request and response
 * - `loss`: retransmissions kept the congestion window small
 * - `timeouts`: what was sent found no answer at all, or never got out
 * - `handshake`: the connection was not open yet
 * - `unknown`: the records do not tell
 */
export type TcpInfoLimit =
  | 'application'
  | 'receiver-window'
  | 'send-buffer'
  | 'congestion-window'
  | 'path-rate'
  | 'path-rtt'
  | 'loss'
  | 'timeouts'
  | 'handshake'
  | 'unknown'

/** Where the observed time went, from 0 to 1; the parts exclude each other. */
export interface TcpInfoShares {
  /** Nothing was under way, and nothing waited to be sent. */
  readonly idle: number
  /** All that there was to send was under way, and more would have been allowed. */
  readonly applicationWaits: number
  /** The peer's window was full. */
  readonly receiverWindow: number
  /** The send buffer was full, but neither window was. */
  readonly sendBuffer: number
  /** Data waited for acknowledgements: of the congestion window, or of pacing. */
  readonly network: number
}

/** Who closed a connection first; `both`: at the same time. */
export type TcpInfoClosedBy = 'us' | 'peer' | 'both' | 'network' | 'unknown'

/**
 * How a connection was closed: `destroy` is that of the program on this side, by a
 * FIN or a reset as the kernel decides afterwards.
 */
export type TcpInfoClosedHow =
  | 'fin'
  | 'rst'
  | 'destroy'
  | 'refused'
  | 'timeout'
  | 'unreachable'
  | 'unknown'

/** What {@link explain} found. Plain data, like the records that it was made of. */
export interface TcpInfoVerdict {
  /** What held the connection back; for how much of the time, `confidence` tells. */
  readonly limitedBy: TcpInfoLimit
  /**
   * The share of the observed time, from 0 to 1, that the evidence covers; half
   * of that where gauges of a single moment had to stand for all of it; 0 if
   * `limitedBy` is `unknown`.
   */
  readonly confidence: number
  /** One sentence for a person. */
  readonly summary: string
  /**
   * What the verdict rests on, by the names of the record: of counters by how much
   * they grew, of gauges the median of the records that show it (how it ended, the
   * last one shows).
   */
  readonly evidence: Partial<TcpInfo>
  /**
   * From the first to the last record. Of a single one since the connection began,
   * where the kernel tells its age; else what is known of that, and can be much less:
   * how long it was busy, and how long ago that was. @unit ms
   */
  readonly observedMs: number | undefined
  /** Where the time went; `undefined` where it can't be known. */
  readonly shares: TcpInfoShares | undefined
  /**
   * Payload sent again / payload sent, from 0 to 1. Not the loss: a retransmission
   * can be needless, and what the path lost of the other direction is not in it.
   */
  readonly retransmitRatio: number | undefined
  /** Who closed first; `undefined` while it is open. */
  readonly closedBy: TcpInfoClosedBy | undefined
  /** How; `undefined` while it is open. */
  readonly closedHow: TcpInfoClosedHow | undefined
}

/**
 * What limited a connection, and who closed it first.
 *
 * @param snapshots records of one connection, or samples with them, in the order of
 *   time: the more, the surer, but the last one alone says something too. With
 *   several, what is explained is the time from the first to the last: of samples
 *   alone by their own clock, else by that of `capturedAt`, which can be set.
 * @throws {TcpInfoError} `ERR_TCP_INFO_ARGUMENT` if these are not records; never
 *   because of what is in them
 */
export function explain(
  snapshots: TcpInfo | TcpInfoSample | Iterable<TcpInfo | TcpInfoSample>,
): TcpInfoVerdict {
  const taken = takenOf(snapshots)
  const last = taken.at(-1)?.record
  if (!last) return unexplained('There are no records.')
  if (taken.some(({ record }) => areOfTwo(record, last))) {
    return unexplained('These are records of several connections.')
  }
  const facts = factsOf(taken, last)
  const finding = findingOf(facts)
  const isMoment = facts.live.length < FEWEST_SAMPLES
  const halved = isMoment && BY_GAUGES.has(finding.limitedBy)
  const closing = closingOf(facts.records, last)
  return {
    limitedBy: finding.limitedBy,
    confidence: clamp(halved ? finding.share / 2 : finding.share),
    summary: summaryOf(finding, closing),
    evidence: evidenceOf(facts, finding),
    observedMs:
      facts.observedUs === undefined ? undefined : facts.observedUs / 1000,
    shares: facts.shares,
    retransmitRatio: facts.retransmitRatio,
    ...closing,
  }
}

const BY_GAUGES: ReadonlySet<TcpInfoLimit> = new Set<TcpInfoLimit>([
  'path-rate',
  'path-rtt',
  'loss',
  'congestion-window',
  'send-buffer',
])

function unexplained(summary: string): TcpInfoVerdict {
  return {
    limitedBy: 'unknown',
    confidence: 0,
    summary,
    evidence: {},
    observedMs: undefined,
    shares: undefined,
    retransmitRatio: undefined,
    closedBy: undefined,
    closedHow: undefined,
  }
}

function takenOf(snapshots: unknown): readonly Taken[] {
  const one = takenIn(snapshots)
  if (one) return [one]
  if (
    typeof snapshots !== 'object' ||
    snapshots === null ||
    !(Symbol.iterator in snapshots)
  ) {
    throw notRecords(snapshots)
  }
  return Array.from(snapshots as Iterable<unknown>, (each) => {
    const taken = takenIn(each)
    if (!taken) throw notRecords(each)
    return taken
  })
}

function takenIn(value: unknown): Taken | undefined {
  const bare = recordIn(value)
  if (bare) return { record: bare, atMs: undefined }
  const sample = value as Partial<TcpInfoSample> | null | undefined
  const record = recordIn(sample?.info)
  return record && { record, atMs: sample?.atMs }
}

function notRecords(value: unknown): TcpInfoError {
  const found = value === null ? 'null' : typeof value
  return argumentError(
    `explain() takes a record, or several of one connection: what captureTcpInfo(), readTcpInfo(), the event 'tcpinfo' or a sampling's series() gave. This is something else (${found}).`,
  )
}

const CAUSES: Readonly<Record<TcpInfoLimit, string>> = {
  application: 'the application',
  'receiver-window': "the peer's receive window",
  'send-buffer': 'the send buffer',
  'congestion-window': 'the congestion window',
  'path-rate': 'the rate of the path',
  'path-rtt': 'the round-trip time of the path',
  loss: 'loss',
  timeouts: 'silence',
  handshake: 'the handshake',
  unknown: '',
}

const CLOSINGS: {
  readonly [K in `${TcpInfoClosedBy} ${TcpInfoClosedHow}`]?: string
} = {
  'us fin': 'this side closed it first, with a FIN',
  'us destroy': 'this side closed it',
  'peer fin': 'the peer closed it first, with a FIN',
  'peer rst': 'the peer reset it',
  'peer refused': 'the peer refused it',
  'both fin': 'both sides closed it at the same time',
  'network timeout': 'it was given up for want of an answer',
  'network unreachable': 'the peer could not be reached',
}

function summaryOf(
  { limitedBy, says }: Finding,
  { closedBy, closedHow }: Closing,
): string {
  const what =
    limitedBy === 'unknown'
      ? `What limited this connection is unknown: ${says}`
      : `This connection was limited by ${CAUSES[limitedBy]}: ${says}`
  const end = closedBy && closedHow && CLOSINGS[`${closedBy} ${closedHow}`]
  return `${what}${end ? `; ${end}` : ''}.`
}

const IS_COUNTER: ReadonlySet<string> = new Set(COUNTERS)

function evidenceOf(
  { delta, live, end }: Facts,
  { by, of = live }: Finding,
): TcpInfoVerdict['evidence'] {
  const evidence = by.flatMap((name) => {
    const value = IS_COUNTER.has(name)
      ? delta.counters[name as keyof TcpInfoDelta['counters']]
      : (median(valuesOf(of, name as NumberName)) ?? end[name])
    return value === undefined ? [] : [[name, value]]
  })
  return Object.fromEntries(evidence) as TcpInfoVerdict['evidence']
}
