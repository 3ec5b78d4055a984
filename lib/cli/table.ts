/** What `tcpinfo run` and `tcpinfo report` print of many connections. */

import {
  errorCodeOf,
  hostAndPort,
  isServerSide,
  mayBeServerSide,
  remoteHostOf,
  wasEstablished,
} from '../derived.js'
import {
  csvHeader,
  type TcpInfo,
  TcpInfoSummary,
  type TcpInfoSummaryRow,
  toCsvLine,
} from '../index.js'
import type { Connection, Recorded } from './connections.js'
import { ms, number, percent, printable, size, us } from './format.js'

interface Remote extends TcpInfoSummaryRow {
  /** Established connections that ended with an error. */
  readonly broken: number
  /** How many of its connections each verdict is about, the most frequent first. */
  readonly limitedBy: Readonly<Record<string, number>>
}

/** From this share on retransmissions matter more than the round trip. */
const MANY_RETRANSMITTED = 0.01
const MAX_REMOTES = 1000
/** For one remote end. */
const MOST_VERDICTS = 3

/**
 * A server and its port. Of accepted connections, which may have a port of ours in
 * common, that port, since those of clients tell nothing.
 */
function remotesBy(connections: readonly Connection[]): Map<TcpInfo, string> {
  const users = new Map<number | undefined, number>()
  for (const { last } of connections) {
    if (last.localPort === undefined || !mayBeServerSide(last)) continue
    users.set(last.localPort, (users.get(last.localPort) ?? 0) + 1)
  }
  return new Map(
    connections.map(({ last }) => {
      const { remotePort, localPort } = last
      const host = remoteHostOf(last)
      const isAccepted =
        isServerSide(last) ||
        (mayBeServerSide(last) && (users.get(localPort) ?? 0) > 1)
      return [
        last,
        isAccepted
          ? `${host} to port ${localPort}`
          : remotePort === undefined
            ? host
            : hostAndPort(host, remotePort),
      ]
    }),
  )
}

/** The most retransmitting first, then the slowest. */
function remotesOf(connections: readonly Connection[]): Remote[] {
  const keys = remotesBy(connections)
  const summary = new TcpInfoSummary({
    key: (info) => keys.get(info) as string,
    maxKeys: MAX_REMOTES,
  })
  for (const { last } of connections) summary.add(last)
  const rows = summary.rows()
  const known = new Set(rows.map(({ key }) => key))
  const others = new Map(
    rows.map(({ key }) => [key, { broken: 0, verdicts: new Map() }]),
  )
  for (const { last, verdict } of connections) {
    const key = keys.get(last) as string
    const of = others.get(known.has(key) ? key : 'other')
    if (!of) continue
    const { limitedBy } = verdict
    of.verdicts.set(limitedBy, (of.verdicts.get(limitedBy) ?? 0) + 1)
    if (errorCodeOf(last) !== undefined && wasEstablished(last)) of.broken++
  }
  const remotes = rows.map((row) => {
    const { broken = 0, verdicts = new Map<string, number>() } =
      others.get(row.key) ?? {}
    const sorted = [...verdicts].sort(([, a], [, b]) => b - a)
    return { ...row, broken, limitedBy: Object.fromEntries(sorted) }
  })
  const rank = ({ retransmitRatio = 0 }: Remote): number =>
    retransmitRatio >= MANY_RETRANSMITTED ? retransmitRatio : 0
  return remotes.sort(
    (a, b) => rank(b) - rank(a) || (b.rttUs?.p90 ?? -1) - (a.rttUs?.p90 ?? -1),
  )
}

type Column = readonly [
  name: string,
  value: (remote: Remote) => string | undefined,
]

const COLUMNS: readonly Column[] = [
  ['remote', ({ key }) => printable(key)],
  ['connections', ({ connections }) => number(connections)],
  ['failed', ({ failures }) => number(failures)],
  ['broken', ({ broken }) => number(broken)],
  ['sent', ({ bytesSent }) => size(bytesSent)],
  ['received', ({ bytesReceived }) => size(bytesReceived)],
  ['retransmitted', ({ retransmitRatio }) => percent(retransmitRatio)],
  ['RTT p50', ({ rttUs }) => us(rttUs?.p50)],
  ['p99', ({ rttUs }) => us(rttUs?.p99)],
  ['connect p50', ({ connectDurationMs }) => ms(connectDurationMs?.p50)],
  ['limited by', ({ limitedBy }) => verdicts(limitedBy)],
]

function verdicts(limitedBy: Remote['limitedBy']): string | undefined {
  const all = Object.entries(limitedBy)
  if (all.length < 2) return all[0]?.[0]
  const most = all.slice(0, MOST_VERDICTS)
  const told = most.map(([name, count]) => `${name} (${count})`)
  return [...told, ...(all.length > most.length ? ['...'] : [])].join(', ')
}

const ABSENT = '-'

export function tableOf(recorded: Recorded): string {
  const { connections } = recorded
  const remotes = remotesOf(connections)
  const rows = [
    COLUMNS.map(([name]) => name),
    ...remotes.map((remote) =>
      COLUMNS.map(([, value]) => value(remote) ?? ABSENT),
    ),
  ]
  const widths = COLUMNS.map((_, i) =>
    Math.max(...rows.map((row) => (row[i] as string).length)),
  )
  const last = COLUMNS.length - 1
  const lines = rows.map((row) =>
    row
      .map((cell, i) =>
        i === 0 || i === last
          ? cell.padEnd(widths[i] as number)
          : cell.padStart(widths[i] as number),
      )
      .join('  ')
      .trimEnd(),
  )
  const text =
    connections.length > 0 ? [...lines, '', ...notes(recorded, remotes)] : []
  return text.map((line) => `${line}\n`).join('')
}

function notes(
  { connections }: Recorded,
  remotes: readonly Remote[],
): string[] {
  const records = connections.reduce(
    (sum, each) => sum + each.records.length,
    0,
  )
  const failed = remotes.reduce((sum, { failures }) => sum + failures, 0)
  const counts = [
    plural(connections.length - failed, 'connection'),
    ...(failed > 0 ? [plural(failed, 'failed attempt')] : []),
    plural(records, 'record'),
  ].join(', ')
  const unknown = connections.filter(
    ({ verdict }) => verdict.limitedBy === 'unknown',
  )
  if (unknown.length === 0) return [counts]
  const isOfReceivers = unknown.some(
    ({ last: { bytesReceived = 0, bytesSent = 0 } }) =>
      bytesReceived > bytesSent,
  )
  return [
    counts,
    ...(isOfReceivers
      ? [
          'Unknown: why data comes slowly, only the side that sends it can tell; and few',
          'records tell little. What is known of each, --html shows.',
        ]
      : [
          'Unknown: few records tell little, and what is idle tells nothing. What is known',
          'of each, --html shows.',
        ]),
  ]
}

function plural(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** What there is to say of lines without a record, or of their absence. */
export function complaintOf({
  connections,
  unreadable,
  firstError,
}: Recorded): string {
  const lines: string[] = []
  if (connections.length === 0) lines.push('No TCP connection was recorded.')
  if (firstError) {
    lines.push(
      `${plural(unreadable, 'line')} could not be read. ${firstError.message}`,
    )
  }
  return lines.map((line) => `${printable(line)}\n`).join('')
}

export function tableJson({ connections, unreadable }: Recorded): object {
  return {
    remotes: remotesOf(connections),
    connections: connections.map(({ id, records, last, verdict }) => ({
      id,
      records: records.length,
      verdict,
      last,
    })),
    unreadableLines: unreadable,
  }
}

/** All records, in pieces: together they may be longer than a string can be. */
export function* csvOf({ connections }: Recorded): Generator<string> {
  yield csvHeader()
  for (const { id, records } of connections) {
    yield records.map((info) => toCsvLine(info, id)).join('')
  }
}
