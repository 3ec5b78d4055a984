import { decodeRaw, type RawTcpInfo } from './decode/fields.js'
import type { KernelStruct } from './decode/index.js'
import type { Addresses } from './endpoints.js'
import { LINUX_STATES, type TcpState } from './tcp-state.js'

/**
 * Why a record was taken: `demand`, somebody asked; `close`, the connection was
 * about to be closed. On the diagnostics channel there are two more: `attempt`, an
 * address was tried in vain and the next one's turn came; `exit`, the process ends
 * with the socket open. `sample` are those of sample().
 */
export type TcpInfoTrigger = 'demand' | 'sample' | 'close' | 'attempt' | 'exit'

/** The same in all copies of this package (ESM, CommonJS, another version). */
export const READING: unique symbol = Symbol.for('tcpinfo-socket.reading.1')

/** What a record is made of: the struct's bytes, and what was known beside them. */
export interface Reading {
  readonly struct: KernelStruct
  /**
   * Of a sample they are put into memory that all samples share: to be used up before
   * those of another reading are asked for.
   */
  readonly words: Uint32Array
  /** The struct's first byte, a multiple of 4. */
  readonly at: number
  /** How many bytes the kernel filled. */
  readonly filled: number
  readonly addresses: Addresses
  readonly trigger: TcpInfoTrigger
  readonly capturedAt: number
  readonly platform: NodeJS.Platform
  readonly source: string
  readonly appBytesRead: number | undefined
  readonly appBytesWritten: number | undefined
  readonly connectDurationMs: number | undefined
  readonly errorCode: string | undefined
}

/**
 * What the kernel knew about one TCP connection at one moment.
 *
 * Every member always exists; one that this OS, its version or this connection
 * does not provide is `undefined`, never 0. Times end in `Us` or `Ms`, sizes are
 * in bytes. Counters only grow during a connection, gauges move both ways. All
 * members are plain data: safe for `JSON.stringify`, `console.log` and
 * `structuredClone`.
 *
 * `@compare` says how far values of two systems may be compared: `same`, meaning and
 * unit are; `similar`, but mind the remarks; `never`. Out of which native members
 * each is made, and when it is absent, docs/fields.md says; `raw` has those
 * themselves.
 */
export class TcpInfoRecord {
  /** Why this record was taken. */
  readonly trigger: TcpInfoTrigger
  /**
   * When, by the system clock (`Date.now()`).
   *
   * @unit ms since the epoch
   * @remarks That clock can be set, backwards too; for durations use samples,
   * which go by another one.
   */
  readonly capturedAt: number
  /** `process.platform`. */
  readonly platform: NodeJS.Platform
  /**
   * The kernel's interface that answered: `TCP_INFO`, `TCP_CONNECTION_INFO`,
   * `SIO_TCP_INFO v1`, …
   *
   * @remarks On Windows the version of the struct says which members there can be.
   */
  readonly source: string
  /** Our address, as `socket.localAddress` gives it. */
  readonly localAddress: string | undefined
  /** Our port. */
  readonly localPort: number | undefined
  /**
   * The peer's address, also of an attempt that failed (on Windows and macOS from
   * Node 20.12 on).
   *
   * @remarks Also of a connection that is over. macOS and Windows do not tell it then,
   * so there it is kept from before.
   */
  readonly remoteAddress: string | undefined
  /** The peer's port. */
  readonly remotePort: number | undefined
  /**
   * `socket.bytesRead` at that moment; of a TLSSocket what came out of TLS (if it
   * has its own connection).
   *
   * @unit bytes @kind counter
   * @remarks What the program took out of the socket, or was given by it: less
   * than `bytesReceived` while data waits in the kernel, and less than it with
   * TLS, whose own bytes are not in it. In samples only if asked for (`appBytes`).
   */
  readonly appBytesRead: number | undefined
  /**
   * `socket.bytesWritten` at that moment, sent or not; of a TLSSocket what went
   * into TLS (likewise).
   *
   * @unit bytes @kind counter
   * @remarks What Node still keeps back is in it, and the kernel has not seen it.
   * In samples only if asked for (`appBytes`).
   */
  readonly appBytesWritten: number | undefined
  /** From the call of `connect()` to `'connect'` as the program saw it, name lookup and delays of the event loop included; absent if we did not see both, as of a socket that was given to `instrument()` after its `connect()` was called. Only in records of sockets that are instrumented, or watched by the preload. @unit ms */
  readonly connectDurationMs: number | undefined
  /** `code` of the error that the socket was destroyed with (`ECONNRESET`, `ETIMEDOUT`, …). Only in final records. */
  readonly errorCode: string | undefined

  /**
   * Connection state by its RFC 9293 name. `CLOSED` also after a reset.
   *
   * @kind gauge @compare same
   * @remarks On Linux `CLOSED` is also what a connection shows that both ends have
   * closed: the kernel keeps no socket of a program in TIME_WAIT.
   */
  readonly state: TcpState | undefined = undefined

  /**
   * Smoothed round-trip time (on Windows the current estimate; whole milliseconds
   * on macOS).
   *
   * @unit µs @kind gauge @compare similar
   * @remarks Linux and macOS smooth as RFC 6298 does, so a change shows after
   * several round trips; what the peer adds by delaying its ACKs is in it. Linux
   * has a first sample from the handshake. Below 1 ms macOS has no value.
   */
  readonly rttUs: number | undefined = undefined
  /**
   * Mean deviation of the round-trip time, as each kernel smooths it.
   *
   * @unit µs @kind gauge @compare never
   * @remarks On Linux this is the plain deviation; the kernel computes its
   * retransmission timeout from a maximum of it that has no member of its own. On
   * macOS it is the one that the timeout comes from.
   */
  readonly rttVarUs: number | undefined = undefined
  /**
   * Smallest round-trip time: of a sliding window of minutes on Linux, of the
   * connection on Windows.
   *
   * @unit µs @kind gauge @compare similar
   * @remarks How long the window of Linux is, `net.ipv4.tcp_min_rtt_wlen` says:
   * 300 seconds by default. So this can grow.
   */
  readonly minRttUs: number | undefined = undefined
  /** The newest single round-trip sample. @unit µs @kind gauge */
  readonly latestRttUs: number | undefined = undefined
  /**
   * Round-trip time as estimated by the receiving side.
   *
   * @unit µs @kind gauge
   * @remarks Only where data is received. It is the time until data answers an ACK
   * of ours, so the pauses of a sender are in it: with one write each 300 ms it is
   * 300 ms on loopback too.
   */
  readonly rcvRttUs: number | undefined = undefined
  /**
   * Retransmission timeout; on macOS only while the timer is armed.
   *
   * @unit µs @kind gauge @compare similar
   * @remarks On Linux it holds the exponential backoff: it doubles with timeouts
   * in a row.
   */
  readonly rtoUs: number | undefined = undefined

  /**
   * Largest segment that is sent.
   *
   * @unit bytes @kind gauge @compare similar
   * @remarks On Linux and macOS payload only: the options that every segment
   * carries are taken off. On loopback it is many times that of a network.
   */
  readonly sendMssBytes: number | undefined = undefined
  /** Path MTU in use. @unit bytes @kind gauge */
  readonly pmtuBytes: number | undefined = undefined
  /**
   * Congestion window; derived on Linux, where the kernel counts segments.
   *
   * @unit bytes @kind gauge @compare similar
   * @remarks On Linux a product, which changes with the segment size too.
   */
  readonly cwndBytes: number | undefined = undefined
  /**
   * Congestion window as Linux counts it.
   *
   * @unit segments @kind gauge
   * @remarks Begins at the initial window: 10 by default.
   */
  readonly cwndSegments: number | undefined = undefined
  /**
   * Slow-start threshold, absent until the kernel sets one; derived on Linux.
   *
   * @unit bytes @kind gauge @compare similar
   * @remarks A value means that slow start has ended at least once.
   */
  readonly ssthreshBytes: number | undefined = undefined
  /**
   * Window that the peer allows us.
   *
   * @unit bytes @kind gauge @compare same
   * @remarks Scaling applied. 0: the peer lets nothing more in.
   */
  readonly sndWndBytes: number | undefined = undefined
  /**
   * Window that we allow the peer; without window scaling Linux advertises at most
   * 65,535 of it.
   *
   * @unit bytes @kind gauge @compare same
   * @remarks Scaling applied. 0: our program does not read.
   */
  readonly rcvWndBytes: number | undefined = undefined
  /**
   * Receive buffer.
   *
   * @unit bytes @kind gauge
   * @remarks Not the option SO_RCVBUF.
   */
  readonly rcvBufBytes: number | undefined = undefined

  /**
   * Sent and not acknowledged; derived on Linux, one too low on the side that
   * opened the connection (its SYN was acknowledged).
   *
   * @unit bytes @kind gauge @compare similar
   * @remarks Selectively acknowledged data is in it. Never below 0.
   */
  readonly bytesInFlight: number | undefined = undefined
  /**
   * Sent and not acknowledged, in segments, SYN and FIN included.
   *
   * @unit segments @kind gauge
   * @remarks Selectively acknowledged and lost segments are in it until a
   * cumulative ACK covers them.
   */
  readonly segmentsInFlight: number | undefined = undefined
  /** In the socket and never sent yet; a FIN that waits counts 1. @unit bytes @kind gauge */
  readonly notSentBytes: number | undefined = undefined
  /**
   * In the socket, sent or not, and not acknowledged; derived on Linux, where a
   * FIN counts 1 until it is sent.
   *
   * @unit bytes @kind gauge @compare similar
   * @remarks On Linux `notSentBytes` and `bytesInFlight` together.
   */
  readonly sendQueueBytes: number | undefined = undefined

  /**
   * Payload sent, retransmissions included (whether so on Windows is
   * undocumented).
   *
   * @unit bytes @kind counter @compare similar
   * @remarks Without retransmissions: on Linux and macOS subtract
   * `bytesRetransmitted`; on Windows do not, as it is not known whether they are
   * in it. On macOS only while the kernel collects network statistics.
   */
  readonly bytesSent: number | undefined = undefined
  /**
   * Payload received: in order on Linux (and 1 for the peer's FIN), with
   * duplicates on macOS.
   *
   * @unit bytes @kind counter @compare similar
   * @remarks On Linux and macOS without headers, with the records and the
   * handshake of TLS. On macOS only while the kernel collects network statistics.
   */
  readonly bytesReceived: number | undefined = undefined
  /**
   * Acknowledged by the peer, and 1 each for our SYN (if we opened) and our FIN.
   *
   * @unit bytes @kind counter
   * @remarks Less 1 or 2, what the peer's kernel has for sure; its program need
   * not have read it.
   */
  readonly bytesAcked: number | undefined = undefined
  /**
   * Payload sent again; wraps at 4 GiB on Windows.
   *
   * @unit bytes @kind counter @compare same
   */
  readonly bytesRetransmitted: number | undefined = undefined
  /**
   * Bytes the sender saw reordered.
   *
   * @unit bytes @kind counter
   * @remarks By the sender's account, as Microsoft's header has it: not what
   * arrived here out of order.
   */
  readonly bytesReordered: number | undefined = undefined
  /** Payload that arrived out of order. @unit bytes @kind counter */
  readonly outOfOrderBytesIn: number | undefined = undefined

  /**
   * Segments sent, pure ACKs and retransmissions included, but no SYN-ACK.
   *
   * @unit segments @kind counter
   * @remarks As they go over the wire, not as offloading hands them to the card.
   */
  readonly segmentsOut: number | undefined = undefined
  /** Segments received, pure ACKs included. @unit segments @kind counter */
  readonly segmentsIn: number | undefined = undefined
  /**
   * Segments with payload sent, retransmissions included.
   *
   * @unit segments @kind counter @compare similar
   * @remarks On macOS only while the kernel collects network statistics.
   */
  readonly dataSegmentsOut: number | undefined = undefined
  /**
   * Segments with payload received, duplicates included.
   *
   * @unit segments @kind counter @compare similar
   * @remarks On macOS only while the kernel collects network statistics.
   */
  readonly dataSegmentsIn: number | undefined = undefined
  /**
   * Segments sent again, SYNs, SYN-ACKs and tail-loss probes included.
   *
   * @unit segments @kind counter @compare similar
   * @remarks Not the number of segments lost: some were only late. Windows has no
   * such counter; `fastRetransmits` is another thing.
   */
  readonly segmentsRetransmitted: number | undefined = undefined
  /**
   * Times the fast-retransmit algorithm ran (not segments).
   *
   * @kind counter
   * @remarks One run can send many segments again.
   */
  readonly fastRetransmits: number | undefined = undefined
  /** SYN segments sent again. @unit segments @kind counter */
  readonly synRetransmits: number | undefined = undefined
  /** Segments that the peer says it got twice (D-SACK): most of them sent again for nothing. @unit segments @kind counter */
  readonly spuriousRetransmits: number | undefined = undefined
  /** Retransmission timeouts, those of SYNs and repeated ones included. @kind counter */
  readonly rtoCount: number | undefined = undefined
  /**
   * Episodes of retransmission timeouts; one can hold several timeouts.
   *
   * @kind counter @compare similar
   * @remarks On Linux one is from the first timeout to the next answer; that
   * Windows means the same is not documented.
   */
  readonly rtoEpisodes: number | undefined = undefined
  /**
   * Timeouts in a row with no answer since; above 0 the peer is silent now.
   *
   * @kind gauge
   * @remarks In `SYN_SENT`, the SYNs that were sent again.
   */
  readonly consecutiveRtos: number | undefined = undefined
  /** Episodes of probe timeouts (tail-loss probes). @kind counter */
  readonly ptoEpisodes: number | undefined = undefined
  /** Duplicate ACKs received. @kind counter */
  readonly dupAcksIn: number | undefined = undefined
  /**
   * Packets that arrived out of order.
   *
   * @unit packets @kind counter @compare same
   * @remarks Reordered by the path, or sent after a loss: from the receiving side
   * the two look the same.
   */
  readonly outOfOrderPacketsIn: number | undefined = undefined
  /**
   * Times the sender saw reordering.
   *
   * @kind counter
   * @remarks Not to be compared with `bytesReordered` of Windows.
   */
  readonly reorderingEvents: number | undefined = undefined
  /**
   * Whether the sender is repairing a loss right now.
   *
   * @kind gauge @compare similar
   * @remarks On Linux: fast recovery, or after a timeout. macOS: fast recovery, or
   * while a timeout is unanswered.
   */
  readonly inLossRecovery: boolean | undefined = undefined
  /**
   * Segments acknowledged while the peer reported congestion marks: the marked
   * ones with AccECN, more than those with classic ECN.
   *
   * @unit segments @kind counter
   * @remarks Not to be compared with `eceAcksIn` of Windows, which counts ACKs.
   */
  readonly segmentsDeliveredCe: number | undefined = undefined
  /** ACKs received that echo a congestion mark. @kind counter */
  readonly eceAcksIn: number | undefined = undefined

  /**
   * Time with data outstanding.
   *
   * @unit µs @kind counter
   * @remarks The time in `rwndLimitedUs` and `sndbufLimitedUs` is part of it.
   * Counted in ticks of the kernel (1 to 10 ms).
   */
  readonly busyUs: number | undefined = undefined
  /**
   * Time in which the peer's window held us back.
   *
   * @unit µs @kind counter @compare similar
   * @remarks Linux counts in ticks of the kernel (1 to 10 ms), Windows in
   * milliseconds.
   */
  readonly rwndLimitedUs: number | undefined = undefined
  /**
   * Time in which the congestion window held us back, timeouts included.
   *
   * @unit µs @kind counter
   * @remarks Counted in milliseconds.
   */
  readonly cwndLimitedUs: number | undefined = undefined
  /**
   * Time in which our send buffer was too small to go faster.
   *
   * @unit µs @kind counter
   * @remarks Counted in ticks of the kernel (1 to 10 ms). Nearly the opposite of
   * `appLimitedUs`: here the program had more to send.
   */
  readonly sndbufLimitedUs: number | undefined = undefined
  /**
   * Time in which the application gave nothing to send.
   *
   * @unit µs @kind counter
   * @remarks Counted in milliseconds.
   */
  readonly appLimitedUs: number | undefined = undefined

  /**
   * Rate at which the kernel would space packets out: an upper bound, not a
   * throughput.
   *
   * @unit bytes/s @kind gauge
   * @remarks With BBR the rate at which it sends. With others a multiple of the
   * congestion window for each round trip, computed even where nothing is paced.
   */
  readonly pacingRateBytesPerSec: number | undefined = undefined
  /** Upper bound set for it (SO_MAX_PACING_RATE). @unit bytes/s @kind gauge */
  readonly maxPacingRateBytesPerSec: number | undefined = undefined
  /**
   * Newest estimate of goodput; high for writes below one segment.
   *
   * @unit bytes/s @kind gauge
   * @remarks Counted in whole segments of `sendMssBytes`.
   */
  readonly deliveryRateBytesPerSec: number | undefined = undefined
  /** Whether that estimate is only a lower bound, for want of data to send. @kind gauge */
  readonly deliveryRateAppLimited: boolean | undefined = undefined

  /**
   * TCP timestamps are in use.
   *
   * @kind constant @compare same
   */
  readonly timestamps: boolean | undefined = undefined
  /**
   * Selective acknowledgement is in use.
   *
   * @kind constant @compare same
   */
  readonly sack: boolean | undefined = undefined
  /**
   * Window scaling is in use.
   *
   * @kind constant @compare same
   */
  readonly windowScaling: boolean | undefined = undefined
  /**
   * Explicit congestion notification was negotiated.
   *
   * @kind constant @compare similar
   * @remarks That a mark was ever seen it does not say.
   */
  readonly ecnNegotiated: boolean | undefined = undefined
  /**
   * Scale of the peer's window.
   *
   * @unit bits @kind constant @compare same
   */
  readonly sndWscale: number | undefined = undefined
  /**
   * Scale of our window.
   *
   * @unit bits @kind constant @compare same
   */
  readonly rcvWscale: number | undefined = undefined

  /** Time since data was last sent; absent if none ever was. @unit ms @kind gauge */
  readonly dataSentAgoMs: number | undefined = undefined
  /** Time since data last arrived; absent if none ever did. @unit ms @kind gauge */
  readonly dataReceivedAgoMs: number | undefined = undefined
  /** Time since an ACK last arrived; absent if none ever did. @unit ms @kind gauge */
  readonly ackReceivedAgoMs: number | undefined = undefined
  /**
   * Age of the connection by the kernel's clock (not the time it took to connect).
   *
   * @unit ms @kind gauge
   * @remarks Whether it begins with the SYN or with the open connection is
   * undocumented.
   */
  readonly connectionAgeMs: number | undefined = undefined

  /**
   * On a listening socket: connections that wait to be accepted.
   *
   * @kind gauge
   * @remarks Of a net.Server, by `readTcpInfo()`. When it is above `backlog`, the
   * kernel drops what comes.
   */
  readonly acceptQueue: number | undefined = undefined
  /**
   * On a listening socket: how many may wait.
   *
   * @kind gauge
   * @remarks The smaller one of what `listen()` was given and
   * `net.core.somaxconn`.
   */
  readonly backlog: number | undefined = undefined

  readonly #reading: Reading

  /**
   * Made by the decoders, which fill in the kernel's members. Kept small enough
   * for V8 to inline it there (460 bytes of bytecode), which takes 100 ns off a
   * read.
   *
   * @internal
   */
  constructor(reading: Reading) {
    const { addresses } = reading
    this.trigger = reading.trigger
    this.capturedAt = reading.capturedAt
    this.platform = reading.platform
    this.source = reading.source
    this.localAddress = addresses.localAddress
    this.localPort = addresses.localPort
    this.remoteAddress = addresses.remoteAddress
    this.remotePort = addresses.remotePort
    this.appBytesRead = reading.appBytesRead
    this.appBytesWritten = reading.appBytesWritten
    this.connectDurationMs = reading.connectDurationMs
    this.errorCode = reading.errorCode
    this.#reading = reading
  }

  /**
   * The kernel's own struct under its own names, 64-bit members as `bigint`;
   * decoded from the kept bytes at each use. Not an own property, so copies,
   * JSON and `console.log` stay plain.
   */
  get raw(): RawTcpInfo {
    return decodeRaw(this.#reading)
  }

  /**
   * What the record was decoded from.
   *
   * @internal
   */
  get [READING](): Reading | undefined {
    // Not of a proxy, or of what inherits from a record.
    return #reading in this ? this.#reading : undefined
  }
}

// Under the public name, whatever a bundler calls it.
Object.defineProperty(TcpInfoRecord, 'name', { value: 'TcpInfo' })

/**
 * A record: what the kernel knew about one TCP connection at one moment. Plain data; it
 * can't be constructed. Its members are {@link TcpInfoRecord | these fields}.
 */
export type TcpInfo = {
  readonly [K in Exclude<keyof TcpInfoRecord, symbol>]: TcpInfoRecord[K]
}

/** Whether it can be a record, or a copy of one: what has to be there is. */
export function isRecord(value: unknown): value is TcpInfo {
  if (typeof value !== 'object' || value === null) return false
  const { capturedAt, platform } = value as Partial<TcpInfo>
  return isTime(capturedAt) && typeof platform === 'string'
}

/** What a Date can hold, on either side of the epoch. */
const MOST_MS = 8.64e15

export function isTime(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= MOST_MS
}

/** More than any member comes to: of 64 bits, or a sum of two of which one is. */
const MOST = 2 ** 65

/** Whether a number is one that a counter or a gauge can have. */
export function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MOST
}

type Name = keyof TcpInfo

/** Members that are neither numbers nor one of a list. */
type Worded = {
  [K in Name]: NonNullable<TcpInfo[K]> extends number ? never : K
}[Exclude<Name, 'raw' | 'state'>]

/** (The compiler sees to it that none is forgotten.) */
const TYPES: {
  readonly [K in Worded]: NonNullable<TcpInfo[K]> extends boolean
    ? 'boolean'
    : 'string'
} = {
  trigger: 'string',
  platform: 'string',
  source: 'string',
  localAddress: 'string',
  remoteAddress: 'string',
  errorCode: 'string',
  inLossRecovery: 'boolean',
  deliveryRateAppLimited: 'boolean',
  timestamps: 'boolean',
  sack: 'boolean',
  windowScaling: 'boolean',
  ecnNegotiated: 'boolean',
}

function canBe(name: Name, value: unknown): boolean {
  if (Object.hasOwn(TYPES, name)) return typeof value === TYPES[name as Worded]
  if (name === 'state') return (LINUX_STATES as unknown[]).includes(value)
  return name === 'capturedAt' ? isTime(value) : isAmount(value)
}

/** (Its members are all that matters.) */
const EMPTY = { addresses: {} } as Reading

let names: readonly Name[] | undefined

/** All records have all members, in one order. */
export function memberNames(): readonly Name[] {
  names ??= Object.keys(new TcpInfoRecord(EMPTY)) as Name[]
  return names
}

/**
 * A record to reckon with; `undefined` for what is none. A copy may come out of a
 * file that anybody wrote: what a member can't be is absent then.
 */
export function recordIn(value: unknown): TcpInfo | undefined {
  if (!isRecord(value)) return undefined
  // (A getter: not of a proxy, nor of what inherits from a record.)
  if ((value as TcpInfoRecord)[READING]) return value
  const isOdd = (name: Name): boolean =>
    value[name] !== undefined && !canBe(name, value[name])
  if (!memberNames().some(isOdd)) return value
  return Object.fromEntries(
    memberNames().map((name) => [name, isOdd(name) ? undefined : value[name]]),
  ) as unknown as TcpInfo
}
