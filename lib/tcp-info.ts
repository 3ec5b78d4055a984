import type { RawTcpInfo } from './decode/fields.js'
import type { Endpoints } from './endpoints.js'
import type { TcpState } from './tcp-state.js'

/**
 * Why a record was taken: `demand`, somebody asked; `close`, the connection was
 * about to be closed.
 */
export type TcpInfoTrigger = 'demand' | 'close'

/** What a record is made of. Internal. */
export interface TcpInfoParts {
  readonly trigger: TcpInfoTrigger
  readonly capturedAt: number
  readonly platform: NodeJS.Platform
  readonly source: string
  readonly endpoints: Endpoints | undefined
  readonly appBytesRead: number | undefined
  readonly appBytesWritten: number | undefined
  readonly connectDurationMs: number | undefined
  readRaw(): RawTcpInfo
}

/**
 * What the kernel knew about one TCP connection at one moment.
 *
 * Every member always exists; one that this OS, its version or this connection
 * does not provide is `undefined`, never 0. Times end in `Us` or `Ms`, sizes are
 * in bytes. Counters only grow during a connection, gauges move both ways. All
 * members are plain data: safe for `JSON.stringify`, `console.log` and
 * `structuredClone`. In the tags, "derived" marks what is computed from native
 * members; `raw` has those themselves.
 */
export abstract class TcpInfo {
  /** Why this record was taken. */
  readonly trigger: TcpInfoTrigger
  /** When, by the system clock (`Date.now()`). @unit ms since the epoch */
  readonly capturedAt: number
  /** `process.platform`. */
  readonly platform: NodeJS.Platform
  /** The kernel's interface that answered: `TCP_INFO`, `TCP_CONNECTION_INFO`, `SIO_TCP_INFO v1`, … */
  readonly source: string
  /** Our address, as `socket.localAddress` gives it. */
  readonly localAddress: string | undefined
  /** Our port. */
  readonly localPort: number | undefined
  /** The peer's address; absent if the socket never was connected. */
  readonly remoteAddress: string | undefined
  /** The peer's port. */
  readonly remotePort: number | undefined
  /** `socket.bytesRead` at that moment: what Node has taken from the kernel. @unit bytes @kind counter */
  readonly appBytesRead: number | undefined
  /** `socket.bytesWritten` at that moment: what the program has written, sent or not. @unit bytes @kind counter */
  readonly appBytesWritten: number | undefined
  /** From the call of `connect()` to `'connect'`, name lookup included; absent if we did not see both. @unit ms */
  readonly connectDurationMs: number | undefined

  /** Connection state by its RFC 9293 name. `CLOSED` also after a reset. @kind gauge */
  declare readonly state: TcpState | undefined

  /** Smoothed round-trip time (on Windows the current estimate; whole milliseconds on macOS). @unit µs @kind gauge */
  declare readonly rttUs: number | undefined
  /** Mean deviation of the round-trip time, as each kernel smooths it. @unit µs @kind gauge */
  declare readonly rttVarUs: number | undefined
  /** Smallest round-trip time: of a sliding window of minutes on Linux, of the connection on Windows. @unit µs @kind gauge */
  declare readonly minRttUs: number | undefined
  /** The newest single round-trip sample. @unit µs @kind gauge */
  declare readonly latestRttUs: number | undefined
  /** Round-trip time as estimated by the receiving side. @unit µs @kind gauge */
  declare readonly rcvRttUs: number | undefined
  /** Retransmission timeout; on macOS only while the timer is armed. @unit µs @kind gauge */
  declare readonly rtoUs: number | undefined

  /** Largest segment that is sent. @unit bytes @kind gauge */
  declare readonly sendMssBytes: number | undefined
  /** Path MTU in use. @unit bytes @kind gauge */
  declare readonly pmtuBytes: number | undefined
  /** Congestion window; derived on Linux, where the kernel counts segments. @unit bytes @kind gauge */
  declare readonly cwndBytes: number | undefined
  /** Congestion window as Linux counts it. @unit segments @kind gauge */
  declare readonly cwndSegments: number | undefined
  /** Slow-start threshold, absent until the first congestion event; derived on Linux. @unit bytes @kind gauge */
  declare readonly ssthreshBytes: number | undefined
  /** Window that the peer allows us. @unit bytes @kind gauge */
  declare readonly sndWndBytes: number | undefined
  /** Window that we allow the peer. @unit bytes @kind gauge */
  declare readonly rcvWndBytes: number | undefined
  /** Receive buffer. @unit bytes @kind gauge */
  declare readonly rcvBufBytes: number | undefined

  /** Sent and not acknowledged; derived on Linux, one too low on the side that opened the connection (its SYN was acknowledged). @unit bytes @kind gauge */
  declare readonly bytesInFlight: number | undefined
  /** Sent and not acknowledged, in segments. @unit segments @kind gauge */
  declare readonly segmentsInFlight: number | undefined
  /** In the socket and never sent yet. @unit bytes @kind gauge */
  declare readonly notSentBytes: number | undefined
  /** In the socket, sent or not, and not acknowledged; derived on Linux. @unit bytes @kind gauge */
  declare readonly sendQueueBytes: number | undefined

  /** Payload sent, retransmissions included (whether so on Windows is undocumented). @unit bytes @kind counter */
  declare readonly bytesSent: number | undefined
  /** Payload received: in order on Linux (and 1 for the peer's FIN), with duplicates on macOS. @unit bytes @kind counter */
  declare readonly bytesReceived: number | undefined
  /** Acknowledged by the peer, and 1 each for our SYN (if we opened) and our FIN. @unit bytes @kind counter */
  declare readonly bytesAcked: number | undefined
  /** Payload sent again; wraps at 4 GiB on Windows. @unit bytes @kind counter */
  declare readonly bytesRetransmitted: number | undefined
  /** Bytes the sender saw reordered. @unit bytes @kind counter */
  declare readonly bytesReordered: number | undefined
  /** Payload that arrived out of order. @unit bytes @kind counter */
  declare readonly outOfOrderBytesIn: number | undefined

  /** Segments sent, pure ACKs and retransmissions included. @unit segments @kind counter */
  declare readonly segmentsOut: number | undefined
  /** Segments received, pure ACKs included. @unit segments @kind counter */
  declare readonly segmentsIn: number | undefined
  /** Segments with payload sent, retransmissions included. @unit segments @kind counter */
  declare readonly dataSegmentsOut: number | undefined
  /** Segments with payload received; on macOS duplicates too. @unit segments @kind counter */
  declare readonly dataSegmentsIn: number | undefined
  /** Segments sent again. @unit segments @kind counter */
  declare readonly segmentsRetransmitted: number | undefined
  /** Times the fast-retransmit algorithm ran (not segments). @kind counter */
  declare readonly fastRetransmits: number | undefined
  /** SYN segments sent again. @unit segments @kind counter */
  declare readonly synRetransmits: number | undefined
  /** Retransmission timeouts, those of SYNs and repeated ones included. @kind counter */
  declare readonly rtoCount: number | undefined
  /** Episodes of retransmission timeouts; one can hold several timeouts. @kind counter */
  declare readonly rtoEpisodes: number | undefined
  /** Timeouts in a row with no answer since; above 0 the peer is silent now. @kind gauge */
  declare readonly consecutiveRtos: number | undefined
  /** Episodes of probe timeouts (tail-loss probes). @kind counter */
  declare readonly ptoEpisodes: number | undefined
  /** Duplicate ACKs received. @kind counter */
  declare readonly dupAcksIn: number | undefined
  /** Packets that arrived out of order. @unit packets @kind counter */
  declare readonly outOfOrderPacketsIn: number | undefined
  /** Times the sender saw reordering. @kind counter */
  declare readonly reorderingEvents: number | undefined
  /** Whether the sender is repairing a loss right now. @kind gauge */
  declare readonly inLossRecovery: boolean | undefined
  /** Segments that the peer reported as congestion-marked. @unit segments @kind counter */
  declare readonly segmentsDeliveredCe: number | undefined
  /** ACKs received that echo a congestion mark. @kind counter */
  declare readonly eceAcksIn: number | undefined

  /** Time with data outstanding. @unit µs @kind counter */
  declare readonly busyUs: number | undefined
  /** Time in which the peer's window held us back. @unit µs @kind counter */
  declare readonly rwndLimitedUs: number | undefined
  /** Time in which the congestion window held us back, timeouts included. @unit µs @kind counter */
  declare readonly cwndLimitedUs: number | undefined
  /** Time in which our send buffer was too small to go faster. @unit µs @kind counter */
  declare readonly sndbufLimitedUs: number | undefined
  /** Time in which the application gave nothing to send. @unit µs @kind counter */
  declare readonly appLimitedUs: number | undefined

  /** Rate at which packets are spaced out. @unit bytes/s @kind gauge */
  declare readonly pacingRateBytesPerSec: number | undefined
  /** Upper bound set for it (SO_MAX_PACING_RATE). @unit bytes/s @kind gauge */
  declare readonly maxPacingRateBytesPerSec: number | undefined
  /** Newest estimate of goodput; high for writes below one segment. @unit bytes/s @kind gauge */
  declare readonly deliveryRateBytesPerSec: number | undefined
  /** Whether that estimate is only a lower bound, for want of data to send. @kind gauge */
  declare readonly deliveryRateAppLimited: boolean | undefined

  /** TCP timestamps are in use. @kind constant */
  declare readonly timestamps: boolean | undefined
  /** Selective acknowledgement is in use. @kind constant */
  declare readonly sack: boolean | undefined
  /** Window scaling is in use. @kind constant */
  declare readonly windowScaling: boolean | undefined
  /** Explicit congestion notification was negotiated. @kind constant */
  declare readonly ecnNegotiated: boolean | undefined
  /** Scale of the peer's window. @unit bits @kind constant */
  declare readonly sndWscale: number | undefined
  /** Scale of our window. @unit bits @kind constant */
  declare readonly rcvWscale: number | undefined

  /** Time since data was last sent; absent if none ever was. @unit ms @kind gauge */
  declare readonly dataSentAgoMs: number | undefined
  /** Time since data last arrived; absent if none ever did. @unit ms @kind gauge */
  declare readonly dataReceivedAgoMs: number | undefined
  /** Time since an ACK last arrived; absent if none ever did. @unit ms @kind gauge */
  declare readonly ackReceivedAgoMs: number | undefined
  /** Age of the connection by the kernel's clock (not the time it took to connect). @unit ms @kind counter */
  declare readonly connectionAgeMs: number | undefined

  /** On a listening socket: connections that wait to be accepted. @kind gauge */
  declare readonly acceptQueue: number | undefined
  /** On a listening socket: how many may wait. @kind gauge */
  declare readonly backlog: number | undefined

  readonly #parts: TcpInfoParts

  /** @internal The kernel's members are filled in by decode/records.ts. */
  protected constructor(parts: TcpInfoParts) {
    this.trigger = parts.trigger
    this.capturedAt = parts.capturedAt
    this.platform = parts.platform
    this.source = parts.source
    this.localAddress = parts.endpoints?.localAddress
    this.localPort = parts.endpoints?.localPort
    this.remoteAddress = parts.endpoints?.remoteAddress
    this.remotePort = parts.endpoints?.remotePort
    this.appBytesRead = parts.appBytesRead
    this.appBytesWritten = parts.appBytesWritten
    this.connectDurationMs = parts.connectDurationMs
    this.#parts = parts
  }

  /**
   * The kernel's own struct under its own names, 64-bit members as `bigint`;
   * decoded from the kept bytes at each use. Not an own property, so copies,
   * JSON and `console.log` stay plain.
   */
  get raw(): RawTcpInfo {
    return this.#parts.readRaw()
  }
}
