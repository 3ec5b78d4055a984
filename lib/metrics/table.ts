/**
 * What is measured: one table, of which each exporter makes its instruments.
 *
 * Names and quantities are those of gRPC's proposal A80 where it has them
 * (https://github.com/grpc/proposal/blob/master/A80-tcp-telemetry.md); its
 * "packets" are segments with payload. OpenTelemetry has them as `tcp.<name>`,
 * Prometheus with the unit and `_total` as OpenTelemetry's own translation appends
 * them, so that a query fits both.
 */

import type { TcpInfoCounter } from '../delta.js'
import { deliveryRateOf, retransmitRatioOf } from '../derived.js'
import type { TcpInfo } from '../tcp-info.js'

/** UCUM, as OpenTelemetry has it. */
type Unit =
  | '1'
  | 's'
  | 'By'
  | 'By/s'
  | '{connection}'
  | '{event}'
  | '{packet}'
  | '{segment}'

interface Common {
  readonly name: string
  readonly unit: Unit
  readonly help: string
}

/** Counts what happens to connections; the recorder knows when. */
export interface EventCounter extends Common {
  readonly kind: 'event'
  /** Whether it tells the error apart. */
  readonly hasErrorType?: boolean
}

/** The sum of a counter of the record over all connections. */
export interface RecordCounter extends Common {
  readonly kind: 'counter'
  readonly of: TcpInfoCounter
  readonly times?: number
}

/** How many there are now. */
interface UpDownCounter extends Common {
  readonly kind: 'upDown'
}

/** What the recorder knows about a connection beside its record. */
export interface Timing {
  /** @unit ms */
  readonly connectDurationMs: number | undefined
  /** From when it was established to its close. @unit ms */
  readonly durationMs: number | undefined
}

export interface HistogramMetric extends Common {
  readonly kind: 'histogram'
  readonly of: (info: TcpInfo, timing: Timing) => number | undefined
  /** Once for each connection, or now and then while it is open and at its close. */
  readonly when: 'established' | 'sample' | 'close'
  readonly buckets: readonly number[]
}

export type Metric =
  | EventCounter
  | RecordCounter
  | UpDownCounter
  | HistogramMetric

export const CREATED: EventCounter = {
  name: 'connections_created',
  kind: 'event',
  unit: '{connection}',
  help: 'Connections that were established, opened or accepted.',
}

export const CLOSED: EventCounter = {
  name: 'connections_closed',
  kind: 'event',
  unit: '{connection}',
  help: 'Established connections that were closed.',
  hasErrorType: true,
}

export const FAILED: EventCounter = {
  name: 'connection_failures',
  kind: 'event',
  unit: '{connection}',
  help: 'Attempts to connect that no connection came of.',
  hasErrorType: true,
}

export const OPEN: UpDownCounter = {
  name: 'open_connections',
  kind: 'upDown',
  unit: '{connection}',
  help: 'Connections that are open now.',
}

/** At the close: how often the newest segment was sent in vain by then. */
export const RECURRING: EventCounter = {
  name: 'recurring_retransmits',
  kind: 'event',
  unit: '{packet}',
  help: 'Retransmission timeouts in a row that were unanswered when the connection was closed.',
}

export const LABEL_OVERFLOWS: EventCounter = {
  name: 'label_overflows',
  kind: 'event',
  unit: '{connection}',
  help: 'Connections counted under the label "other", because there were too many different labels.',
}

export const LABEL_ERRORS: EventCounter = {
  name: 'label_errors',
  kind: 'event',
  unit: '{connection}',
  help: 'Connections counted without labels, because a function for labels failed.',
}

const perMicrosecond = 1e-6

export const RECORD_COUNTERS: readonly RecordCounter[] = [
  {
    name: 'bytes_sent',
    kind: 'counter',
    unit: 'By',
    help: 'Payload sent, retransmissions included.',
    of: 'bytesSent',
  },
  {
    name: 'bytes_retransmitted',
    kind: 'counter',
    unit: 'By',
    help: 'Payload sent again.',
    of: 'bytesRetransmitted',
  },
  {
    name: 'bytes_received',
    kind: 'counter',
    unit: 'By',
    help: 'Payload received.',
    of: 'bytesReceived',
  },
  {
    name: 'packets_sent',
    kind: 'counter',
    unit: '{packet}',
    help: 'Segments with payload sent, retransmissions included.',
    of: 'dataSegmentsOut',
  },
  {
    name: 'packets_received',
    kind: 'counter',
    unit: '{packet}',
    help: 'Segments with payload received, duplicates included.',
    of: 'dataSegmentsIn',
  },
  {
    name: 'packets_retransmitted',
    kind: 'counter',
    unit: '{packet}',
    help: 'Segments sent again, SYNs included.',
    of: 'segmentsRetransmitted',
  },
  {
    name: 'packets_spurious_retransmitted',
    kind: 'counter',
    unit: '{packet}',
    help: 'Segments that the peer said it got twice (D-SACK).',
    of: 'spuriousRetransmits',
  },
  {
    name: 'segments_sent',
    kind: 'counter',
    unit: '{segment}',
    help: 'Segments sent, pure ACKs and retransmissions included.',
    of: 'segmentsOut',
  },
  {
    name: 'segments_received',
    kind: 'counter',
    unit: '{segment}',
    help: 'Segments received, pure ACKs included.',
    of: 'segmentsIn',
  },
  {
    name: 'retransmission_timeouts',
    kind: 'counter',
    unit: '{event}',
    help: 'Retransmission timeouts, those of SYNs included.',
    of: 'rtoCount',
  },
  {
    name: 'reordering_events',
    kind: 'counter',
    unit: '{event}',
    help: 'Times that the sender saw reordering.',
    of: 'reorderingEvents',
  },
  {
    name: 'out_of_order_packets_received',
    kind: 'counter',
    unit: '{packet}',
    help: 'Packets that arrived out of order.',
    of: 'outOfOrderPacketsIn',
  },
  {
    name: 'congestion_marked_packets',
    kind: 'counter',
    unit: '{packet}',
    help: 'Segments acknowledged while the peer reported congestion marks (ECN).',
    of: 'segmentsDeliveredCe',
  },
  {
    name: 'busy_time',
    kind: 'counter',
    unit: 's',
    help: 'Time with data outstanding.',
    of: 'busyUs',
    times: perMicrosecond,
  },
  {
    name: 'receive_window_limited_time',
    kind: 'counter',
    unit: 's',
    help: "Time in which the peer's window held us back.",
    of: 'rwndLimitedUs',
    times: perMicrosecond,
  },
  {
    name: 'send_buffer_limited_time',
    kind: 'counter',
    unit: 's',
    help: 'Time in which our send buffer was too small to go faster.',
    of: 'sndbufLimitedUs',
    times: perMicrosecond,
  },
]

/** From loopback to a satellite link, seconds. */
const LATENCIES = [
  ...[0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025],
  ...[0.05, 0.1, 0.25, 0.5, 1, 2.5],
]

const scaled = (
  value: number | undefined,
  times: number,
): number | undefined => (value === undefined ? undefined : value * times)

export const HISTOGRAMS: readonly HistogramMetric[] = [
  {
    name: 'min_rtt',
    kind: 'histogram',
    unit: 's',
    help: 'Smallest round-trip time of a connection.',
    of: (info) => scaled(info.minRttUs, perMicrosecond),
    when: 'sample',
    buckets: LATENCIES,
  },
  {
    name: 'rtt',
    kind: 'histogram',
    unit: 's',
    help: 'Smoothed round-trip time of a connection.',
    of: (info) => scaled(info.rttUs, perMicrosecond),
    when: 'sample',
    buckets: LATENCIES,
  },
  {
    name: 'delivery_rate',
    kind: 'histogram',
    unit: 'By/s',
    help: 'Newest estimate of goodput, where it was not the program that limited it.',
    of: deliveryRateOf,
    when: 'sample',
    buckets: [1e4, 3e4, 1e5, 3e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10],
  },
  {
    name: 'retransmit_ratio',
    kind: 'histogram',
    unit: '1',
    help: 'Bytes retransmitted of all bytes sent, of a connection that is closed.',
    of: retransmitRatioOf,
    when: 'close',
    buckets: [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1],
  },
  {
    name: 'connect_duration',
    kind: 'histogram',
    unit: 's',
    help: "From the call of connect() to 'connect', name lookup included.",
    of: (_info, { connectDurationMs }) => scaled(connectDurationMs, 1e-3),
    when: 'established',
    buckets: [...LATENCIES, 5, 10, 30],
  },
  {
    name: 'connection_duration',
    kind: 'histogram',
    unit: 's',
    help: 'How long a connection that is closed had been established.',
    of: (_info, { durationMs }) => scaled(durationMs, 1e-3),
    when: 'close',
    buckets: [0.001, 0.01, 0.1, 1, 10, 60, 300, 1800, 3600, 21600, 86400],
  },
]

/** OPEN first: it is what has the others brought up to date. */
export const METRICS: readonly Metric[] = [
  OPEN,
  CREATED,
  CLOSED,
  FAILED,
  ...RECORD_COUNTERS,
  RECURRING,
  ...HISTOGRAMS,
  LABEL_OVERFLOWS,
  LABEL_ERRORS,
]

/** In Prometheus: the unit unless the name says it, and `_total` of a counter. */
export function prometheusNameOf({ name, unit, kind }: Metric): string {
  const units: Partial<Record<Unit, string>> = {
    s: '_seconds',
    'By/s': '_bytes_per_second',
  }
  const isCounter = kind === 'event' || kind === 'counter'
  return `${name}${units[unit] ?? ''}${isCounter ? '_total' : ''}`
}

export const openTelemetryNameOf = ({ name }: Metric): string => `tcp.${name}`
