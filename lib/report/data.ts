/**
 * What the report's page shows of each connection. The records may come from a
 * file that anybody wrote: a member can hold anything that JSON can.
 */

import { elapsedMs } from '../clock.js'
import {
  deltaBetween,
  type TcpInfoCounter,
  type TcpInfoDelta,
} from '../delta.js'
import { errorCodeOf, hostAndPort, retransmitRatioOf } from '../derived.js'
import { isAmount, isRecord, isTime, type TcpInfo } from '../tcp-info.js'
import type { TcpInfoVerdict } from '../verdict/index.js'
import type {
  Connection,
  Loss,
  ReportData,
  SeriesName,
  Verdict,
} from './page/data.js'

export interface ReportConnection {
  /** The same for no other connection. */
  readonly id: string
  /** In the order in which they were taken. */
  readonly records: readonly TcpInfo[]
  /** What explain() says of it. */
  readonly verdict: TcpInfoVerdict | undefined
}

/** A record at its place on the time axis, and what happened before it. */
interface Sample {
  readonly info: TcpInfo
  readonly atMs: number
  /** Since the sample before, or the start. */
  readonly delta: TcpInfoDelta | undefined
}

/** Counters that tell what was sent or received, the best first, and what each is. */
const OUT = {
  bytesSent: 'sent',
  bytesAcked: 'acknowledged',
  appBytesWritten: 'written by the program',
} as const
const IN = {
  bytesReceived: 'received',
  appBytesRead: 'read by the program',
} as const
const RETRANSMITTED = {
  segmentsRetransmitted: 'segments',
  bytesRetransmitted: 'bytes',
} as const
const TIMEOUTS = {
  rtoCount: 'timeouts',
  rtoEpisodes: 'timeout episodes',
} as const

const RATIO_OF = [
  'bytesSent',
  'bytesRetransmitted',
  'dataSegmentsOut',
  'segmentsRetransmitted',
] as const

const GAUGES = [
  'rttUs',
  'minRttUs',
  'rcvRttUs',
  'cwndBytes',
  'bytesInFlight',
  'sndWndBytes',
] as const

/** An interval so many times longer than usual lacks samples. */
const GAP = 4

const LONGEST_TEXT = 300

export function reportData(
  connections: readonly ReportConnection[],
  title: string,
): ReportData {
  let recordCount = 0
  let capturedFrom: number | null = null
  let capturedTo: number | null = null
  const systems = new Set<string>()
  for (const { records } of connections) {
    recordCount += records.length
    for (const info of records) {
      const system = systemOf(info)
      if (system !== null) systems.add(system)
      const at = time(info.capturedAt)
      if (at === null) continue
      capturedFrom = Math.min(capturedFrom ?? at, at)
      capturedTo = Math.max(capturedTo ?? at, at)
    }
  }
  return {
    title,
    connections: connections.map(connectionOf),
    recordCount,
    systems: [...systems],
    capturedFrom,
    capturedTo,
  }
}

function connectionOf(connection: ReportConnection): Connection {
  const { id, records, verdict } = connection
  const first = records[0]
  const last = records.at(-1)
  const ageMs = amount(first?.connectionAgeMs)
  const spanMs = spanOf(records)
  // The time before the first record is not to crowd out the rest.
  const isStartKnown = ageMs !== null && ageMs <= spanMs
  const samples = samplesOf(records, isStartKnown ? ageMs : undefined)
  const out = counterIn(records, OUT)
  const inward = counterIn(records, IN)
  const retransmitted = counterIn(records, RETRANSMITTED)
  const timeouts = counterIn(records, TIMEOUTS)
  const firstAt = time(first?.capturedAt)
  const rtts = values(records, 'rttUs')
  return {
    id: text(id) ?? '',
    local: endpoint(last?.localAddress, last?.localPort),
    localPort: amount(last?.localPort),
    remote: endpoint(last?.remoteAddress, last?.remotePort),
    system: last ? systemOf(last) : null,
    errorCode: text(last && errorCodeOf(last)),
    recordCount: records.length,
    state: text(last?.state),
    startedAt: firstAt === null ? null : firstAt - (samples[0]?.atMs ?? 0),
    isStartKnown,
    durationMs:
      ageMs === null && samples.length < 2 ? null : (ageMs ?? 0) + spanMs,
    bytesOut: total(samples, out),
    bytesIn: total(samples, inward),
    rttMinUs: smallest(values(records, 'minRttUs')),
    rttMedianUs: median(rtts),
    rttLastUs: rtts.at(-1) ?? null,
    retransmitRatio: amount(verdict?.retransmitRatio) ?? ratioOf(samples),
    retransmitted: total(samples, retransmitted),
    retransmitUnit: RETRANSMITTED[retransmitted],
    retransmittedBefore: isStartKnown ? null : amount(first?.[retransmitted]),
    verdict: verdictOf(verdict),
    outIs: OUT[out],
    inIs: IN[inward],
    timeoutsAre: TIMEOUTS[timeouts],
    timesMs: samples.map(({ atMs }) => atMs),
    series: seriesOf(samples, {
      ...Object.fromEntries(
        GAUGES.map((name) => [name, (each: Sample) => each.info[name]]),
      ),
      bytesOutPerSec: ({ delta }) => rounded(delta?.perSecond[out]),
      bytesInPerSec: ({ delta }) => rounded(delta?.perSecond[inward]),
      retransmitted: ({ delta }) => delta?.counters[retransmitted],
      timeouts: ({ delta }) => delta?.counters[timeouts],
    }),
    gaps: gapsIn(samples),
    losses: lossesIn(samples, retransmitted, timeouts),
  }
}

/** How far from `before`. */
function stepMs(before: TcpInfo, info: TcpInfo): number {
  const [from, to] = [time(before.capturedAt), time(info.capturedAt)]
  return from === null || to === null ? 0 : elapsedMs(from, to)
}

const spanOf = (records: readonly TcpInfo[]): number =>
  records.reduce((span, info, index) => {
    const before = records[index - 1]
    return before ? span + stepMs(before, info) : span
  }, 0)

/** With the age of the connection at the first one, where it counts from there. */
function samplesOf(
  records: readonly TcpInfo[],
  ageMs: number | undefined,
): Sample[] {
  const places: { info: TcpInfo; atMs: number }[] = []
  for (const info of records) {
    const before = places.at(-1)
    const atMs = before
      ? before.atMs + stepMs(before.info, info)
      : Math.max(0, ageMs ?? 0)
    // The clock ticks in whole milliseconds; of two records of one moment the
    // newer one knows more.
    if (atMs === before?.atMs) places.pop()
    places.push({ info, atMs })
  }
  return places.map(({ info, atMs }, index) => {
    const before = places[index - 1]
    // (Anything can be in a file.)
    const isKnown = isRecord(info) && (!before || isRecord(before.info))
    return {
      info,
      atMs,
      delta:
        isKnown && (before || ageMs !== undefined)
          ? deltaBetween(before?.info, info, atMs - (before?.atMs ?? 0))
          : undefined,
    }
  })
}

function seriesOf(
  samples: readonly Sample[],
  columns: {
    readonly [K in SeriesName]?: (sample: Sample) => unknown
  },
): Connection['series'] {
  return Object.fromEntries(
    Object.entries(columns)
      .map(([name, value]) => [
        name,
        samples.map((each) => amount(value(each))),
      ])
      .filter(([, column]) =>
        (column as (number | null)[]).some((value) => value !== null),
      ),
  )
}

function gapsIn(samples: readonly Sample[]): number[] {
  const steps = samples
    .slice(1)
    .map(({ atMs }, index) => atMs - (samples[index]?.atMs ?? 0))
  const usual = median(steps) ?? 0
  return steps.flatMap((step, index) => (step > GAP * usual ? [index + 1] : []))
}

/** (One of a peer that is gone can have all of a hundred thousand samples.) */
type Growing = { -readonly [K in keyof Loss]: Loss[K] } & {
  readonly timedOut: number[]
}

function lossesIn(
  samples: readonly Sample[],
  retransmitted: keyof typeof RETRANSMITTED,
  timeouts: keyof typeof TIMEOUTS,
): Loss[] {
  const losses: Growing[] = []
  samples.forEach(({ info, delta }, index) => {
    const again = amount(delta?.counters[retransmitted])
    const late = amount(delta?.counters[timeouts])
    // Before Linux 6.7 timeouts are not counted, but those in a row are told.
    const isSilent = (amount(info.consecutiveRtos) ?? 0) > 0
    const timedOut = isSilent || (late ?? 0) > 0
    if (!timedOut && !again && info.inLossRecovery !== true) return
    const before = losses.at(-1)
    if (before?.last === index - 1) {
      before.last = index
      before.retransmitted = sum(before.retransmitted, again)
      before.timeouts = sum(before.timeouts, late)
      if (timedOut) before.timedOut.push(index)
    } else {
      losses.push({
        first: index,
        last: index,
        retransmitted: again,
        timeouts: late,
        timedOut: timedOut ? [index] : [],
      })
    }
  })
  return losses
}

const ratioOf = (samples: readonly Sample[]): number | null =>
  retransmitRatioOf(
    Object.fromEntries(
      RATIO_OF.map((name) => [name, total(samples, name) ?? undefined]),
    ),
  ) ?? null

function verdictOf(verdict: TcpInfoVerdict | undefined): Verdict | null {
  if (!verdict) return null
  const closed = [text(verdict.closedBy), text(verdict.closedHow)]
  const shares = Object.entries(verdict.shares ?? {}).flatMap(
    ([name, value]) => {
      const share = amount(value)
      return share === null ? [] : [[name, share] as const]
    },
  )
  return {
    limitedBy: text(verdict.limitedBy) ?? '',
    confidence: amount(verdict.confidence),
    summary: text(verdict.summary) ?? '',
    closed: closed.filter((each) => each !== null).join(', ') || null,
    shares: Object.fromEntries(shares),
  }
}

function systemOf({ platform, source }: TcpInfo): string | null {
  const name = text(platform)
  const by = text(source)
  return name !== null && by !== null ? `${name} (${by})` : (name ?? by)
}

function endpoint(address: unknown, port: unknown): string | null {
  const host = text(address)
  if (host === null) return null
  const number = amount(port)
  if (number === null) return host
  return hostAndPort(host, number)
}

/** The first of these counters that any record has. */
function counterIn<K extends keyof TcpInfo>(
  records: readonly TcpInfo[],
  names: { readonly [N in K]: string },
): K {
  const all = Object.keys(names) as [K, ...K[]]
  const isThere = (name: K) =>
    records.some((each) => amount(each[name]) !== null)
  return all.find(isThere) ?? all[0]
}

/** What a counter came to, also where it wrapped; else its newest value. */
function total(
  samples: readonly Sample[],
  name: TcpInfoCounter,
): number | null {
  const [first, ...later] = samples
  let all = amount(first?.info[name])
  for (const { delta } of later) {
    const grown = amount(delta?.counters[name])
    all = all === null || grown === null ? null : all + grown
  }
  const newest = samples.findLast(({ info }) => amount(info[name]) !== null)
  return all ?? amount(newest?.info[name])
}

function values(records: readonly TcpInfo[], name: keyof TcpInfo): number[] {
  return records
    .map((each) => amount(each[name]))
    .filter((value) => value !== null)
}

const smallest = (numbers: readonly number[]): number | null =>
  numbers.reduce<number | null>(
    (least, each) => Math.min(least ?? each, each),
    null,
  )

function median(numbers: readonly number[]): number | null {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? null
}

const sum = (a: number | null, b: number | null): number | null =>
  a === null ? b : a + (b ?? 0)

const rounded = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : Math.round(value)

const amount = (value: unknown): number | null =>
  isAmount(value) ? value : null

const time = (value: unknown): number | null => (isTime(value) ? value : null)

/** Without characters that could turn the text around them. */
function text(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return null
  const shown = value
    .slice(0, LONGEST_TEXT)
    .replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd')
  return value.length > LONGEST_TEXT ? `${shown}…` : shown
}
