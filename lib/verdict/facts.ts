/** What the records of a connection add up to: what the rules judge by. */

import { elapsedMs } from '../clock.js'
import { deltaBetween, type TcpInfoDelta } from '../delta.js'
import { retransmitRatioOf, wasEstablished } from '../derived.js'
import { isTime, type TcpInfo } from '../tcp-info.js'
import type { TcpInfoShares } from './index.js'

/** Fewer say nothing of how things were for most of the time. */
export const FEWEST_SAMPLES = 3

/** A record, and when it was taken by the clock of samples, if it is of one. */
export interface Taken {
  readonly record: TcpInfo
  readonly atMs: unknown
}

export interface Facts {
  readonly records: readonly TcpInfo[]
  /** Those of the open connection, and of its end. */
  readonly open: readonly TcpInfo[]
  /** The newest of these, of all where it was never open. */
  readonly end: TcpInfo
  /** The newest of all. */
  readonly last: TcpInfo
  readonly delta: TcpInfoDelta
  readonly observedUs: number | undefined
  readonly shares: TcpInfoShares | undefined
  /** Those with data under way or waiting. */
  readonly live: readonly TcpInfo[]
  readonly retransmitRatio: number | undefined
  /** The time between two records. @unit ms */
  apart(before: TcpInfo, after: TcpInfo): number
}

/** A member's value, of the records that have one. */
export type NumberName = {
  [K in keyof TcpInfo]: TcpInfo[K] extends number | undefined ? K : never
}[keyof TcpInfo]

export function factsOf(taken: readonly Taken[], last: TcpInfo): Facts {
  const records = taken.map(({ record }) => record)
  const timeOf = clockOf(taken)
  const apart = (before: TcpInfo, after: TcpInfo) =>
    elapsedMs(timeOf(before), timeOf(after))
  const open = records.filter(wasEstablished)
  const end = open.at(-1) ?? last
  const delta = deltaOf(records, open, end, apart)
  const live = open.filter((each) => (queueOf(each) ?? 0) > 0)
  const observedUs = observedUsOf(delta, end)
  return {
    records,
    open,
    end,
    last,
    delta,
    observedUs,
    live,
    shares:
      open.length === 0
        ? undefined
        : (sharesByLinux(delta, observedUs, live) ??
          sharesByWindows(delta, observedUs, open) ??
          sharesByGauges(open)),
    retransmitRatio: retransmitRatioOf(delta.counters),
    apart,
  }
}

/**
 * The system clock can be set, that of samples can't; but the two count from
 * different moments, so one has to do for all.
 */
function clockOf(taken: readonly Taken[]): (record: TcpInfo) => number {
  const times = new Map<TcpInfo, number>()
  for (const { record, atMs } of taken) {
    if (!isTime(atMs)) return ({ capturedAt }) => capturedAt
    times.set(record, atMs)
  }
  return (record) => times.get(record) as number
}

/** Counters of a connection begin at 0, so what came before it was open counts. */
function deltaOf(
  records: readonly TcpInfo[],
  open: readonly TcpInfo[],
  end: TcpInfo,
  apart: Facts['apart'],
): TcpInfoDelta {
  const [first = end] = open
  const before = records[records.indexOf(first) - 1]
  if (before) return deltaBetween(undefined, end, apart(before, end))
  const durationMs = apart(first, end)
  return durationMs > 0
    ? deltaBetween(first, end, durationMs)
    : deltaBetween(undefined, end)
}

/**
 * Of a single record where the kernel tells no age, what is known of it: the time
 * in which it was busy, and the time since then.
 */
function observedUsOf(delta: TcpInfoDelta, end: TcpInfo): number | undefined {
  const { busyUs } = delta.counters
  if (delta.durationMs !== undefined) {
    // The timers tick on their own.
    return Math.max(delta.durationMs * 1000, busyUs ?? 0)
  }
  if (busyUs === undefined) return undefined
  const isQuiet = queueOf(end) === 0
  const sinceMs = Math.min(
    end.dataSentAgoMs ?? end.ackReceivedAgoMs ?? 0,
    end.ackReceivedAgoMs ?? 0,
  )
  return busyUs + (isQuiet ? sinceMs * 1000 : 0)
}

/** What the kernel has of ours: sent and not acknowledged, or not sent. */
export function queueOf(record: TcpInfo): number | undefined {
  const { sendQueueBytes, segmentsInFlight, notSentBytes } = record
  if (segmentsInFlight === undefined) {
    return sendQueueBytes ?? record.bytesInFlight
  }
  return segmentsInFlight + (notSentBytes ?? 0)
}

type Waiting = 'application' | 'send-buffer' | 'network' | 'receiver-window'

/** What a connection with data under way waited for at that moment. */
export function waitingFor(record: TcpInfo): Waiting {
  const { sendMssBytes: mss = 1, cwndBytes, sndWndBytes } = record
  const { segmentsInFlight, cwndSegments, notSentBytes } = record
  // Where the two can't be told apart, data that could be under way is.
  const underWay =
    // (Linux counts as sent also what its own queue has dropped at once.)
    segmentsInFlight === 0
      ? 0
      : (record.bytesInFlight ?? record.sendQueueBytes ?? 0)
  const isFull = (window: number | undefined) =>
    window !== undefined && underWay + mss > window
  // Of two full ones the smaller: data that could be under way can be more than
  // either. (Linux too looks at its own first: net/ipv4/tcp_output.c,
  // tcp_write_xmit().)
  if (isFull(sndWndBytes) && !((cwndBytes ?? 0) < (sndWndBytes ?? 0))) {
    return 'receiver-window'
  }
  // A last part of a segment may wait for Nagle's algorithm alone.
  if (notSentBytes !== undefined && notSentBytes >= mss) return 'network'
  if (segmentsInFlight === undefined || cwndSegments === undefined) {
    if (isFull(cwndBytes)) return 'network'
  } else if (segmentsInFlight >= cwndSegments) {
    return 'network'
  }
  return isWithheld(record) ? 'send-buffer' : 'application'
}

/** Whether the program has written what the kernel has not taken yet. */
export function isWithheld(record: TcpInfo): boolean {
  const { appBytesWritten = 0, sendMssBytes: mss = 1 } = record
  const queue = record.sendQueueBytes ?? record.bytesInFlight ?? 0
  return appBytesWritten - progressOf(record) - queue >= mss
}

/** How far it has got: acknowledged, or else sent once. */
export function progressOf(record: TcpInfo): number {
  const { bytesAcked, bytesSent = 0, bytesRetransmitted = 0 } = record
  return bytesAcked ?? bytesSent - bytesRetransmitted
}

/**
 * Linux, net/ipv4/tcp_output.c (tcp_chrono_*): at each moment a connection is
 * idle, busy, held back by the peer's window or by the send buffer. tcpi_busy_time
 * is the sum of the last three. What it was busy with, samples tell.
 */
function sharesByLinux(
  { counters }: TcpInfoDelta,
  observedUs: number | undefined,
  live: readonly TcpInfo[],
): TcpInfoShares | undefined {
  const { busyUs, rwndLimitedUs, sndbufLimitedUs } = counters
  if (!observedUs || busyUs === undefined) return undefined
  const receiverWindow = clamp((rwndLimitedUs ?? 0) / observedUs)
  const counted = clamp((sndbufLimitedUs ?? 0) / observedUs)
  const rest = clamp(busyUs / observedUs - receiverWindow - counted)
  // These the timer has counted already.
  const seen = live
    .map(waitingFor)
    .filter((waiting) => waiting !== 'receiver-window')
  // Of a single record, where all is acknowledged.
  if (seen.length === 0) seen.push('network')
  const part = (waiting: Waiting) =>
    (rest * seen.filter((each) => each === waiting).length) / seen.length
  return {
    idle: Math.max(0, 1 - busyUs / observedUs),
    applicationWaits: part('application'),
    receiverWindow,
    sendBuffer: clamp(counted + part('send-buffer')),
    network: part('network'),
  }
}

/**
 * Windows, RFC 4898 (SndLimTime*): at each moment it is one of three. Whether
 * anything was under way while the sender limited it, samples tell.
 */
function sharesByWindows(
  { counters }: TcpInfoDelta,
  observedUs: number | undefined,
  open: readonly TcpInfo[],
): TcpInfoShares | undefined {
  const { rwndLimitedUs, cwndLimitedUs, appLimitedUs } = counters
  if (
    rwndLimitedUs === undefined ||
    cwndLimitedUs === undefined ||
    appLimitedUs === undefined
  ) {
    return undefined
  }
  const counted = rwndLimitedUs + cwndLimitedUs + appLimitedUs
  const total = Math.max(counted, observedUs ?? 0)
  if (total === 0) return undefined
  const sender = 1 - (rwndLimitedUs + cwndLimitedUs) / total
  const part = (isIdle: boolean) =>
    (sender * open.filter((each) => !queueOf(each) === isIdle).length) /
    open.length
  return {
    idle: part(true),
    applicationWaits: part(false),
    receiverWindow: rwndLimitedUs / total,
    sendBuffer: 0,
    network: cwndLimitedUs / total,
  }
}

/** Without timers samples have to do. */
function sharesByGauges(open: readonly TcpInfo[]): TcpInfoShares | undefined {
  const known = open.filter((each) => queueOf(each) !== undefined)
  if (known.length < FEWEST_SAMPLES) return undefined
  const seen = known.map((each) => (queueOf(each) ? waitingFor(each) : 'idle'))
  const part = (waiting: string) =>
    seen.filter((each) => each === waiting).length / seen.length
  return {
    idle: part('idle'),
    applicationWaits: part('application'),
    receiverWindow: part('receiver-window'),
    sendBuffer: part('send-buffer'),
    network: part('network'),
  }
}

export function valuesOf(
  records: readonly TcpInfo[],
  name: NumberName,
): number[] {
  return records.flatMap((each) => {
    const value: unknown = each[name]
    return typeof value === 'number' ? [value] : []
  })
}

/** Of an even number of values the upper one: a value that there was. */
export function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

export function clamp(share: number): number {
  return Math.min(1, Math.max(0, share))
}
