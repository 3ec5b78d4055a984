/** What follows from a record, for all who add records up. */

import type { TcpInfo } from './tcp-info.js'

/** Whether the record is of a connection, not of an attempt that came to nothing. */
export function wasEstablished(info: TcpInfo): boolean {
  return (
    info.connectDurationMs !== undefined ||
    info.rttUs !== undefined ||
    Number(info.bytesAcked) > 0 ||
    Number(info.bytesReceived) > 0
  )
}

/** Whether the connection, or the attempt, has no later record. */
export function isFinal({ trigger }: TcpInfo): boolean {
  return trigger === 'close' || trigger === 'exit' || trigger === 'attempt'
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

/** Bytes sent again of all bytes sent. */
export function retransmitRatioOf(
  sent: number | undefined,
  retransmitted: number | undefined,
): number | undefined {
  return retransmitted === undefined || !sent ? undefined : retransmitted / sent
}
