/** What went wrong, in words and as an exit code. */

import { constants } from 'node:os'
import type { TcpInfoError } from '../index.js'

export const EXIT = {
  ok: 0,
  usage: 2,
  name: 3,
  refused: 4,
  timeout: 5,
  failed: 6,
  notTcp: 7,
  noStatistics: 8,
  file: 9,
} as const

export interface CommandFailure {
  readonly exit: number
  readonly code: string
  /** What failed and why. */
  readonly message: string
  /** The OS's own number, where there is one. */
  readonly errno?: number | undefined
  /** What to do about it. */
  readonly hint?: string | undefined
}

/** The command line asks for something that cannot be done. */
export class UsageError extends Error implements CommandFailure {
  constructor(
    message: string,
    readonly hint: string,
    readonly exit: number = EXIT.usage,
    readonly code = 'ERR_USAGE',
  ) {
    super(message)
  }
}

/** A file of records cannot be read, or one for a report not be written. */
export class FileError extends Error implements CommandFailure {
  readonly exit = EXIT.file
  readonly code: string
  readonly hint = 'Check its name, its folder and the rights on them.'

  constructor(file: string, cause: NodeJS.ErrnoException) {
    super(`"${file}" can't be used (${cause.code ?? cause.message})`, { cause })
    this.code = cause.code ?? 'ERR_UNKNOWN'
  }
}

/** There is no report of these records. */
export class ReportError extends Error implements CommandFailure {
  readonly exit: number
  readonly code: string
  readonly hint: string | undefined

  constructor({ exit, code, message, hint }: CommandFailure) {
    super(message)
    this.exit = exit
    this.code = code
    this.hint = hint
  }
}

/** Of what only reads and writes files. Plain data, for another thread. */
export function failureOfFiles(error: Error): CommandFailure {
  const { exit, code, message, hint } = error as Error & Partial<CommandFailure>
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return { ...NO_ROOM, code }
  return exit === undefined
    ? {
        exit: EXIT.failed,
        code: code ?? 'ERR_UNKNOWN',
        message: `this command failed: ${message}`,
      }
    : { exit, code: code as string, message, hint }
}

const NO_ROOM = {
  exit: EXIT.file,
  message: 'so many records do not fit into the memory that Node takes',
  hint: 'Give it more, as by NODE_OPTIONS=--max-old-space-size=8192 (MiB), or record with a longer --interval.',
} as const

/** How far a connection has come. */
export type Phase = 'lookup' | 'connect' | 'tls' | 'answer' | 'body'

/** The time given by --timeout is over. */
export class DeadlineError extends Error {
  constructor(readonly timeoutMs: number) {
    super()
  }
}

const WAITED_FOR: Readonly<
  Record<Phase, readonly [what: string, hint: string]>
> = {
  lookup: [
    'looking up the name',
    'The name servers of this machine are slow or do not answer.',
  ],
  connect: ['connecting', 'The host is down, or a firewall drops the packets.'],
  tls: [
    'setting up TLS',
    'The server is slow, or does not speak TLS on that port.',
  ],
  answer: [
    'waiting for the answer',
    'The server is slow, or does not speak HTTP on that port.',
  ],
  body: [
    'reading the answer',
    'The server is slow, or its answer long: a longer --timeout helps.',
  ],
}

type SystemError = NodeJS.ErrnoException & {
  address?: string
  port?: number
  errors?: SystemError[]
}

/** The reasons for which OpenSSL and Node refuse a certificate. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not valid yet',
  CERT_REVOKED: 'the certificate has been revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN:
    'the certificate comes from an authority not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'the issuer of the certificate is not known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'the issuer of the certificate is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'the issuer of the certificate is not known here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name',
}

/** Of several attempts the one that says most about the server comes first. */
const TELLING: readonly number[] = [EXIT.refused, EXIT.timeout, EXIT.failed]

/** An error of net, tls or http in words. */
export function describeFailure(
  error: SystemError,
  phase: Phase,
  isCertificate: boolean,
): CommandFailure {
  const { errors: attempts = [] } = error
  const [told] = attempts
    .map((attempt) => describeOne(attempt, phase, false))
    .sort((a, b) => TELLING.indexOf(a.exit) - TELLING.indexOf(b.exit))
  if (!told) return describeOne(error, phase, isCertificate)
  const tried = attempts.map(({ address, code }) => `${address} (${code})`)
  return { ...told, message: `${told.message}; tried ${tried.join(', ')}` }
}

function describeOne(
  error: SystemError,
  phase: Phase,
  isCertificate: boolean,
): CommandFailure {
  if (error instanceof DeadlineError) {
    const [what, hint] = WAITED_FOR[phase]
    const seconds = error.timeoutMs / 1000
    const message = `timed out after ${seconds} s while ${what}`
    return { exit: EXIT.timeout, code: 'ETIMEDOUT', message, hint }
  }
  const { code = 'ERR_UNKNOWN' } = error
  const told = { error, code, phase, isCertificate }
  const reason = REASONS.find(({ when }) => when(told))
  return {
    exit: reason?.exit ?? EXIT.failed,
    code,
    message: reason
      ? reason.says(told)
      : `the connection failed: ${error.message}`,
    errno: (constants.errno as Record<string, number>)[code],
    hint: reason?.hint,
  }
}

interface Told {
  readonly error: SystemError
  readonly code: string
  readonly phase: Phase
  readonly isCertificate: boolean
}

interface Reason {
  readonly when: (told: Told) => boolean
  readonly exit?: number
  readonly says: (told: Told) => string
  readonly hint: string
}

const isOneOf =
  (...codes: string[]) =>
  ({ code }: Told): boolean =>
    codes.includes(code)

const isUnreachable = isOneOf(
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
)

/** By a route of the types blackhole and prohibit (ip-route(8)). */
const isForbidden = ({ error, code }: Told): boolean =>
  error.syscall === 'connect' && (code === 'EINVAL' || code === 'EACCES')

const BROKEN_OFF =
  'The server, or something on the way to it, broke the connection off.'

/** The first that fits. */
const REASONS: readonly Reason[] = [
  {
    when: ({ error, code }) =>
      error.syscall === 'getaddrinfo' && !code.startsWith('ERR_'),
    exit: EXIT.name,
    says: ({ code }) => `the name could not be resolved (${code})`,
    hint: 'Check its spelling and the DNS settings of this machine.',
  },
  {
    when: ({ isCertificate }) => isCertificate,
    says: ({ error, code }) => `TLS failed: ${refusalOf(error)} (${code})`,
    hint: 'To probe without checking the certificate, add --insecure.',
  },
  {
    when: isOneOf('ECONNREFUSED'),
    exit: EXIT.refused,
    says: () => 'the connection was refused (ECONNREFUSED)',
    hint: 'Nothing listens on that TCP port, or a firewall rejects connections to it.',
  },
  {
    when: isOneOf('ETIMEDOUT'),
    exit: EXIT.timeout,
    says: () => 'the peer did not answer (ETIMEDOUT)',
    hint: 'A firewall may drop the packets, or the host is down.',
  },
  {
    when: (told) => isUnreachable(told) || isForbidden(told),
    says: ({ code }) => `the address cannot be reached (${code})`,
    hint: 'Check the address, and the network and routes of this machine.',
  },
  {
    // Without a system call it is Node's own: an end that came too early.
    when: ({ error, code }) => code === 'ECONNRESET' && Boolean(error.syscall),
    says: () => 'the connection was reset (ECONNRESET)',
    hint: BROKEN_OFF,
  },
  {
    when: ({ code, phase }) => code === 'ECONNRESET' && phase === 'body',
    says: () => 'the connection was closed in the middle of the answer',
    hint: BROKEN_OFF,
  },
  {
    when: ({ code, phase }) => code === 'ECONNRESET' && phase === 'tls',
    says: () => 'the server closed the connection before TLS was set up',
    hint: 'If it does not speak TLS on that port, use http://.',
  },
  {
    when: isOneOf('ECONNRESET'),
    says: () => 'the server closed the connection without an answer',
    hint: 'Check that it speaks the protocol of the URL on that port.',
  },
  {
    when: isOneOf('HPE_HEADER_OVERFLOW'),
    says: ({ code }) => `the answer's headers are too long (${code})`,
    hint: 'Node takes 16 KiB; NODE_OPTIONS=--max-http-header-size=65536 raises that.',
  },
  {
    when: ({ code }) => code.startsWith('HPE_'),
    says: ({ code }) => `the answer is not HTTP (${code})`,
    hint: 'Use https:// for a TLS port, or host:port for another protocol.',
  },
  {
    when: ({ code }) => code === 'EPROTO' || code.startsWith('ERR_SSL_'),
    says: ({ error, code }) => `TLS failed: ${reasonOf(error)} (${code})`,
    hint: 'If the server does not speak TLS on that port, use http://.',
  },
]

/** The program of `tcpinfo run` did not even start. */
export function startFailure(
  program: string,
  exit: number,
  { code = 'ERR_UNKNOWN' }: NodeJS.ErrnoException,
): CommandFailure {
  return {
    exit,
    code,
    message: `"${program}" could not be started (${code})`,
    hint: 'Give a program that is in PATH, such as: tcpinfo run -- node app.js',
  }
}

/** Why the peer's certificate does not do. */
function refusalOf(error: SystemError): string {
  const { host, cert } = error as {
    host?: string
    cert?: { subjectaltname?: string }
  }
  if (error.code !== 'ERR_TLS_CERT_ALTNAME_INVALID' || !cert?.subjectaltname) {
    return CERTIFICATE[error.code ?? ''] ?? error.message
  }
  const names = cert.subjectaltname.replaceAll('DNS:', '')
  const shown = names.length > 60 ? `${names.slice(0, 60)}...` : names
  return `the certificate is for ${shown}, not for ${host}`
}

/** OpenSSL's reason, which stands between names of its functions and files. */
function reasonOf(error: Error): string {
  const [, reason] = /:SSL routines:[^:]*:([^:]+):/.exec(error.message) ?? []
  return reason ?? error.message
}

/** The transfer went well, but there is no record of it. */
export function withoutRecord(reason: TcpInfoError): CommandFailure {
  return {
    exit: EXIT.noStatistics,
    code: reason.code,
    message: `no TCP statistics. ${reason.message}`,
    errno: reason.errno,
  }
}
