/** `tcpinfo watch`: one connection while it is in use. */

import type { IncomingMessage } from 'node:http'
import { retransmitRatioOf } from '../derived.js'
import { explain, sample, type TcpInfo, type TcpInfoSample } from '../index.js'
import { labelled, ms, percent, rate, size, us } from './format.js'
import type { Target } from './target.js'
import { type Onlooker, type Outcome, probe, type Socket } from './transfer.js'

export interface WatchOptions {
  readonly timeoutMs: number
  readonly insecure: boolean
  readonly intervalMs: number
  readonly durationMs: number | undefined
}

/** Prints while it watches; what there is to say at the end is the Outcome's. */
export async function watch(
  target: Target,
  options: WatchOptions,
  stream: NodeJS.WriteStream,
): Promise<Outcome> {
  const { timeoutMs, insecure } = options
  const watcher = new Watcher(options, stream)
  const outcome = await probe(target, timeoutMs, insecure, watcher)
  if (watcher.samples.length > 0) {
    stream.write(`\n${explain(watcher.samples).summary}\n\n`)
  }
  return outcome
}

/** Of more the verdict is that of the newest. */
const MAX_SAMPLES = 10_000

/** What is shown of one sample. */
interface Glance {
  /** Since it is watched. */
  readonly elapsedMs: number
  readonly info: TcpInfo
  readonly receivedPerSec: number | undefined
  readonly sentPerSec: number | undefined
  /** Segments or, where those are not counted, bytes; since the one before. */
  readonly retransmittedSince: number | undefined
  readonly retransmitRatio: number | undefined
  /** How much of the answer has arrived, where its length was announced. */
  readonly progress: number | undefined
}

interface View {
  show(glance: Glance): void
}

class Watcher implements Onlooker {
  readonly #options: WatchOptions
  readonly #view: View
  readonly #stream: NodeJS.WriteStream
  readonly samples: TcpInfoSample[] = []
  #answerBytes: number | undefined
  #answerRead = 0
  readonly #startMs = performance.now()

  constructor(options: WatchOptions, stream: NodeJS.WriteStream) {
    this.#options = options
    this.#stream = stream
    this.#view = stream.isTTY ? new Picture(stream) : new Lines(stream)
  }

  onSocket(socket: Socket, finish: () => void): void {
    const { intervalMs, durationMs } = this.#options
    // The samples are why the process is alive, but they don't keep it so.
    const alive = setInterval(() => {}, 2 ** 30)
    const end =
      durationMs === undefined ? undefined : setTimeout(finish, durationMs)
    process.on('SIGINT', finish)
    // Whoever does not read to the end (tcpinfo watch | head) has what they wanted.
    this.#stream.on('error', finish)
    socket.once('close', () => {
      clearInterval(alive)
      clearTimeout(end)
      process.off('SIGINT', finish)
    })
    sample(socket, { intervalMs, appBytes: true }).on('sample', (each) => {
      this.samples.push(each)
      if (this.samples.length > MAX_SAMPLES) this.samples.shift()
      this.#view.show(this.#read(each))
    })
  }

  onResponse(response: IncomingMessage): void {
    const length = Number(response.headers['content-length'])
    if (length > 0) this.#answerBytes = length
    response.on('data', (data) => {
      this.#answerRead += data.length
    })
  }

  #read({ info, delta, atMs }: TcpInfoSample): Glance {
    const { durationMs = 0, counters } = delta
    // What came in the moment before the end is no rate.
    const isShort = durationMs < this.#options.intervalMs / 2
    const perSecond = isShort ? undefined : delta.perSecond
    return {
      elapsedMs: Math.max(0, atMs - this.#startMs),
      info,
      receivedPerSec: perSecond?.bytesReceived,
      sentPerSec: perSecond?.bytesSent,
      retransmittedSince:
        counters.segmentsRetransmitted ?? counters.bytesRetransmitted,
      retransmitRatio: retransmitRatioOf(info),
      progress:
        this.#answerBytes === undefined
          ? undefined
          : this.#answerRead / this.#answerBytes,
    }
  }
}

const ABSENT = '-'

/** For pipes and files: one line for each glance, in columns. */
class Lines implements View {
  readonly #stream: NodeJS.WriteStream
  #isFirst = true

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show(glance: Glance): void {
    if (this.#isFirst) this.#print(COLUMNS.map(([name]) => name))
    this.#isFirst = false
    this.#print(COLUMNS.map(([, , value]) => value(glance)))
  }

  #print(cells: readonly (string | undefined)[]): void {
    const padded = cells.map((cell = ABSENT, i) =>
      cell.padStart((COLUMNS[i] as (typeof COLUMNS)[number])[1]),
    )
    this.#stream.write(`${padded.join('  ').trimEnd()}\n`)
  }
}

type Column = readonly [
  name: string,
  width: number,
  value: (glance: Glance) => string | undefined,
]

const COLUMNS: readonly Column[] = [
  ['time', 8, ({ elapsedMs }) => seconds(elapsedMs)],
  ['state', 11, ({ info }) => info.state],
  ['received', 10, ({ info }) => size(info.bytesReceived)],
  ['in', 12, ({ receivedPerSec }) => rate(receivedPerSec)],
  ['sent', 10, ({ info }) => size(info.bytesSent)],
  ['out', 12, ({ sentPerSec }) => rate(sentPerSec)],
  ['RTT', 8, ({ info }) => us(info.rttUs)],
  ['cwnd', 10, ({ info }) => size(info.cwndBytes)],
  ['in flight', 10, ({ info }) => size(info.bytesInFlight)],
  ['retransmitted', 13, ({ retransmitRatio }) => percent(retransmitRatio)],
  ['done', 6, ({ progress }) => percent(progress)],
]

/** For a terminal: a picture of the last minutes, drawn anew over the one before. */
class Picture implements View {
  readonly #stream: NodeJS.WriteStream
  readonly #glances: Glance[] = []
  #height = 0

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  show(glance: Glance): void {
    this.#glances.push(glance)
    // More than any terminal is wide.
    if (this.#glances.length > 500) this.#glances.shift()
    // A terminal that was not told its width says 0.
    const columns = this.#stream.columns || 80
    const lines = [
      title(glance),
      ...CURVES.map((curve) => this.#line(curve, columns)),
    ].map((line) => line.slice(0, columns - 1))
    const back = this.#height ? `\x1b[${this.#height}A\r\x1b[J` : ''
    this.#stream.write(`${back}${lines.join('\n')}\n`)
    this.#height = lines.length
  }

  #line([name, value, text]: Curve, columns: number): string {
    const glance = this.#glances.at(-1) as Glance
    const label = `${name.padEnd(LABEL_WIDTH)}${(text(glance) ?? ABSENT).padEnd(TEXT_WIDTH)}`
    const room = Math.max(0, Math.min(80, columns - 1 - label.length))
    const shown = room > 0 ? this.#glances.slice(-room) : []
    return `${label}${sparkline(shown.map(value))}`
  }
}

const LABEL_WIDTH = 14
const TEXT_WIDTH = 26

type Curve = readonly [
  name: string,
  value: (glance: Glance) => number | undefined,
  text: (glance: Glance) => string | undefined,
]

const CURVES: readonly Curve[] = [
  [
    'received',
    ({ receivedPerSec }) => receivedPerSec,
    ({ receivedPerSec, info }) =>
      both(rate(receivedPerSec), size(info.bytesReceived)),
  ],
  [
    'sent',
    ({ sentPerSec }) => sentPerSec,
    ({ sentPerSec, info }) => both(rate(sentPerSec), size(info.bytesSent)),
  ],
  [
    'round trip',
    ({ info }) => info.rttUs,
    ({ info }) => both(us(info.rttUs), labelled('min', us(info.minRttUs))),
  ],
  [
    'congestion w.',
    ({ info }) => info.cwndBytes,
    ({ info }) => size(info.cwndBytes),
  ],
  [
    'in flight',
    ({ info }) => info.bytesInFlight,
    ({ info }) => size(info.bytesInFlight),
  ],
  [
    'retransmitted',
    ({ retransmittedSince }) => retransmittedSince,
    ({ info, retransmitRatio }) =>
      both(
        info.segmentsRetransmitted === undefined
          ? size(info.bytesRetransmitted)
          : `${info.segmentsRetransmitted}`,
        percent(retransmitRatio),
      ),
  ],
]

function title({ info, elapsedMs, progress }: Glance): string {
  const { remoteAddress, remotePort, state } = info
  const parts = [
    `${remoteAddress ?? ABSENT} port ${remotePort ?? ABSENT}`,
    state ?? ABSENT,
    seconds(elapsedMs),
    progress === undefined ? undefined : `${percent(progress)} of the answer`,
  ]
  return parts.filter((part) => part !== undefined).join(', ')
}

const BARS = '▁▂▃▄▅▆▇█'

/** From 0 to the largest; a blank where there is no value. */
export function sparkline(values: readonly (number | undefined)[]): string {
  const most = Math.max(...values.map((value) => value ?? 0))
  return values
    .map((value) => {
      if (value === undefined) return ' '
      const level = most > 0 ? Math.round((value / most) * 7) : 0
      return BARS[level]
    })
    .join('')
}

function seconds(elapsedMs: number): string {
  return elapsedMs < 1000
    ? (ms(Math.round(elapsedMs)) as string)
    : `${(elapsedMs / 1000).toFixed(1)} s`
}

function both(
  first: string | undefined,
  second: string | undefined,
): string | undefined {
  return second === undefined ? first : `${first ?? ABSENT} (${second})`
}
