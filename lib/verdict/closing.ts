/** Who closed a connection, and how. */

import { structOf } from '../decode/index.js'
import { isFinal } from '../derived.js'
import type { TcpInfo } from '../tcp-info.js'
import type { TcpState } from '../tcp-state.js'
import type {
  TcpInfoClosedBy,
  TcpInfoClosedHow,
  TcpInfoVerdict,
} from './index.js'

export type Closing = Pick<TcpInfoVerdict, 'closedBy' | 'closedHow'>

/** The first end of a connection that there is, in this order. */
export function closingOf(records: readonly TcpInfo[], last: TcpInfo): Closing {
  const states = new Set(records.map(({ state }) => state))
  if (states.has('CLOSING')) return { closedBy: 'both', closedHow: 'fin' }
  for (const { state } of records) {
    const closedBy = state && FIRST_FIN[state]
    if (closedBy) return { closedBy, closedHow: 'fin' }
  }
  for (const [codes, closedBy, closedHow] of ERRORS) {
    if (isKernels(last, codes)) return { closedBy, closedHow }
  }
  if (last.state === 'CLOSED') {
    return { closedBy: 'unknown', closedHow: 'unknown' }
  }
  if (!isFinal(last)) return { closedBy: undefined, closedHow: undefined }
  return last.state === undefined
    ? { closedBy: 'unknown', closedHow: 'unknown' }
    : { closedBy: 'us', closedHow: 'destroy' }
}

/** Whose FIN was the first, by the state that it leads to. */
const FIRST_FIN: { readonly [K in TcpState]?: TcpInfoClosedBy } = {
  FIN_WAIT_1: 'us',
  FIN_WAIT_2: 'us',
  TIME_WAIT: 'us',
  CLOSE_WAIT: 'peer',
  LAST_ACK: 'peer',
}

export const UNREACHABLE = ['EHOSTUNREACH', 'ENETUNREACH']

const ERRORS: readonly (readonly [
  codes: readonly string[],
  closedBy: TcpInfoClosedBy,
  closedHow: TcpInfoClosedHow,
])[] = [
  [['ECONNRESET'], 'peer', 'rst'],
  // Linux, tcp_reset(): a reset after the peer's FIN.
  [['EPIPE'], 'peer', 'fin'],
  [['ECONNREFUSED'], 'peer', 'refused'],
  [['ETIMEDOUT'], 'network', 'timeout'],
  [UNREACHABLE, 'network', 'unreachable'],
]

/**
 * Whether the kernel ended it with one of these errors: a program can destroy a
 * socket with the same codes, but then the kernel still has it open. (A kernel that
 * forgets answers no more after such an end, so there the state is an earlier one.)
 */
export function isKernels(record: TcpInfo, codes: readonly string[]): boolean {
  const { errorCode, state, platform } = record
  if (errorCode === undefined || !codes.includes(errorCode)) return false
  return (
    state === 'CLOSED' ||
    state === undefined ||
    structOf(platform)?.mayForget === true
  )
}
