/** What the page is given: plain JSON, in which `null` is "no value". */

export interface ReportData {
  readonly title: string
  readonly connections: readonly Connection[]
  readonly recordCount: number
  /** Platforms, each with the kernel's interface that answered. */
  readonly systems: readonly string[]
  /** Of the first and the last record. @unit ms since the epoch */
  readonly capturedFrom: number | null
  readonly capturedTo: number | null
}

export interface Connection {
  readonly id: string
  readonly local: string | null
  readonly localPort: number | null
  readonly remote: string | null
  readonly system: string | null
  readonly errorCode: string | null
  readonly recordCount: number
  /** At the last record. */
  readonly state: string | null
  /** Where the time axis begins. @unit ms since the epoch */
  readonly startedAt: number | null
  /** Whether it begins with the connection, and not with the first record. */
  readonly isStartKnown: boolean
  readonly durationMs: number | null
  readonly bytesOut: number | null
  readonly bytesIn: number | null
  readonly rttMinUs: number | null
  readonly rttMedianUs: number | null
  readonly rttLastUs: number | null
  readonly retransmitRatio: number | null
  readonly retransmitted: number | null
  /** What is counted as retransmitted. */
  readonly retransmitUnit: 'segments' | 'bytes'
  /** Retransmitted before the first record, where the axis begins with that. */
  readonly retransmittedBefore: number | null
  readonly verdict: Verdict | null
  /** What the bytes out and in are counts of. */
  readonly outIs: string
  readonly inIs: string
  readonly timeoutsAre: string
  /** Of each sample. @unit ms since startedAt, ascending */
  readonly timesMs: readonly number[]
  /**
   * A value for each sample; one that no sample has is left out. Rates and
   * counts are those of the interval that ends with the sample.
   */
  readonly series: { readonly [K in SeriesName]?: readonly (number | null)[] }
  /** Samples before which some are missing. */
  readonly gaps: readonly number[]
  readonly losses: readonly Loss[]
}

export interface Verdict {
  readonly limitedBy: string
  /** From 0 to 1. */
  readonly confidence: number | null
  readonly summary: string
  readonly closed: string | null
  /** Where the time went, by the names of TcpInfoShares; from 0 to 1 each. */
  readonly shares: { readonly [name: string]: number }
}

export type SeriesName =
  | 'rttUs'
  | 'minRttUs'
  | 'rcvRttUs'
  | 'cwndBytes'
  | 'bytesInFlight'
  | 'sndWndBytes'
  | 'bytesOutPerSec'
  | 'bytesInPerSec'
  | 'retransmitted'
  | 'timeouts'

/** Samples in a row whose intervals had retransmissions, timeouts or recovery. */
export interface Loss {
  /** Indices of the first and the last one. */
  readonly first: number
  readonly last: number
  readonly retransmitted: number | null
  readonly timeouts: number | null
  /** Those with a timeout. */
  readonly timedOut: readonly number[]
}
