/**
 * Turns records into increments, each counted once: of every connection it keeps
 * what was counted already, adds what came since when somebody collects, and the
 * rest at the close.
 *
 * Nothing here may disturb the program: no exception gets out, no timer runs, and
 * the sockets' own events stay as they are.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type * as net from 'node:net'
import { constants } from 'node:os'
import {
  captureOf,
  isGone,
  readNow,
  type TcpInfoMessage,
  type TcpOpenMessage,
} from '../capture.js'
import { argumentError, countFrom, inRange, optionsIn } from '../checks.js'
import { monotonicMs } from '../clock.js'
import { growth, limitsOf, type TcpInfoCounter } from '../delta.js'
import { errorCodeOf, wasEstablished } from '../derived.js'
import { handleOf, type StreamHandle } from '../handle.js'
import { instrument } from '../instrument.js'
import { Snapshot } from '../snapshot.js'
import type { TcpInfo } from '../tcp-info.js'
import {
  CLOSED,
  CREATED,
  type EventCounter,
  FAILED,
  HISTOGRAMS,
  type HistogramMetric,
  LABEL_ERRORS,
  LABEL_OVERFLOWS,
  RECORD_COUNTERS,
  RECURRING,
  type RecordCounter,
  type Timing,
} from './table.js'

/** The value of a label of a connection; asked once for each connection. */
export type TcpLabel = (
  info: TcpInfo,
  socket: net.Socket,
) => string | number | undefined

/** What both exporters take. */
export interface TcpMetricsOptions {
  /**
   * Labels by name, for example
   * `{ remote_address: (info) => info.remoteAddress }`. Default: none. When one of
   * the functions throws, the connection is counted without labels.
   */
  readonly labels?: Readonly<Record<string, TcpLabel>> | undefined
  /**
   * How many different sets of labels there may be; what comes later has "other"
   * for each label. Default: 100.
   */
  readonly maxLabelSets?: number | undefined
  /**
   * How long a connection must be open, or how long ago its last entry must be, for
   * its round-trip times and delivery rate to be entered again in the histograms
   * while it is open. Default: 300,000, as A80 suggests. @unit ms
   */
  readonly sampleIntervalMs?: number | undefined
}

/** Metrics that are being collected. */
export interface TcpMetrics {
  /**
   * Counts a socket that was open already, from its connection's beginning, and
   * instruments it.
   *
   * @throws {TcpInfoError} `ERR_TCP_INFO_NOT_TCP` for anything but a net.Socket
   */
  observe(socket: net.Socket): void
  /** Ends the counting. A second call does nothing. */
  stop(): void
}

type Labels = Readonly<Record<string, string>>

/** Where the increments go. */
export type Add = (
  metric: EventCounter | RecordCounter | HistogramMetric,
  value: number,
  labels: Labels,
  errorType?: string,
) => void

interface LabelSet {
  readonly labels: Labels
  /** How many of its connections are open. */
  open: number
}

/** What was counted of a connection. */
class Connection {
  labelSet: LabelSet | undefined
  readonly counted: Partial<Record<TcpInfoCounter, number>> = {}
  sampledAt: number

  constructor(
    readonly handle: StreamHandle | null | undefined,
    /** By monotonicMs(). */
    readonly openedAt: number | undefined,
    readonly connectDurationMs: number | undefined,
  ) {
    this.sampledAt = openedAt ?? monotonicMs()
  }
}

const FEWEST = 64

/** What the exporters call the code of the error that a connection ended with. */
const RESERVED = new Set(['error_type', 'error.type'])

/** Codes of errors can be of the program's making, and without bound. */
const ERROR_TYPES = new Set([...Object.keys(constants.errno), 'ABORT_ERR'])

export class Recorder implements TcpMetrics {
  readonly #add: Add
  readonly #labels: readonly (readonly [string, TcpLabel])[]
  readonly #maxLabelSets: number
  readonly #sampleIntervalMs: number
  readonly #labelSets = new Map<string, LabelSet>()
  readonly #open = new Map<net.Socket, Connection>()
  #sweepAt = FEWEST
  #stopped = false
  #warned = false

  constructor(
    {
      labels = {},
      maxLabelSets = 100,
      sampleIntervalMs = 300_000,
    }: TcpMetricsOptions,
    add: Add,
  ) {
    this.#add = add
    this.#labels = Object.entries(optionsIn(labels, 'option labels'))
    for (const [name, label] of this.#labels) {
      if (RESERVED.has(name)) {
        throw argumentError(`The label ${name} has a meaning already.`)
      }
      if (typeof label !== 'function') {
        throw argumentError(`labels.${name} must be a function.`)
      }
    }
    this.#maxLabelSets = countFrom('maxLabelSets', maxLabelSets, 1)
    this.#sampleIntervalMs = inRange('sampleIntervalMs', sampleIntervalMs, 0)
  }

  start(): void {
    subscribe('tcpinfo-socket:open', this.#onOpen)
    subscribe('tcpinfo-socket:capture', this.#onCapture)
  }

  stop(): void {
    this.#stopped = true
    unsubscribe('tcpinfo-socket:open', this.#onOpen)
    unsubscribe('tcpinfo-socket:capture', this.#onCapture)
    this.#open.clear()
  }

  observe(socket: net.Socket): void {
    instrument(socket)
    const owner = captureOf(socket)?.owner ?? socket
    if (!owner.pending) this.#enter(owner, undefined, undefined)
  }

  /** All labels that connections had, with the number of those that are open. */
  get labelSets(): Iterable<LabelSet> {
    return this.#labelSets.values()
  }

  /** Adds what came since the last time, of all connections that are open. */
  refresh(): void {
    for (const [socket, connection] of this.#open) {
      this.#safely(() => this.#refresh(socket, connection))
    }
  }

  #refresh(socket: net.Socket, connection: Connection): void {
    const snapshot = readNow(socket)
    if (!(snapshot instanceof Snapshot)) {
      if (isGone(socket)) this.#leave(socket, connection)
      return
    }
    const { info } = snapshot
    const labelSet = this.#count(socket, connection, info)
    const now = monotonicMs()
    if (now - connection.sampledAt < this.#sampleIntervalMs) return
    connection.sampledAt = now
    this.#enterHistograms(['sample'], info, connection, labelSet)
  }

  readonly #onOpen = (message: unknown): void => {
    const { socket, connectDurationMs } = message as TcpOpenMessage
    this.#safely(() => this.#enter(socket, monotonicMs(), connectDurationMs))
  }

  #enter(
    socket: net.Socket,
    openedAt: number | undefined,
    connectDurationMs: number | undefined,
  ): void {
    const handle = handleOf(socket)
    // Nobody would take it out any more.
    if (!handle || this.#stopped) return
    const known = this.#open.get(socket)
    if (known?.handle === handle) return
    if (known) this.#leave(socket, known)
    if (this.#open.size >= this.#sweepAt) this.#sweep()
    this.#open.set(socket, new Connection(handle, openedAt, connectDurationMs))
  }

  /** A socket that went to another process or thread is never closed here. */
  #sweep(): void {
    for (const [socket, connection] of this.#open) {
      if (isGone(socket)) this.#leave(socket, connection)
    }
    this.#sweepAt = Math.max(FEWEST, 2 * this.#open.size)
  }

  #leave(socket: net.Socket, { labelSet }: Connection): void {
    this.#open.delete(socket)
    if (labelSet) labelSet.open -= 1
  }

  readonly #onCapture = (message: unknown): void => {
    const { socket, info } = message as TcpInfoMessage
    const { trigger } = info
    // The others say nothing that the next refresh, or the final one, does not.
    if (trigger === 'attempt') {
      this.#safely(() => this.#fail(socket, info))
    } else if (trigger === 'close' || trigger === 'exit') {
      this.#safely(() => this.#close(socket, info))
    }
  }

  #close(socket: net.Socket, info: TcpInfo): void {
    const known = this.#open.get(socket)
    // Of one that was there before us, or that was made of a descriptor, nobody
    // has told.
    if (!known && !wasEstablished(info)) {
      this.#fail(socket, info)
      return
    }
    const connection =
      known ?? new Connection(undefined, undefined, info.connectDurationMs)
    const labelSet = this.#count(socket, connection, info)
    this.#enterHistograms(['sample', 'close'], info, connection, labelSet)
    this.#event(CLOSED, 1, labelSet, errorTypeOf(info))
    this.#event(RECURRING, info.consecutiveRtos, labelSet)
    this.#leave(socket, connection)
  }

  #fail(socket: net.Socket, info: TcpInfo): void {
    const connection = new Connection(undefined, undefined, undefined)
    const labelSet = this.#labelSetOf(info, socket)
    this.#addCounters(info, connection, labelSet)
    this.#event(FAILED, 1, labelSet, errorTypeOf(info))
    this.#event(RECURRING, info.consecutiveRtos, labelSet)
  }

  #event(
    metric: EventCounter,
    value: number | undefined,
    { labels }: LabelSet,
    errorType?: string,
  ): void {
    if (value !== undefined) this.#add(metric, value, labels, errorType)
  }

  #count(socket: net.Socket, connection: Connection, info: TcpInfo): LabelSet {
    let { labelSet } = connection
    if (!labelSet) {
      labelSet = this.#labelSetOf(info, socket)
      connection.labelSet = labelSet
      labelSet.open += 1
      this.#event(CREATED, 1, labelSet)
      this.#enterHistograms(['established'], info, connection, labelSet)
    }
    this.#addCounters(info, connection, labelSet)
    return labelSet
  }

  #addCounters(
    info: TcpInfo,
    { counted }: Connection,
    { labels }: LabelSet,
  ): void {
    const limits = limitsOf(info.platform)
    for (const metric of RECORD_COUNTERS) {
      const { of, times = 1 } = metric
      const before = counted[of]
      const after = info[of]
      // Lower than before is a record that is older, as there may be on Windows.
      const grown = growth(before ?? 0, after, limits[of])
      if (grown === undefined) continue
      counted[of] = after as number
      // A first 0 says that it is known.
      if (grown > 0 || before === undefined) {
        this.#add(metric, grown * times, labels)
      }
    }
  }

  #enterHistograms(
    when: readonly HistogramMetric['when'][],
    info: TcpInfo,
    { openedAt, connectDurationMs }: Connection,
    { labels }: LabelSet,
  ): void {
    const timing: Timing = {
      connectDurationMs,
      durationMs:
        info.connectionAgeMs ??
        (openedAt === undefined ? undefined : monotonicMs() - openedAt),
    }
    for (const metric of HISTOGRAMS) {
      if (!when.includes(metric.when)) continue
      const value = metric.of(info, timing)
      if (value !== undefined) this.#add(metric, value, labels)
    }
  }

  #labelSetOf(info: TcpInfo, socket: net.Socket): LabelSet {
    const values: (string | undefined)[] = []
    try {
      for (const [, label] of this.#labels) {
        values.push(textOf(label(info, socket)))
      }
    } catch (cause) {
      this.#add(LABEL_ERRORS, 1, {})
      this.#warn('a function for labels failed', cause)
      return this.#labelSet({})
    }
    const labels = this.#named(values)
    if (
      this.#labelSets.size < this.#maxLabelSets ||
      this.#labelSets.has(JSON.stringify(labels))
    ) {
      return this.#labelSet(labels)
    }
    this.#add(LABEL_OVERFLOWS, 1, {})
    return this.#labelSet(this.#named(this.#labels.map(() => 'other')))
  }

  #named(values: readonly (string | undefined)[]): Labels {
    const labels: Record<string, string> = {}
    for (const [i, [name]] of this.#labels.entries()) {
      const value = values[i]
      if (value !== undefined) labels[name] = value
    }
    return labels
  }

  /** One for all that look alike where the increments go. */
  #labelSet(labels: Labels): LabelSet {
    const key = JSON.stringify(labels)
    let labelSet = this.#labelSets.get(key)
    if (!labelSet) {
      labelSet = { labels, open: 0 }
      this.#labelSets.set(key, labelSet)
    }
    return labelSet
  }

  #safely(record: () => void): void {
    try {
      record()
    } catch (cause) {
      this.#warn('a connection was not counted', cause)
    }
  }

  /** Once: it may happen for each connection. */
  #warn(what: string, cause: unknown): void {
    if (this.#warned) return
    this.#warned = true
    try {
      const why = cause instanceof Error ? cause.message : String(cause)
      process.emitWarning(`Metrics of TCP: ${what}: ${why}`, 'TcpInfoWarning')
    } catch {
      // What is thrown may refuse to be text.
    }
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string' || value === undefined) return value
  throw new TypeError(`it returned ${typeof value} and not a string`)
}

function errorTypeOf(info: TcpInfo): string | undefined {
  const code = errorCodeOf(info)
  return code === undefined || ERROR_TYPES.has(code) ? code : '_OTHER'
}
