import fc from 'fast-check'
import { COUNTERS } from '../../lib/counters.js'
import { deltaBetween } from '../../lib/delta.js'
import { deltaOfRequest } from '../../lib/request.js'
import { TcpInfoSummary } from '../../lib/summary.js'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { explain } from '../../lib/verdict/index.js'
import { corpus, oneRecord, record, text } from './arbitraries.js'
import { check, fuzz } from './property.js'
import { arePrototypesClean, isOurs, oddNumbersIn } from './sound.js'

const BY = ['us', 'peer', 'both', 'network', 'unknown', undefined]

/** The documented answer, or the documented error. */
function answerOf<T>(ask: () => T): T | undefined {
  try {
    return ask()
  } catch (error) {
    if (!isOurs(error, 'ERR_TCP_INFO_ARGUMENT')) throw error
    return undefined
  } finally {
    check(arePrototypesClean(), () => 'a prototype was written to')
  }
}

const durations = fc.constantFrom(
  ...[undefined, 0, 1, 0.001, 1000, 1e300, 5e-324, -1, Number.NaN, Infinity],
)

fuzz(
  'no difference of records is odd',
  fc.property(
    fc.option(oneRecord, { nil: undefined }),
    oneRecord,
    durations,
    (before, after, measuredMs) => {
      const delta = answerOf(() => deltaBetween(before, after, measuredMs))
      if (!delta) return
      const odd = oddNumbersIn(delta)
      check(odd.length === 0, () => odd.join())
      const { counters, perSecond } = delta
      for (const name of COUNTERS) {
        check(name in counters && name in perSecond, () => `no ${name}`)
        check(
          perSecond[name] === undefined || counters[name] !== undefined,
          () => `${name} has a rate only`,
        )
      }
    },
  ),
  { runs: 2000 },
)

const kept = corpus<unknown[]>('records').map((records): [TcpInfo[]] => [
  records as TcpInfo[],
])

/** As they come from one connection, of one system, or all mixed up. */
const series = fc.oneof(
  fc.array(record, { maxLength: 5 }),
  fc.array(oneRecord, { maxLength: 5 }),
  fc
    .tuple(record, fc.array(oneRecord, { maxLength: 5 }))
    .map(([{ platform }, all]) =>
      all.map((each) => ({ ...each, platform }) as TcpInfo),
    ),
)

fuzz(
  'explain answers within bounds, in plain data',
  fc.property(series, (records) => {
    const verdict = answerOf(() => explain(records))
    if (!verdict) return
    const { confidence, limitedBy, retransmitRatio = 0, shares } = verdict
    for (const share of [
      confidence,
      retransmitRatio,
      ...Object.values(shares ?? {}),
    ]) {
      check(share >= 0 && share <= 1, () => JSON.stringify(verdict))
    }
    check(
      (confidence === 0) === (limitedBy === 'unknown') || confidence === 0,
      () => `${limitedBy}, ${confidence}`,
    )
    check(BY.includes(verdict.closedBy), () => `${verdict.closedBy}`)
    check(
      !/undefined|NaN|Infinity|object/.test(verdict.summary) &&
        verdict.summary.length < 300,
      () => verdict.summary,
    )
    const odd = oddNumbersIn(verdict)
    check(odd.length === 0, () => odd.join())
    // What JSON can't hold, such as NaN, it makes null.
    const copy = JSON.stringify(structuredClone(verdict))
    check(copy === JSON.stringify(verdict), () => copy)
    check(!copy.includes('null'), () => copy)
  }),
  { runs: 2000, examples: kept },
)

fuzz(
  'a summary has bounded rows without odd numbers',
  fc.property(
    fc.array(fc.tuple(oneRecord, fc.nat({ max: 4 })), { maxLength: 8 }),
    fc.constantFrom('host', 'host:port', undefined),
    fc.nat({ max: 4 }),
    (added, key, maxKeys) => {
      const summary = new TcpInfoSummary({ key, maxKeys })
      const sockets = [undefined, {}, {}, () => {}, []]
      let count = 0
      for (const [info, index] of added) {
        answerOf(() => {
          summary.add(info, sockets[index])
          count++
        })
      }
      const rows = summary.rows()
      check(rows.length <= maxKeys + 1, () => `${rows.length} rows`)
      const odd = oddNumbersIn(rows)
      check(odd.length === 0, () => odd.join())
      let connections = 0
      for (const row of rows) {
        connections += row.connections + row.failures
        check(typeof row.key === 'string', () => typeof row.key)
        check(row.firstSeen <= row.lastSeen, () => JSON.stringify(row))
        check((row.retransmitRatio ?? 0) <= 1, () => JSON.stringify(row))
        for (const each of [
          row.rttUs,
          row.connectDurationMs,
          row.deliveryRateBytesPerSec,
        ]) {
          if (!each) continue
          const { p50, p90, p99 } = each
          check(p50 <= p90 && p90 <= p99, () => JSON.stringify(row))
        }
      }
      check(connections <= count, () => `${connections} of ${count}`)
      check(!JSON.stringify(summary).includes('null'), () => 'null')
    },
  ),
  // Histograms of 23 KB are made each time.
  { runs: 500, most: 50_000 },
)

fuzz(
  'what is no record, and no request, is refused as such',
  fc.property(
    fc.oneof(fc.anything(), text, fc.array(fc.anything(), { maxLength: 3 })),
    (value) => {
      const any = value as never
      answerOf(() => explain(any))
      answerOf(() => deltaBetween(any, any))
      answerOf(() => new TcpInfoSummary().add(any, any))
      answerOf(() => void deltaOfRequest(any))
    },
  ),
  { runs: 1500 },
)
