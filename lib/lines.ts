/** Records as text: JSON Lines, lossless and read back on any OS, and CSV. */

import { argumentError, shown } from './checks.js'
import { MAX_INFO_BYTES } from './decode/fields.js'
import { structOf } from './decode/index.js'
import { LOST_ITS_STRUCT, NOT_A_RECORD, TcpInfoError } from './errors.js'
import {
  isAmount,
  isTime,
  memberNames,
  READING,
  recordIn,
  type TcpInfo,
  type TcpInfoRecord,
  type TcpInfoTrigger,
} from './tcp-info.js'

/** A record, and which connection it is of. */
export interface TcpInfoLine {
  /** The same for all records of one connection, and of no other in the file. */
  readonly connection: string
  /** The record, whole again: `raw` too. */
  readonly info: TcpInfo
}

/**
 * One line of JSON Lines: the record's members, `connection`, and the kernel's own
 * struct (`structBytes` in base64, `release`), from which all is read back. It names
 * the addresses of both ends.
 *
 * @param connection what tells the connection from others in the same file
 * @throws {TcpInfoError} `ERR_TCP_INFO_ARGUMENT` for anything but a record of this
 *   package (a copy made by JSON or structuredClone has lost the struct), and a
 *   connection that is no string
 */
export function toJsonLine(info: TcpInfo, connection = ''): string {
  const reading = (info as Partial<TcpInfoRecord> | undefined)?.[READING]
  if (!reading) throw new TcpInfoError(LOST_ITS_STRUCT)
  checkName(connection)
  const { struct, words, at, filled } = reading
  const { release } = struct
  const structBytes = Buffer.from(
    words.buffer as ArrayBuffer,
    words.byteOffset + at,
    filled,
  ).toString('base64')
  return `${JSON.stringify({ connection, ...info, structBytes, release })}\n`
}

function checkName(connection: unknown): void {
  if (typeof connection === 'string') return
  throw argumentError(
    `The name of a connection must be a string, and was ${shown(connection)}.`,
  )
}

const TRIGGERS: readonly unknown[] = [
  'demand',
  'sample',
  'close',
  'attempt',
  'exit',
] satisfies TcpInfoTrigger[]

/**
 * Reads a line that {@link toJsonLine} wrote, on this OS or on another one. The
 * kernel's members are decoded anew from the struct.
 *
 * @throws {TcpInfoError} `ERR_TCP_INFO_FORMAT` when it holds no such record,
 *   `ERR_TCP_INFO_ARGUMENT` for anything but a string
 */
export function fromJsonLine(line: string): TcpInfoLine {
  if (typeof line !== 'string') {
    throw argumentError(`A line must be a string, and was ${shown(line)}.`)
  }
  const parsed = new Parsed(line)
  const platform = parsed.text('platform')
  const struct = structOf(platform)
  if (!struct) throw parsed.wrong('platform', 'is one without a known struct')
  const encoded = parsed.text('structBytes')
  const bytes = Buffer.from(encoded, 'base64')
  const { length } = bytes
  if (
    length === 0 ||
    length > MAX_INFO_BYTES ||
    bytes.toString('base64') !== encoded
  ) {
    throw parsed.wrong('structBytes', 'is not the base64 of a struct')
  }
  const trigger = parsed.text('trigger')
  if (!TRIGGERS.includes(trigger)) {
    throw parsed.wrong('trigger', 'is none that is known')
  }
  const words = new Uint32Array(Math.ceil(length / 8) * 2)
  new Uint8Array(words.buffer).set(bytes)
  const info = struct.decode({
    struct: { ...struct, release: parsed.optionalText('release') },
    words,
    at: 0,
    filled: length,
    addresses: {
      localAddress: parsed.optionalText('localAddress'),
      localPort: parsed.optionalNumber('localPort'),
      remoteAddress: parsed.optionalText('remoteAddress'),
      remotePort: parsed.optionalNumber('remotePort'),
    },
    trigger: trigger as TcpInfoTrigger,
    capturedAt: parsed.time('capturedAt'),
    platform: struct.platform,
    source: struct.sourceOf(length),
    appBytesRead: parsed.optionalNumber('appBytesRead'),
    appBytesWritten: parsed.optionalNumber('appBytesWritten'),
    connectDurationMs: parsed.optionalNumber('connectDurationMs'),
    errorCode: parsed.optionalText('errorCode'),
  })
  return { connection: parsed.text('connection'), info }
}

/** A line's members, each of the kind that is wanted. */
class Parsed {
  readonly #members: Readonly<Record<string, unknown>>

  constructor(line: string) {
    let value: unknown
    if (line.trim() === '') throw formatError('The line is empty.')
    try {
      value = JSON.parse(line)
    } catch (cause) {
      throw formatError(`The line is not JSON: ${excerptOf(line)}.`, cause)
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw formatError(`The line is not a JSON object: ${excerptOf(line)}.`)
    }
    this.#members = value as Record<string, unknown>
  }

  wrong(name: string, how: string): TcpInfoError {
    const { [name]: value } = this.#members
    const found = value === undefined ? '' : ` (${jsonOf(value)})`
    return formatError(`The line holds no record: "${name}" ${how}${found}.`)
  }

  text(name: string): string {
    const value = this.optionalText(name)
    if (value === undefined) throw this.wrong(name, 'is missing')
    return value
  }

  time(name: string): number {
    const value = this.#own(name)
    if (isTime(value)) return value
    throw this.wrong(name, 'is not a time')
  }

  optionalText(name: string): string | undefined {
    const value = this.#own(name)
    if (value === undefined || typeof value === 'string') return value
    throw this.wrong(name, 'is not a string')
  }

  optionalNumber(name: string): number | undefined {
    const value = this.#own(name)
    if (value === undefined || isAmount(value)) return value
    throw this.wrong(name, 'is not a number, 0 or more')
  }

  #own(name: string): unknown {
    return Object.hasOwn(this.#members, name) ? this.#members[name] : undefined
  }
}

/** (What is nested deeply JSON.parse takes, but not JSON.stringify.) */
function jsonOf(value: unknown): string {
  if (Array.isArray(value)) return '[…]'
  return typeof value === 'object' && value !== null
    ? '{…}'
    : excerptOf(String(JSON.stringify(value)))
}

function formatError(message: string, cause?: unknown): TcpInfoError {
  return new TcpInfoError({ code: 'ERR_TCP_INFO_FORMAT', message, cause })
}

const MAX_SHOWN = 60

function excerptOf(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}

/** The first line of CSV: `connection` and the names of the record's members. */
export function csvHeader(): string {
  return `connection,${memberNames().join()}\r\n`
}

/**
 * A record as a line of CSV (RFC 4180), in the order of {@link csvHeader}; what is
 * absent is empty. Without the kernel's own struct: it can't be read back.
 *
 * @param connection what tells the connection from others in the same file
 * @throws {TcpInfoError} `ERR_TCP_INFO_ARGUMENT` for anything but a record, and a
 *   connection that is no string
 */
export function toCsvLine(info: TcpInfo, connection = ''): string {
  const record = recordIn(info)
  if (!record) throw new TcpInfoError(NOT_A_RECORD)
  checkName(connection)
  const cells = memberNames().map((name) => cell(record[name]))
  return `${[cell(connection), ...cells].join()}\r\n`
}

function cell(value: unknown): string {
  if (value === undefined) return ''
  let text = String(value)
  // A spreadsheet would take it for a formula, some also after a control character
  // (OWASP ASVS 5.0, 1.2.10).
  if (typeof value === 'string' && /^[=+\-@\p{Cc}]/u.test(text))
    text = `'${text}`
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
