/** What `tcpinfo run` and `tcpinfo report` print of many connections. */

import { wasEstablished } from '../derived.js'
import {
  csvHeader,
  TcpInfoSummary,
  type TcpInfoSummaryRow,
  toCsvLine,
} from '../index.js'
import type { Connection, Recorded } from './connections.js'
import { ms, number, percent, printable, size, us } from './format.js'
import { hostAndPort } from './target.js'

interface Remote extends TcpInfoSummaryRow {
  /** How many of its connections each verdict is about, the most frequent first. */
  readonly limitedBy: Readonly<Record<string, number>>
}

/** From this share on retransmissions matter more than the round trip. */
const MANY_RETRANSMITTED = 0.01
const MAX_REMOTES = 1000

/**
 * A server and its port; of a connection that was accepted our own port, since
 * clients' ports tell nothing. (What we opened has a time to connect.)
 */
function remoteOf({ last }: Connection): string {
  const { remoteAddress = 'unknown', remotePort = 0, localPort } = last
  return last.connectDurationMs === undefined && wasEstablished(last)
    ? `${remoteAddress} to port ${localPort}`
    : hostAndPort(remoteAddress, remotePort)
}

/** The most retransmitting first, then the slowest. */
function remotesOf(connections: readonly Connection[]): Remote[] {
  const keys = new Map(connections.map((each) => [each.last, remoteOf(each)]))
  const summary = new TcpInfoSummary({
    key: (info) => keys.get(info) as string,
    maxKeys: MAX_REMOTES,
  })
  const verdicts = new Map<string, Map<string, number>>()
  for (const connection of connections) {
    summary.add(connection.last)
    const key = remoteOf(connection)
    const counts = verdicts.get(key) ?? new Map<string, number>()
    const { limitedBy } = connection.verdict
    counts.set(limitedBy, (counts.get(limitedBy) ?? 0) + 1)
    verdicts.set(key, counts)
  }
  const remotes = summary.rows().map((row) => ({
    ...row,
    limitedBy: Object.fromEntries(
      [...(verdicts.get(row.key) ?? [])].sort(([, a], [, b]) => b - a),
    ),
  }))
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
  ['sent', ({ bytesSent }) => size(bytesSent)],
  ['received', ({ bytesReceived }) => size(bytesReceived)],
  ['retransmitted', ({ retransmitRatio }) => percent(retransmitRatio)],
  ['RTT p50', ({ rttUs }) => us(rttUs?.p50)],
  ['p99', ({ rttUs }) => us(rttUs?.p99)],
  ['connect p50', ({ connectDurationMs }) => ms(connectDurationMs?.p50)],
  ['limited by', ({ limitedBy }) => verdicts(limitedBy)],
]

function verdicts(limitedBy: Remote['limitedBy']): string | undefined {
  const [first, ...others] = Object.entries(limitedBy)
  if (!first) return undefined
  const [name, count] = first
  return others.length ? `${name} (${count}), ...` : name
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
  const text = connections.length > 0 ? [...lines, '', footer(recorded)] : []
  return [...text, ...complaints(recorded)].map((line) => `${line}\n`).join('')
}

function footer({ connections }: Recorded): string {
  const samples = connections.reduce(
    (sum, { records }) => sum + records.length,
    0,
  )
  return `${number(connections.length)} connection${connections.length === 1 ? '' : 's'}, ${number(samples)} record${samples === 1 ? '' : 's'}`
}

function complaints({
  connections,
  unreadable,
  firstError,
}: Recorded): string[] {
  const lines: string[] = []
  if (connections.length === 0) lines.push('No TCP connection was recorded.')
  if (firstError) {
    lines.push(
      `${number(unreadable)} line${unreadable === 1 ? '' : 's'} could not be read. ${printable(firstError.message)}`,
    )
  }
  return lines
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

/** All records. */
export function csvOf({ connections }: Recorded): string {
  const lines = connections.flatMap(({ id, records }) =>
    records.map((info) => toCsvLine(info, id)),
  )
  return [csvHeader(), ...lines].join('')
}
