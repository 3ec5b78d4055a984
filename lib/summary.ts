/** Many connections in a few rows, one for each remote end. */

import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { argumentError, countFrom, optionsIn, shown } from './checks.js'
import { growth, limitsOf } from './delta.js'
import {
  deliveryRateOf,
  hostAndPort,
  isFinal,
  remoteHostOf,
  retransmitRatioOf,
  wasEstablished,
} from './derived.js'
import { NOT_A_RECORD, TcpInfoError } from './errors.js'
import { recordIn, type TcpInfo } from './tcp-info.js'

/** Options of {@link TcpInfoSummary}. */
export interface TcpInfoSummaryOptions {
  /**
   * What a row is about: the remote address (of IPv4 as such, also by a socket of
   * IPv6), address and port, or whatever a function makes of a record. Default:
   * `'host'`.
   */
  readonly key?: 'host' | 'host:port' | ((info: TcpInfo) => string) | undefined
  /**
   * How many rows there may be; all further keys share one more, called "other".
   * A row takes up to 90 KB. Default: 250.
   */
  readonly maxKeys?: number | undefined
}

/**
 * Of one value for each connection, its newest. Never too low, and at most 0.8 % too
 * high, or 1 µs where that is more.
 */
export interface TcpInfoQuantiles {
  /** Of how many connections the value is known. */
  readonly count: number
  /** The median. */
  readonly p50: number
  /** What nine of ten do not exceed. */
  readonly p90: number
  /** What 99 of 100 do not exceed. */
  readonly p99: number
}

/** What is known of all connections with one key. Plain data. */
export interface TcpInfoSummaryRow {
  /** The remote end, or what the option `key` made of the record. */
  readonly key: string
  /** Whether this is the row of all keys beyond `maxKeys`, whose key is "other". */
  readonly isOther: boolean
  /** Established ones, open or closed. */
  readonly connections: number
  /** Attempts that no connection came of. */
  readonly failures: number
  /** The sum of the records' counter; `undefined` where no record had it. @unit bytes */
  readonly bytesSent: number | undefined
  /** Likewise. @unit bytes */
  readonly bytesReceived: number | undefined
  /** Likewise. @unit bytes */
  readonly bytesRetransmitted: number | undefined
  /** Bytes retransmitted of all bytes sent; `undefined` before the first byte. */
  readonly retransmitRatio: number | undefined
  /** Smoothed round-trip times. @unit µs */
  readonly rttUs: TcpInfoQuantiles | undefined
  /** Of connections that were opened here. @unit ms */
  readonly connectDurationMs: TcpInfoQuantiles | undefined
  /** Throughput, of connections that did not want for data. @unit bytes/s */
  readonly deliveryRateBytesPerSec: TcpInfoQuantiles | undefined
  /** `capturedAt` of the oldest record. @unit ms since the epoch */
  readonly firstSeen: number
  /** And of the newest. @unit ms since the epoch */
  readonly lastSeen: number
}

interface Quantity {
  readonly of: (info: TcpInfo) => number | undefined
  /** What the histogram counts in; it holds whole numbers from 1 on. */
  readonly step: number
  /** In these steps. Higher values are entered as this. */
  readonly highest: number
}

const QUANTITIES = {
  rttUs: { of: (info) => info.rttUs, step: 1, highest: 6e7 },
  connectDurationMs: {
    of: (info) => info.connectDurationMs,
    step: 1e-3,
    highest: 3e8,
  },
  deliveryRateBytesPerSec: { of: deliveryRateOf, step: 1, highest: 2e10 },
} satisfies Record<string, Quantity>

type QuantityName = keyof typeof QUANTITIES
const QUANTITY_NAMES = Object.keys(QUANTITIES) as QuantityName[]

const SUMS = ['bytesSent', 'bytesReceived', 'bytesRetransmitted'] as const
type Sums = Partial<Record<(typeof SUMS)[number], number>>

interface Row {
  readonly key: string
  readonly isOther: boolean
  connections: number
  failures: number
  readonly sums: Sums
  /** An HdrHistogram each, with two significant figures: 23 KB. */
  readonly histograms: Partial<Record<QuantityName, RecordableHistogram>>
  firstSeen: number
  lastSeen: number
}

/** A connection of which more records may come. */
interface Open {
  readonly row: Row
  isEstablished: boolean
  readonly counted: Sums
  readonly values: Partial<Record<QuantityName, number>>
}

/** Of so many the newest values can still change. */
const MOST_OPEN = 10_000

/**
 * Adds records up by remote end, in bounded memory: rows are limited in number,
 * and quantiles come out of histograms of fixed size.
 */
export class TcpInfoSummary {
  readonly #keyOf: (info: TcpInfo) => string
  readonly #maxKeys: number
  readonly #rows = new Map<string, Row>()
  #other: Row | undefined
  readonly #openOf = new WeakMap<object, Open>()
  /** Those whose values are in no histogram yet, the oldest first. */
  readonly #open = new Set<Open>()

  /**
   * @param options
   * @throws {TcpInfoError} `ERR_TCP_INFO_ARGUMENT` for options that are none
   */
  constructor(options: TcpInfoSummaryOptions = {}) {
    const { key = 'host', maxKeys = 250 } = optionsIn(options)
    const keyOf = typeof key === 'function' ? key : KEYS.get(key)
    if (!keyOf) {
      throw argumentError(
        "The option key must be 'host', 'host:port' or a function.",
      )
    }
    this.#keyOf = keyOf
    this.#maxKeys = countFrom('maxKeys', maxKeys, 0)
  }

  /**
   * Adds a record, which counts as one connection. Where several records of one
   * connection are added, such as `'demand'` ones before the final one, give an
   * object that stands for it, say the socket: then the newer takes the place of
   * the older. The object is not kept alive. A final record is the last one of its
   * connection, so that the socket may connect again.
   *
   * What a function for `key` throws is thrown here, and nothing is added.
   *
   * @throws {TcpInfoError} `ERR_TCP_INFO_ARGUMENT` for anything but a record, for a
   *   connection that is no object, and for a key that is no string
   */
  add(record: TcpInfo, connection?: object): void {
    const info = recordIn(record)
    if (!info) throw new TcpInfoError(NOT_A_RECORD)
    if (
      connection === null ||
      !['object', 'undefined', 'function'].includes(typeof connection)
    ) {
      throw argumentError(
        'What stands for a connection must be an object, say its socket.',
      )
    }
    // Beside the socket's connection an attempt is one of its own.
    const subject = info.trigger === 'attempt' ? undefined : connection
    const isLast = isFinal(info) || !subject
    const before = subject && this.#openOf.get(subject)
    const row = before?.isEstablished ? before.row : this.#rowOf(info)
    // Else it is another address that the socket tries.
    const known = before?.row === row ? before : undefined
    const open = known ?? newOpen(row)
    row.firstSeen = Math.min(row.firstSeen, info.capturedAt)
    row.lastSeen = Math.max(row.lastSeen, info.capturedAt)
    if (!open.isEstablished && wasEstablished(info)) {
      open.isEstablished = true
      row.connections += 1
    } else if (!open.isEstablished && isFinal(info)) {
      row.failures += 1
    }
    addUp(row.sums, open.counted, info)
    for (const name of QUANTITY_NAMES) {
      const value = QUANTITIES[name].of(info)
      if (value !== undefined) open.values[name] = value
    }
    if (!known) {
      if (before) this.#settle(before)
      this.#open.add(open)
    }
    if (isLast) {
      this.#settle(open)
      if (subject) this.#openOf.delete(subject)
    } else {
      this.#openOf.set(subject, open)
      const [oldest] = this.#open
      if (oldest && this.#open.size > MOST_OPEN) this.#settle(oldest)
    }
  }

  /** One row for each key, in the order of their first records; "other" is last. */
  rows(): TcpInfoSummaryRow[] {
    const open = new Map<Row, Open[]>()
    for (const each of this.#open) {
      const sameRow = open.get(each.row)
      if (sameRow) sameRow.push(each)
      else open.set(each.row, [each])
    }
    const rows = [...this.#rows.values()]
    if (this.#other) rows.push(this.#other)
    return rows.map((row) => rowOf(row, open.get(row) ?? []))
  }

  /** What {@link TcpInfoSummary.rows} gives. */
  toJSON(): TcpInfoSummaryRow[] {
    return this.rows()
  }

  #rowOf(info: TcpInfo): Row {
    const key = this.#keyOf(info)
    if (typeof key !== 'string') {
      throw argumentError(
        `The function for key must return a string, and what it returned was ${shown(key)}.`,
      )
    }
    let row = this.#rows.get(key)
    if (!row && this.#rows.size >= this.#maxKeys) {
      this.#other ??= emptyRow('other', true)
      return this.#other
    }
    if (!row) {
      row = emptyRow(key)
      this.#rows.set(key, row)
    }
    return row
  }

  /** Enters the values for good; of one that was too many they are already. */
  #settle(open: Open): void {
    if (!this.#open.delete(open)) return
    for (const name of QUANTITY_NAMES) {
      const value = open.values[name]
      if (value === undefined) continue
      open.row.histograms[name] ??= histogramFor(name)
      enter(open.row.histograms[name], name, value)
    }
  }
}

const KEYS = new Map([
  ['host', remoteHostOf],
  [
    'host:port',
    (info: TcpInfo) => hostAndPort(remoteHostOf(info), info.remotePort ?? '?'),
  ],
])

function newOpen(row: Row): Open {
  return { row, isEstablished: false, counted: empty(), values: empty() }
}

function emptyRow(key: string, isOther = false): Row {
  return {
    key,
    isOther,
    connections: 0,
    failures: 0,
    sums: empty(),
    histograms: empty(),
    firstSeen: Number.POSITIVE_INFINITY,
    lastSeen: Number.NEGATIVE_INFINITY,
  }
}

/** Without a prototype, which somebody may have polluted. */
const empty = (): Record<string, never> => Object.create(null)

/** Adds to the sums what came since the connection's last record. */
function addUp(sums: Sums, counted: Sums, info: TcpInfo): void {
  const limits = limitsOf(info.platform)
  for (const name of SUMS) {
    const grown = growth(counted[name] ?? 0, info[name], limits[name])
    if (grown === undefined) continue
    counted[name] = info[name] as number
    sums[name] = (sums[name] ?? 0) + grown
  }
}

function histogramFor(name: QuantityName): RecordableHistogram {
  const { highest } = QUANTITIES[name]
  return createHistogram({ lowest: 1, highest, figures: 2 })
}

function enter(
  histogram: RecordableHistogram,
  name: QuantityName,
  value: number,
): void {
  const { step, highest } = QUANTITIES[name]
  const steps = Math.ceil(value / step)
  histogram.record(Math.min(Math.max(1, steps), highest))
}

function rowOf(row: Row, open: readonly Open[]): TcpInfoSummaryRow {
  const { key, isOther, connections, failures, sums } = row
  const { firstSeen, lastSeen } = row
  return {
    key,
    isOther,
    connections,
    failures,
    bytesSent: sums.bytesSent,
    bytesReceived: sums.bytesReceived,
    bytesRetransmitted: sums.bytesRetransmitted,
    retransmitRatio: retransmitRatioOf(sums),
    rttUs: quantilesOf(row, open, 'rttUs'),
    connectDurationMs: quantilesOf(row, open, 'connectDurationMs'),
    deliveryRateBytesPerSec: quantilesOf(row, open, 'deliveryRateBytesPerSec'),
    firstSeen,
    lastSeen,
  }
}

function quantilesOf(
  row: Row,
  open: readonly Open[],
  name: QuantityName,
): TcpInfoQuantiles | undefined {
  const ended = row.histograms[name]
  const values = open.flatMap(({ values }) => values[name] ?? [])
  let histogram = ended
  if (values.length > 0) {
    // A histogram forgets nothing, so that what may change is added to a copy.
    histogram = histogramFor(name)
    if (ended) histogram.add(ended)
    for (const value of values) enter(histogram, name, value)
  }
  if (!histogram) return undefined
  const { step } = QUANTITIES[name]
  const quantile = (percentile: number): number =>
    (histogram as RecordableHistogram).percentile(percentile) * step
  return {
    count: histogram.count,
    p50: quantile(50),
    p90: quantile(90),
    p99: quantile(99),
  }
}
