/** What is printed: the text for people and the JSON object for programs. */

import { STATUS_CODES } from 'node:http'
import { structOf } from '../decode/index.js'
import { hostAndPort } from '../derived.js'
import type { TcpInfo } from '../index.js'
import type { CommandFailure } from './failure.js'
import { count, labelled, ms, number, printable, size, us } from './format.js'
import type { Outcome } from './transfer.js'

/**
 * A line. One without a value is left out, as not every OS has every value; one
 * of those that all have is shown as absent.
 */
type Row = readonly [
  label: string,
  value: string | undefined,
  when?: 'always' | undefined,
]

/** Lines by the name of their group. */
type Groups = Readonly<Record<string, readonly Row[]>>

const ABSENT = '-'
const GROUP_WIDTH = 17
const LABEL_WIDTH = 18

export function textOf(outcome: Outcome): string {
  const { info, connectMs } = outcome
  if (connectMs !== undefined) {
    return page(outcome, {
      ...answer(outcome),
      ...connection(outcome),
      ...bytes(outcome),
      ...(info && traffic(info)),
      ...(info && estimates(info)),
    })
  }
  // Of a connection that never came about the kernel has only initial values
  // for the rest.
  return info ? page(outcome, { ...connection(outcome), ...traffic(info) }) : ''
}

export function jsonOf(outcome: Outcome): object {
  const { target, status, ageMs, connectMs, info, failure } = outcome
  return {
    target,
    status,
    ageMs: rounded(ageMs),
    // A record has these itself.
    transfer:
      info || connectMs === undefined
        ? undefined
        : {
            connectMs: rounded(connectMs),
            bytesRead: outcome.bytesRead,
            bytesWritten: outcome.bytesWritten,
          },
    ...(failure && failureJson(failure)),
    tcpInfo: info,
    raw: info?.raw,
  }
}

export function failureJson({ code, message, errno }: CommandFailure): object {
  return { error: { code, message, errno } }
}

export function stringify(value: object): string {
  const text = JSON.stringify(value, (_, member) =>
    typeof member === 'bigint' ? String(member) : member,
  )
  // Those that steer a terminal and that JSON lets pass.
  const shown = text.replace(
    /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${shown}\n`
}

export function failureText(
  target: string | undefined,
  { message, hint }: CommandFailure,
): string {
  const about = target === undefined ? '' : `${target}: `
  const lines = [`tcpinfo: ${about}${message}`, ...(hint ? [hint] : [])]
  return lines.map((line) => `${printable(line)}\n`).join('')
}

function page(outcome: Outcome, groups: Groups): string {
  const lines = Object.entries(groups).flatMap(([group, rows]) =>
    rows
      .filter(([, value, when]) => value !== undefined || when)
      .map(
        ([label, value = ABSENT], index) =>
          (index === 0 ? group : '').padEnd(GROUP_WIDTH) +
          label.padEnd(LABEL_WIDTH) +
          value,
      ),
  )
  return `${[title(outcome), '', ...lines].join('\n')}\n`
}

function title({ info, peer }: Outcome): string {
  if (!info) return `${peer} (no TCP statistics)`
  const local = endpoint(info.localAddress, info.localPort)
  const remote = endpoint(info.remoteAddress, info.remotePort) ?? peer
  const both = local === undefined ? remote : `${local} -> ${remote}`
  return `${both} (${info.source}, ${info.platform})`
}

function answer({ status }: Outcome): Groups {
  if (status === undefined) return {}
  return {
    Answer: [['HTTP status', `${status} ${STATUS_CODES[status] ?? ''}`.trim()]],
  }
}

function connection(outcome: Outcome): Groups {
  const { info, connectMs, ageMs, isNamed } = outcome
  const toConnect = ms(info?.connectDurationMs ?? connectMs)
  return {
    Connection: [
      ['state', info?.state, info && 'always'],
      [
        'time to connect',
        isNamed ? noted(toConnect, '(with the name lookup)') : toConnect,
        'always',
      ],
      info?.connectionAgeMs === undefined
        ? ['age', noted(ms(ageMs), '(by the clock of this command)')]
        : ['age', noted(ms(info.connectionAgeMs), "(by the kernel's clock)")],
    ],
  }
}

function bytes(outcome: Outcome): Groups {
  const { info, isTls, isBeforeTls } = outcome
  const known = info && 'always'
  const read = info?.appBytesRead ?? outcome.bytesRead
  const written = info?.appBytesWritten ?? outcome.bytesWritten
  const received = count(info?.bytesReceived)
  const ofProgram = (bytes: number) =>
    isTls ? noted(count(bytes), 'inside TLS') : count(bytes)
  return {
    Bytes: [
      [
        'kernel received',
        !isTls && info && hasFin(info)
          ? list(received, "1 of it the peer's FIN")
          : received,
        known,
      ],
      ['program read', ofProgram(read)],
      ['kernel sent', count(info?.bytesSent), known],
      [
        'program wrote',
        isBeforeTls
          ? noted(count(written), 'not sent: TLS was not set up')
          : ofProgram(written),
      ],
    ],
  }
}

/** Where a FIN counts as a byte and all was read, one too many gives it away. */
function hasFin(info: TcpInfo): boolean {
  const { bytesReceived = 0, appBytesRead = 0 } = info
  return (
    structOf(info.platform)?.countsFin === true &&
    info.state !== 'ESTABLISHED' &&
    bytesReceived === appBytesRead + 1
  )
}

function traffic(info: TcpInfo): Groups {
  return {
    Segments: [
      [
        'received',
        list(
          number(info.segmentsIn),
          noted(number(info.dataSegmentsIn), 'with data'),
        ),
      ],
      [
        'sent',
        list(
          number(info.segmentsOut),
          noted(number(info.dataSegmentsOut), 'with data'),
        ),
      ],
    ],
    Retransmissions: [
      ['segments', number(info.segmentsRetransmitted)],
      ['SYN segments', number(info.synRetransmits)],
      ['bytes', count(info.bytesRetransmitted), 'always'],
      ['fast retransmits', number(info.fastRetransmits)],
      info.rtoCount === undefined
        ? ['timeout episodes', number(info.rtoEpisodes)]
        : ['timeouts', number(info.rtoCount)],
    ],
  }
}

function estimates(info: TcpInfo): Groups {
  return {
    'Round trip': [
      [
        'smoothed',
        list(us(info.rttUs), labelled('deviation', us(info.rttVarUs))),
        'always',
      ],
      ['smallest', us(info.minRttUs)],
      ['latest', us(info.latestRttUs)],
    ],
    Windows: [
      [
        'congestion',
        list(
          size(info.cwndBytes),
          noted(number(info.cwndSegments), 'segments'),
        ),
        'always',
      ],
      ['slow start up to', size(info.ssthreshBytes)],
      ["the peer's", size(info.sndWndBytes), 'always'],
      ['ours', size(info.rcvWndBytes), 'always'],
    ],
    Path: [
      [
        'segment size',
        list(
          noted(number(info.sendMssBytes), 'bytes'),
          labelled('path MTU', number(info.pmtuBytes)),
        ),
      ],
      ['options', options(info)],
    ],
  }
}

function options(info: TcpInfo): string | undefined {
  const known = [
    ['timestamps', info.timestamps],
    ['SACK', info.sack],
    ['window scaling', info.windowScaling],
    ['ECN', info.ecnNegotiated],
  ] as const
  if (known.every(([, used]) => used === undefined)) return undefined
  const used = known.filter(([, isUsed]) => isUsed).map(([name]) => name)
  return used.join(', ') || 'none'
}

function endpoint(
  address: string | undefined,
  port: number | undefined,
): string | undefined {
  // (A socket that could not even try has neither, or all zeros.)
  return address === undefined || !port ? undefined : hostAndPort(address, port)
}

function noted(value: string | undefined, note: string): string | undefined {
  return value === undefined ? undefined : `${value} ${note}`
}

function list(...parts: (string | undefined)[]): string | undefined {
  return parts.filter((part) => part !== undefined).join(', ') || undefined
}

/** Microseconds are as fine as our clock is worth. */
const rounded = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : Math.round(value * 1000) / 1000
