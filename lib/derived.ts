/** What follows from a record, for all who add records up. */

import type { TcpInfo } from './tcp-info.js'

/**
 * Whether the record is of a connection, not of an attempt that came to nothing.
 * The state tells; but CLOSED, and a state that is not known, can be either.
 */
export function wasEstablished(info: TcpInfo): boolean {
  switch (info.state) {
    case 'SYN_SENT':
    case 'SYN_RECEIVED':
    case 'LISTEN':
      return false
    case 'CLOSED':
    case undefined:
      return (
        info.connectDurationMs !== undefined ||
        info.rttUs !== undefined ||
        info.sendMssBytes !== undefined ||
        Number(info.bytesAcked) > 0 ||
        Number(info.bytesReceived) > 0
      )
    default:
      return true
  }
}

/** Whether the connection, or the attempt, has no later record. */
export function isFinal({ trigger }: TcpInfo): boolean {
  return trigger === 'close' || trigger === 'exit' || trigger === 'attempt'
}

/** How undici, and so `fetch`, destroys sockets that nothing is wrong with. */
const INFORMATIONAL = 'UND_ERR_INFO'

/** Of the error that ended the connection, if one did. */
export function errorCodeOf({ errorCode }: TcpInfo): string | undefined {
  return errorCode === INFORMATIONAL ? undefined : errorCode
}

/** Whether we were the one that was connected to, as far as the record shows it. */
export function isServerSide(info: TcpInfo): boolean {
  const { localPort = Infinity, remotePort = 0 } = info
  return (
    mayBeServerSide(info) &&
    localPort < FIRST_EPHEMERAL &&
    remotePort >= FIRST_EPHEMERAL
  )
}

/** (What was opened here has a time to connect, if it was watched from then on.) */
export function mayBeServerSide(info: TcpInfo): boolean {
  return info.connectDurationMs === undefined && wasEstablished(info)
}

/** Of Linux, by default (net.ipv4.ip_local_port_range); others begin later. */
const FIRST_EPHEMERAL = 32_768

/** The remote end without its port; of IPv4 the same by a socket of either family. */
export function remoteHostOf({ remoteAddress }: TcpInfo): string {
  return remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'unknown'
}

/** (Of hosts only an address of IPv6 has colons.) */
export function hostAndPort(host: string, port: number | '?'): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/**
 * Only where data was not wanting: else it says how fast the program wrote. (That
 * is the rule of gRPC's A80 too.)
 */
export function deliveryRateOf(info: TcpInfo): number | undefined {
  return info.deliveryRateAppLimited === false
    ? info.deliveryRateBytesPerSec
    : undefined
}

type Sent = {
  readonly [K in
    | 'bytesSent'
    | 'bytesRetransmitted'
    | 'dataSegmentsOut'
    | 'segmentsRetransmitted']?: number | undefined
}

/**
 * Bytes sent again of all bytes sent, from 0 to 1; of segments where bytes are not
 * counted. Those sent again include SYNs, which are not among the ones with data:
 * hence the bound, and nothing where no data was sent.
 */
export function retransmitRatioOf(counters: Sent): number | undefined {
  const { bytesSent, bytesRetransmitted } = counters
  const { dataSegmentsOut, segmentsRetransmitted } = counters
  const [again, all] =
    bytesSent === undefined || bytesRetransmitted === undefined
      ? [segmentsRetransmitted, dataSegmentsOut]
      : [bytesRetransmitted, bytesSent]
  return again === undefined || !all ? undefined : Math.min(1, again / all)
}
