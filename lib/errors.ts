import { constants } from 'node:os'

/**
 * Why there is no record:
 *
 * - `ERR_TCP_INFO_UNSUPPORTED`: this OS, its version or this Node has no way to
 *   ask.
 * - `ERR_TCP_INFO_BINDING`: the native addon could not be loaded.
 * - `ERR_TCP_INFO_NOT_TCP`: not a TCP socket (a pipe, a Unix socket, a stream in
 *   JavaScript, something else altogether).
 * - `ERR_TCP_INFO_NOT_CONNECTED`: the kernel has no socket for it yet.
 * - `ERR_TCP_INFO_CLOSED`: it is closed, and no record was taken before.
 * - `ERR_TCP_INFO_SYSTEM`: the OS refused; `errno` and `errorName` say how.
 *
 * And why something else could not be done:
 *
 * - `ERR_TCP_INFO_ARGUMENT`: an argument or an option is not what it must be.
 * - `ERR_TCP_INFO_FORMAT`: a text that should hold a record does not.
 */
export type TcpInfoErrorCode =
  | 'ERR_TCP_INFO_UNSUPPORTED'
  | 'ERR_TCP_INFO_BINDING'
  | 'ERR_TCP_INFO_NOT_TCP'
  | 'ERR_TCP_INFO_NOT_CONNECTED'
  | 'ERR_TCP_INFO_CLOSED'
  | 'ERR_TCP_INFO_SYSTEM'
  | 'ERR_TCP_INFO_ARGUMENT'
  | 'ERR_TCP_INFO_FORMAT'

/**
 * What a failed read leaves behind: enough to make the error when somebody asks
 * for it. A close without a record must not pay for a stack trace.
 */
export interface Failure {
  readonly code: TcpInfoErrorCode
  readonly message: string
  /** The OS's error number, positive, as the OS's documentation has it. */
  readonly errno?: number
  readonly cause?: unknown
}

// One class may exist several times in a process (ESM, CommonJS, two versions),
// so instanceof goes by this brand.
const BRAND = Symbol.for('tcpinfo-socket.TcpInfoError')

/**
 * The only kind of error that this package makes. `instanceof` holds across its copies
 * in a process, such as what `import` and `require` give.
 */
export class TcpInfoError extends Error {
  /** @hidden */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value
  }

  /** What is wrong, for programs; the message is for people. */
  readonly code: TcpInfoErrorCode
  /** The OS's error number, positive, where the OS gave one. */
  readonly errno: number | undefined
  /** Its name, such as `EBADF` or `WSAEOPNOTSUPP`. */
  readonly errorName: string | undefined

  /** @internal */
  constructor(failure: Failure) {
    const { code, message, errno, cause } = ownOptions(failure)
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.errno = errno
    this.errorName = errno === undefined ? undefined : errorNameOf(errno)
  }
}

// Outside the class: a bundler renames a class that refers to itself.
Object.defineProperties(TcpInfoError.prototype, {
  name: { value: 'TcpInfoError', configurable: true, writable: true },
  [BRAND]: { value: true },
})

/** As the OS calls it; on Windows the errors are those of Winsock (WSAE…). */
function errorNameOf(errno: number): string | undefined {
  return Object.entries(constants.errno).find(([, each]) => each === errno)?.[0]
}

const here = `${process.platform}-${process.arch}`

export function notASocket(value: unknown): Failure {
  return {
    code: 'ERR_TCP_INFO_NOT_TCP',
    message: `This is not a net.Socket or tls.TLSSocket (but ${kindOf(value)}). A request of http has its socket only from its event 'socket' on. UDP sockets and streams in JavaScript have no TCP statistics; in place of the proxy that an HTTP/2 session calls its socket, pass the socket that its createConnection made or its server accepted.`,
  }
}

/** (A class can have any name, and a proxy none.) */
function kindOf(value: unknown): string {
  try {
    const name = (value as object | null | undefined)?.constructor?.name
    return typeof name === 'string' && typeof value === 'object'
      ? `of class ${name}`
      : String(value === null ? value : typeof value)
  } catch {
    return 'an object'
  }
}

export const NOT_A_SERVER: Failure = {
  code: 'ERR_TCP_INFO_NOT_TCP',
  message:
    'This is not a net.Server (nor one of tls, http, https or http2, which are such).',
}

export const NOT_TCP: Failure = {
  code: 'ERR_TCP_INFO_NOT_TCP',
  message:
    'This socket is not TCP but a pipe, a Unix domain socket or a stream in JavaScript, for which the kernel keeps no TCP statistics.',
}

export const NEVER_OPENED: Failure = {
  code: 'ERR_TCP_INFO_NOT_CONNECTED',
  message:
    'The kernel has no socket for this connection yet: connect() was not called, or the attempt has not begun (the host name is being looked up, or the tick is not over). Read after the "connect" event.',
}

export const UNCONNECTED: Failure = {
  code: 'ERR_TCP_INFO_NOT_CONNECTED',
  message:
    'Windows gives no TCP statistics for this socket: it is still connecting, or it listens, or its connection is over. Read between the "connect" and "end" events.',
}

export const NOT_LISTENING: Failure = {
  code: 'ERR_TCP_INFO_NOT_CONNECTED',
  message:
    'The server has no listening socket in this process: listen() was not called, it was closed, or the primary process of a cluster listens for it.',
}

export const ENDED_UNOPENED: Failure = {
  code: 'ERR_TCP_INFO_NOT_CONNECTED',
  message:
    'The connection ended before the kernel had a socket for it (a failed name lookup, a blocked address, or destroy() right after connect()), so there was nothing to read.',
}

export const CLOSED: Failure = {
  code: 'ERR_TCP_INFO_CLOSED',
  message:
    'The socket is closed and no record was taken before: the kernel forgets a connection when its descriptor is closed. Use a TcpInfoSocket, or instrument() the socket while it is open, to keep the last record.',
}

export const NO_CALL: Failure = {
  code: 'ERR_TCP_INFO_UNSUPPORTED',
  message: `No TCP statistics are available on ${here}: this operating system, or this version of it, has no call for them that is known here. Linux, macOS 10.11 and Windows 10 1703 or later have one.`,
}

const { deno } = process.versions
const runtime = deno ? `Deno ${deno}` : `Node ${process.version}`

export const NO_DESCRIPTOR: Failure = {
  code: 'ERR_TCP_INFO_UNSUPPORTED',
  message: `The descriptor of a socket could not be found in ${runtime}: its internals differ from what this version of tcpinfo-socket knows. Sockets work as usual; look for a newer version of tcpinfo-socket.`,
}

/** What the caller gave, and nothing that somebody put into Object.prototype. */
export function ownOptions<T extends object>(options: T): T {
  return { __proto__: null, ...options }
}

export const UNINSTRUMENTED: Failure = {
  code: 'ERR_TCP_INFO_ARGUMENT',
  message:
    'This socket cannot be instrumented: it takes no properties (Object.preventExtensions, seal or freeze), or has a captureTcpInfo of its own. Use a TcpInfoSocket, or instrument() it before.',
}

export const NOT_A_RECORD: Failure = {
  code: 'ERR_TCP_INFO_ARGUMENT',
  message:
    "This is not a record. One is what captureTcpInfo(), readTcpInfo() or the event 'tcpinfo' gave.",
}

export const LOST_ITS_STRUCT: Failure = {
  code: 'ERR_TCP_INFO_ARGUMENT',
  message:
    "This is not a record as this package makes it. (A copy of one, by JSON or structuredClone, has lost the kernel's own struct.)",
}

/** Something in Node that is not as handle.ts expects. */
export function unexpected(cause: unknown): Failure {
  return {
    code: 'ERR_TCP_INFO_SYSTEM',
    message: `Reading TCP statistics failed unexpectedly (${textOf(cause)}). The socket itself is not affected. Please report this with the version of Node, ${process.version}.`,
    cause,
  }
}

/** (Anything can be thrown, and not everything has a text.) */
function textOf(thrown: unknown): string {
  try {
    return String(thrown)
  } catch {
    return `of type ${typeof thrown}`
  }
}

export const NOTHING_FILLED: Failure = {
  code: 'ERR_TCP_INFO_SYSTEM',
  message:
    'The operating system took the question for TCP statistics and answered with none. A sandbox may stand between.',
}

// The numbers of Winsock are there on Windows only.
const E: Readonly<Record<string, number | undefined>> = constants.errno

/**
 * Whether an error of Windows can mean two things: that it has no such call, and
 * that it has nothing to say of this socket.
 */
export function isAmbiguous(errno: number): boolean {
  return [E.WSAEOPNOTSUPP, E.WSAEINVAL, E.WSAENOPROTOOPT].includes(errno)
}

/** The answer to a negative result of the addon. */
export function failureOf(errno: number): Failure {
  switch (errno) {
    case E.EOPNOTSUPP: // Unix domain socket, UDP (Linux)
    case E.ENOTSOCK: // a pipe, a terminal
      return { ...NOT_TCP, errno }
    case E.ENOSYS:
    case E.ENOPROTOOPT:
      return { ...NO_CALL, errno }
    case E.EBADF:
    case E.WSAENOTSOCK:
      return { ...CLOSED, errno }
    case E.WSAENOTCONN:
      return { ...UNCONNECTED, errno }
    default:
      return {
        code: 'ERR_TCP_INFO_SYSTEM',
        message: `The operating system refused to give TCP statistics on ${here}: error ${errno} (${errorNameOf(errno) ?? 'unknown'}).${errno === E.EPERM || errno === E.EACCES ? ' A sandbox (seccomp, a container profile) seems to forbid the call.' : ''}`,
        errno,
      }
  }
}
