/** What the argument of `tcpinfo probe` and `tcpinfo watch` means. */

import { statSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { EXIT, UsageError } from './failure.js'

export interface Target {
  /** As given, without user and password. */
  readonly text: string
  readonly host: string
  readonly port: number
  /** For HTTP; a plain TCP connection has none. */
  readonly url?: URL
}

const EXAMPLES =
  'Give a URL (https://example.com/), host:port or [IPv6 address]:port.'

export function parseTarget(text: string): Target {
  const shown = withoutPassword(text)
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === 'http' || scheme === 'https') return parseUrl(text, shown)
  refuseOtherTransports(text, shown)
  if (scheme !== undefined && scheme !== 'tcp') {
    throw new UsageError(
      `"${scheme}://" is not known here, only http:// and https:// are`,
      'For a plain TCP connection give host:port.',
    )
  }
  return parseHostAndPort(text.replace(/^tcp:\/\//i, ''), shown)
}

/**
 * A target fit to be shown, be it valid or not: user and password, up to the last @
 * of the authority, are ***. What is no URL may be none because its password has a
 * slash in it, so that there the last @ of all counts.
 */
export function withoutPassword(text: string): string {
  return text.replace(
    URL.canParse(text) ? /^([^/@]*\/+|)[^/?#]*@/ : /^([^/@]*\/\/|).*@/s,
    '$1***@',
  )
}

function parseUrl(text: string, shown: string): Target {
  if (!URL.canParse(text)) {
    throw new UsageError(`"${shown}" is not a valid URL`, EXAMPLES)
  }
  const url = new URL(text)
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  checkPort(port)
  return {
    text: shown,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port,
    url,
  }
}

function parseHostAndPort(text: string, shown: string): Target {
  const [, bracketed, bare, digits] =
    /^(?:\[([^\]]+)\]|([^\s:/@[\]]+)):(\d+)\/?$/.exec(text) ?? []
  const host = bracketed ?? bare
  if (host === undefined || (bracketed && !isIPv6(bracketed))) {
    throw new UsageError(`"${shown}" names no host and port`, EXAMPLES)
  }
  const port = Number(digits)
  checkPort(port)
  return { text: shown, host, port }
}

function checkPort(port: number): void {
  if (port >= 1 && port <= 65535) return
  throw new UsageError(`${port} is not a port`, 'Ports go from 1 to 65535.')
}

function refuseOtherTransports(text: string, shown: string): void {
  const kind = /^(udp|quic):/i.test(text)
    ? 'UDP'
    : /^(npipe|pipe):|^\\\\/i.test(text)
      ? 'a named pipe'
      : /^(unix|file):|^[/.~]|^[a-z]:\\/i.test(text) || isSocketFile(text)
        ? 'a Unix domain socket or a file'
        : undefined
  if (kind === undefined) return
  throw new UsageError(
    `"${shown}" is ${kind}, not TCP`,
    EXAMPLES,
    EXIT.notTcp,
    'ERR_TCP_INFO_NOT_TCP',
  )
}

function isSocketFile(path: string): boolean {
  try {
    return statSync(path).isSocket()
  } catch {
    return false
  }
}
