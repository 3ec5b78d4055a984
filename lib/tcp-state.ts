/**
 * The connection states of RFC 9293 section 3.3.2, under one spelling for all
 * platforms. (`CLOSED` is also what a kernel says after a reset.)
 */
export type TcpState =
  | 'CLOSED'
  | 'LISTEN'
  | 'SYN_SENT'
  | 'SYN_RECEIVED'
  | 'ESTABLISHED'
  | 'FIN_WAIT_1'
  | 'FIN_WAIT_2'
  | 'CLOSE_WAIT'
  | 'CLOSING'
  | 'LAST_ACK'
  | 'TIME_WAIT'

/** States by an operating system's own number; a number not here is unknown. */
export type StateNumbering = readonly (TcpState | undefined)[]

/**
 * Linux, `include/net/tcp_states.h`. 12 is TCP_NEW_SYN_RECV, a request socket
 * inside the kernel.
 */
export const LINUX_STATES: StateNumbering = [
  undefined,
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECEIVED',
  'FIN_WAIT_1',
  'FIN_WAIT_2',
  'TIME_WAIT',
  'CLOSED',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'SYN_RECEIVED',
]

/**
 * Windows, `TCPSTATE` of `mstcpip.h`. Not `MIB_TCP_STATE`, which begins at 1.
 */
export const WINDOWS_STATES: StateNumbering = [
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RECEIVED',
  'ESTABLISHED',
  'FIN_WAIT_1',
  'FIN_WAIT_2',
  'CLOSE_WAIT',
  'CLOSING',
  'LAST_ACK',
  'TIME_WAIT',
]

/** macOS, xnu `bsd/netinet/tcp_fsm.h`. */
export const DARWIN_STATES: StateNumbering = [
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RECEIVED',
  'ESTABLISHED',
  'CLOSE_WAIT',
  'FIN_WAIT_1',
  'CLOSING',
  'LAST_ACK',
  'FIN_WAIT_2',
  'TIME_WAIT',
]
