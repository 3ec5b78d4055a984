/**
 * Reads many sockets again and again, by one timer for all. Nothing here keeps the
 * event loop alive.
 */

import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import type * as net from 'node:net'
import * as timers from 'node:timers'
import { type Batch, BatchReader, Target } from './batch-reader.js'
import { type Capture, captureOf } from './capture.js'
import { argumentError, countFrom, inRange, optionsIn } from './checks.js'
import { durationMs, monotonicMs } from './clock.js'
import { deltaBetween, type TcpInfoDelta } from './delta.js'
import { TcpInfoError, UNINSTRUMENTED } from './errors.js'
import { handleOf } from './handle.js'
import { instrument } from './instrument.js'
import { Fifo, Queue } from './queue.js'
import type { Snapshot } from './snapshot.js'
import type { TcpInfo } from './tcp-info.js'

// Pinned: a program may replace them by some that return no objects.
const { clearTimeout, setTimeout } = timers

/** Options of {@link sample}. */
export interface SampleOptions {
  /** Time between two samples of a socket, at least 1. Default 1,000. @unit ms */
  intervalMs?: number | undefined
  /**
   * Makes each interval longer or shorter by up to this share of it, at random, so
   * that many processes do not read in step, nor one in step with what it watches:
   * 0 (default) to 1.
   */
  jitter?: number | undefined
  /**
   * So many samples of each socket, then it is left alone. Only those count that
   * somebody listens for, iterates over or keeps. Default: no limit.
   */
  maxSamples?: number | undefined
  /**
   * Whether samples have `appBytesRead` and `appBytesWritten`, as final records do.
   * By the latter {@link explain} tells a send buffer that is too small; each costs
   * another look at the socket. Default: `false`.
   */
  appBytes?: boolean | undefined
  /** How many samples of each socket {@link Sampling.series} keeps. Default 0. */
  keep?: number | undefined
  /**
   * Go on when all sockets have closed, for those that add() will bring, and when an
   * iterator is left: until stop().
   */
  keepOpen?: boolean | undefined
  /** Stops it when aborted. */
  signal?: AbortSignal | undefined
}

/** One read of one socket. */
export class TcpInfoSample {
  /** The socket that was given to {@link sample}. */
  readonly socket: net.Socket
  /** When, by `performance.now()`. @unit ms */
  readonly atMs: number
  /**
   * How many reads of this socket were left out since the sample before, or since
   * it was added.
   */
  readonly skipped: number
  readonly #snapshot: Snapshot
  readonly #before: Snapshot | undefined
  readonly #beforeMs: number
  #delta: TcpInfoDelta | undefined

  /** @internal */
  constructor(
    { socket, skipped, before, beforeMs }: Entry,
    snapshot: Snapshot,
    atMs: number,
  ) {
    this.socket = socket
    this.atMs = atMs
    this.skipped = skipped
    this.#snapshot = snapshot
    this.#before = before
    this.#beforeMs = beforeMs
  }

  /** The record. Its `trigger` is `'sample'`; of the last one `'close'`. */
  get info(): TcpInfo {
    return this.#snapshot.info
  }

  /**
   * What has happened since the socket was read before, by a clock that nobody sets;
   * in the first one of a connection, since it began.
   */
  get delta(): TcpInfoDelta {
    this.#delta ??= deltaBetween(
      this.#before?.info,
      this.info,
      this.#before && durationMs(this.#beforeMs, this.atMs),
    )
    return this.#delta
  }
}

type OnFinal = Parameters<Capture['watch']>[0]

/** A socket in a Sampling. */
class Entry extends Target {
  isActive = true
  beforeMs = 0
  skipped = 0
  taken = 0
  /** When it was added, by performance.now(). */
  readonly addedMs = monotonicMs()
  readonly socket: net.Socket
  readonly sampling: Sampling
  readonly onFinal: OnFinal

  constructor(
    socket: net.Socket,
    sampling: Sampling,
    capture: Capture,
    appBytes: boolean,
    onFinal: OnFinal,
  ) {
    super(capture, appBytes)
    this.socket = socket
    this.sampling = sampling
    this.onFinal = onFinal
  }

  /** It never had a connection, or that has gone to another process. */
  get isGone(): boolean {
    const wasThere = this.handle || this.socket.destroyed
    return Boolean(wasThere) && !handleOf(this.owner)
  }
}

/**
 * What a signal stops. One listener for all: of more than ten on one signal Node 20
 * warns.
 */
class Abort {
  static readonly #known = new WeakMap<AbortSignal, Abort>()

  static of(signal: AbortSignal): Abort {
    const known = Abort.#known.get(signal) ?? new Abort(signal)
    Abort.#known.set(signal, known)
    return known
  }

  readonly #signal: AbortSignal
  readonly #samplings = new Set<Sampling>()
  readonly #onAbort = (): void => {
    for (const sampling of this.#samplings) sampling.stop()
  }

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  add(sampling: Sampling): void {
    if (this.#samplings.size === 0) {
      this.#signal.addEventListener('abort', this.#onAbort, { once: true })
    }
    this.#samplings.add(sampling)
  }

  delete(sampling: Sampling): void {
    this.#samplings.delete(sampling)
    if (this.#samplings.size > 0) return
    this.#signal.removeEventListener('abort', this.#onAbort)
  }
}

/** setTimeout's limit. */
const MAX_INTERVAL_MS = 2 ** 31 - 1

/**
 * Sockets that are being sampled; made by {@link sample}. Emits `'sample'` with a
 * {@link TcpInfoSample}, and `'end'` once there is nothing left to sample. As an
 * async iterable it gives the same samples from then on; those that nobody takes
 * out in time (65,536 may wait) are counted in {@link Sampling.dropped}.
 */
export class Sampling
  extends EventEmitter<{
    /** One read of one socket. */
    sample: [sample: TcpInfoSample]
    /** Nothing will be sampled any more. */
    end: []
  }>
  implements AsyncIterable<TcpInfoSample>
{
  readonly #intervalMs: number
  readonly #jitter: number
  readonly #maxSamples: number
  readonly #keep: number
  readonly #keepOpen: boolean
  readonly #appBytes: boolean
  readonly #entries = new Map<net.Socket, Entry>()
  readonly #series = new WeakMap<net.Socket, Fifo<TcpInfoSample>>()
  readonly #queues = new Set<Queue<TcpInfoSample>>()
  // One timer serves all, but listeners run in the context of their own sample().
  readonly #context = new AsyncResource('TcpInfoSampling')
  readonly #abort: Abort | undefined
  #dueMs = 0
  /** Kept for the reason of Snapshot.newest. */
  #newest: TcpInfoSample | undefined
  #skipped = 0
  #dropped = 0
  #ended = false

  /** @internal */
  constructor(sockets: Iterable<net.Socket>, options: SampleOptions) {
    super()
    const own = optionsIn(options)
    const { intervalMs = 1000, jitter = 0, maxSamples = Infinity } = own
    const { keep = 0, signal } = own
    this.#intervalMs = inRange('intervalMs', intervalMs, 1, MAX_INTERVAL_MS)
    this.#jitter = inRange('jitter', jitter, 0, 1)
    this.#maxSamples = countFrom('maxSamples', maxSamples, 1)
    this.#keep = countFrom('keep', keep, 0)
    this.#appBytes = Boolean(own.appBytes)
    this.#keepOpen = Boolean(own.keepOpen)
    if (signal !== undefined && !isSignal(signal)) {
      throw argumentError('The option signal must be an AbortSignal.')
    }
    this.#abort = signal && Abort.of(signal)
    this.#abort?.add(this)
    try {
      for (const socket of sockets) this.add(socket)
    } catch (error) {
      this.stop()
      throw error
    }
    if (signal?.aborted || this.#isIdle) this.stop()
  }

  /** How many sockets are being sampled now. */
  get size(): number {
    return this.#entries.size
  }

  /**
   * How many times the sockets should have been read and were not, because the
   * event loop was busy.
   */
  get skipped(): number {
    return this.#skipped
  }

  /** How many samples iterators have lost, not having been asked for them in time. */
  get dropped(): number {
    return this.#dropped
  }

  /** Whether nothing will be sampled any more. */
  get ended(): boolean {
    return this.#ended
  }

  /** Whether somebody iterates or listens. */
  get #isAwaited(): boolean {
    return this.#queues.size > 0 || this.listenerCount('sample') > 0
  }

  get #isIdle(): boolean {
    return this.#entries.size === 0 && !this.#keepOpen
  }

  /**
   * One more socket, which is instrumented if it was not; its first sample comes
   * with the next ones of the others. Once the sampling has ended there is none.
   *
   * @throws {TcpInfoError} `ERR_TCP_INFO_NOT_TCP` for anything but a net.Socket,
   *   `ERR_TCP_INFO_ARGUMENT` for one that takes no properties
   */
  add(socket: net.Socket): this {
    if (this.#entries.has(socket)) return this
    // (What register watches has a Capture already.)
    const capture = captureOf(socket) ?? captureOf(instrument(socket))
    if (!capture) throw new TcpInfoError(UNINSTRUMENTED)
    if (this.#ended) return this
    const onFinal: OnFinal = (snapshot, handle) => {
      // Of another address, which has not been sampled.
      if (entry.handle !== handle) entry.before = undefined
      this.#end(entry, snapshot)
    }
    const entry = new Entry(socket, this, capture, this.#appBytes, onFinal)
    capture.watch(entry.onFinal)
    this.#entries.set(socket, entry)
    if (this.#entries.size === 1) this.#begin()
    return this
  }

  /** Leaves a socket alone from now on. (It stays instrumented.) */
  remove(socket: net.Socket): void {
    const entry = this.#entries.get(socket)
    if (!entry) return
    this.#release(entry)
    this.#afterLeaving(socket)
  }

  #release(entry: Entry): void {
    entry.isActive = false
    entry.capture.unwatch(entry.onFinal)
    this.#entries.delete(entry.socket)
  }

  #afterLeaving(socket: net.Socket): void {
    if (this.#newest?.socket === socket) this.#newest = undefined
    if (this.#isIdle) this.stop()
    else if (this.size === 0) samplings.delete(this)
  }

  /** The newest samples of a socket, as many as `keep` says, the oldest first. */
  series(socket: net.Socket): readonly TcpInfoSample[] {
    return this.#series.get(socket)?.toArray() ?? []
  }

  /** Leaves all sockets alone; `'end'` is emitted on the next tick. */
  stop(): void {
    if (this.#ended) return
    this.#ended = true
    samplings.delete(this)
    this.#abort?.delete(this)
    for (const entry of this.#entries.values()) this.#release(entry)
    this.#newest = undefined
    for (const queue of this.#queues) queue.end()
    this.#queues.clear()
    process.nextTick(() => {
      this.inItsContext(() => this.emit('end'))
    })
  }

  /**
   * The samples from now on. Leaving the loop stops the sampling, unless somebody else
   * iterates, listens for `'sample'`, or `keepOpen` is set.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<TcpInfoSample> {
    const queue: Queue<TcpInfoSample> = new Queue(() => {
      this.#queues.delete(queue)
      if (!this.#isAwaited && !this.#keepOpen) this.stop()
    })
    if (this.#ended) queue.end()
    else this.#queues.add(queue)
    return queue
  }

  /** When the next samples are due, by monotonicMs(). @internal */
  get dueMs(): number {
    return this.#dueMs
  }

  /** Calls in the async context that sample() was called in. @internal */
  inItsContext<R>(run: () => R): R {
    return this.#context.runInAsyncScope(run)
  }

  #begin(): void {
    this.#dueMs = monotonicMs() + this.#nextInterval()
    samplings.add(this)
    // (So, and not "<", for a clock that gives no time: NaN is neither.)
    if (!(this.#dueMs >= timerDueMs)) schedule()
  }

  #nextInterval(): number {
    return this.#intervalMs * (1 + this.#jitter * (2 * Math.random() - 1))
  }

  /** Reads those of its sockets that can be read. @internal */
  read(nowMs: number, reader: BatchReader<Entry>): void {
    const lateSince = (ms: number): number =>
      Math.max(0, Math.floor((nowMs - ms) / this.#intervalMs))
    const dueMs = this.#dueMs
    const late = lateSince(dueMs)
    this.#skipped += late
    this.#dueMs = nowMs + this.#nextInterval()
    const gone: net.Socket[] = []
    for (const entry of this.#entries.values()) {
      if (late > 0) entry.skipped += lateSince(Math.max(dueMs, entry.addedMs))
      try {
        if (entry.refresh()) reader.add(entry)
        else if (entry.isGone) gone.push(entry.socket)
      } catch {
        // A getter of a subclass: perhaps it has an answer the next time.
      }
    }
    for (const socket of gone) this.remove(socket)
  }

  /** What of a batch is of its own sockets. @internal */
  take(nowMs: number, batch: Batch<Entry>, from: number, to: number): void {
    const { targets, snapshots } = batch
    this.inItsContext(() => {
      for (let i = from; i < to; i++) {
        const entry = targets[i] as Entry
        const snapshot = snapshots[i]
        // A listener of another sample may have removed it.
        if (!snapshot || !entry.isActive) continue
        if (this.#keep > 0 || this.#isAwaited) {
          entry.taken++
          this.#deliver(entry, snapshot, nowMs)
        }
        entry.before = snapshot
        entry.beforeMs = nowMs
        entry.skipped = 0
        // (A listener may have taken it out, and in again.)
        if (entry.taken >= this.#maxSamples && entry.isActive) {
          this.remove(entry.socket)
        }
      }
    })
  }

  /** The connection's final record ends its series. */
  #end(entry: Entry, snapshot: Snapshot | undefined): void {
    // It was removed between the close and this tick.
    if (!entry.isActive) return
    // Before its listeners, who may add the socket again for its next connection.
    this.#release(entry)
    if (snapshot) {
      this.inItsContext(() => {
        this.#deliver(entry, snapshot, monotonicMs())
      })
    }
    this.#afterLeaving(entry.socket)
  }

  #deliver(entry: Entry, snapshot: Snapshot, atMs: number): void {
    const sample = new TcpInfoSample(entry, snapshot, atMs)
    this.#newest = sample
    if (this.#keep > 0) this.#store(sample)
    for (const queue of this.#queues) {
      if (!queue.push(sample)) this.#dropped++
    }
    try {
      this.emit('sample', sample)
    } catch (error) {
      // Thrown where it can't keep others from their samples.
      process.nextTick(() => {
        throw error
      })
    }
  }

  #store(sample: TcpInfoSample): void {
    let kept = this.#series.get(sample.socket)
    if (!kept) {
      kept = new Fifo()
      this.#series.set(sample.socket, kept)
    }
    kept.push(sample)
    if (kept.length > this.#keep) kept.shift()
  }
}

/**
 * Reads the statistics of one or many sockets at an interval, each for the last
 * time just before it is closed. It ends by itself when all have closed, and never
 * keeps the process alive: where nothing else does, the process ends.
 *
 * Sockets are instrumented if they were not. Those that have no connection yet are
 * read once they have; where there are no statistics at all (see `support()`)
 * there are no samples.
 *
 * @throws {TcpInfoError} `ERR_TCP_INFO_NOT_TCP` for anything but net.Sockets,
 *   `ERR_TCP_INFO_ARGUMENT` for an option that is out of range, or a socket that
 *   takes no properties
 */
export function sample(
  sockets: net.Socket | Iterable<net.Socket>,
  options: SampleOptions = {},
): Sampling {
  return new Sampling(
    isIterable(sockets) ? sockets : [sockets as net.Socket],
    options,
  )
}

/** (A socket, being a stream, is async iterable only.) */
function isIterable(value: unknown): value is Iterable<net.Socket> {
  return typeof (value as Iterable<unknown>)?.[Symbol.iterator] === 'function'
}

/** (Also one of another library, as Node itself takes it.) */
function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { addEventListener, removeEventListener } =
    value as Partial<AbortSignal>
  return (
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function' &&
    'aborted' in value
  )
}

/** Those that have something to read. */
const samplings = new Set<Sampling>()

let timer: NodeJS.Timeout | undefined
/** Of the newest tick, kept for the reason of Snapshot.newest. */
let reader: BatchReader<Entry> | undefined
let timerDueMs = Infinity

/** By a clock that was replaced before this package was loaded, and gives no time. */
const NO_CLOCK_MS = 1000

function schedule(): void {
  let next: Sampling | undefined
  for (const sampling of samplings) {
    if (!next || sampling.dueMs < next.dueMs) next = sampling
  }
  const dueMs = next?.dueMs ?? Infinity
  if (timer && dueMs >= timerDueMs) return
  clearTimeout(timer)
  timer = undefined
  timerDueMs = dueMs
  if (!next) return
  const untilMs = dueMs - monotonicMs()
  const delayMs = Number.isFinite(untilMs)
    ? Math.min(Math.max(1, untilMs), MAX_INTERVAL_MS)
    : NO_CLOCK_MS
  // A timer keeps alive the async context that it is made in: of whoever is running,
  // and through a timer that makes the next one, for ever.
  timer = next.inItsContext(() => setTimeout(tick, delayMs))
  timer.unref()
}

/** What is due so soon is read with what is due now: timers are in whole ms. */
const SOON_MS = 1

function tick(): void {
  timer = undefined
  timerDueMs = Infinity
  const nowMs = monotonicMs()
  reader = new BatchReader()
  try {
    for (const sampling of samplings) {
      if (sampling.dueMs <= nowMs + SOON_MS) sampling.read(nowMs, reader)
    }
    reader.flush()
  } finally {
    schedule()
  }
  // Listeners come last: what they do to sockets must not reach the rest.
  for (const batch of reader.batches) {
    const { targets } = batch
    for (let from = 0; from < targets.length; ) {
      const { sampling } = targets[from] as Entry
      let to = from + 1
      while (targets[to]?.sampling === sampling) to++
      sampling.take(nowMs, batch, from, to)
      from = to
    }
  }
  reader.clear()
}
