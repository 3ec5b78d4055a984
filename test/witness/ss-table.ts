/** What ss(8) prints (tcp_show_info in iproute2's misc/ss.c), in our terms. */

import type { TcpInfo } from '../../lib/tcp-info.js'
import type { TcpState } from '../../lib/tcp-state.js'
import type { Plain, SsAnswer, Testimony } from '../support/witness.mjs'

/** ss's numbers, in its order; [] for a bare word; undefined for silence. */
type Expected = readonly (number | undefined)[] | undefined
type Row = (record: TcpInfo, raw: Plain['raw']) => Expected

const ms = (us: number | undefined): number | undefined =>
  us === undefined ? undefined : us / 1000

const wholeMs = (us: number | undefined): number | undefined =>
  us === undefined ? undefined : Math.trunc(us / 1000)

const bits = (bytes: number | undefined): number | undefined =>
  bytes === undefined ? undefined : bytes * 8

const word = (flag: boolean | undefined): Expected => (flag ? [] : undefined)

/** What the record has, under the name that ss gives it. */
const inRecord: Readonly<Record<string, Row>> = {
  ts: ({ timestamps }) => word(timestamps),
  sack: ({ sack }) => word(sack),
  ecn: ({ ecnNegotiated }) => word(ecnNegotiated),
  wscale: ({ windowScaling, sndWscale, rcvWscale }) =>
    windowScaling ? [sndWscale, rcvWscale] : undefined,
  rto: ({ rtoUs }) => [ms(rtoUs)],
  rtt: ({ rttUs, rttVarUs }) =>
    rttUs === undefined ? undefined : [ms(rttUs), ms(rttVarUs)],
  mss: ({ sendMssBytes }) => [sendMssBytes],
  pmtu: ({ pmtuBytes }) => [pmtuBytes],
  cwnd: ({ cwndSegments }) => [cwndSegments],
  ssthresh: ({ ssthreshBytes, sendMssBytes }) =>
    ssthreshBytes === undefined || sendMssBytes === undefined
      ? undefined
      : [ssthreshBytes / sendMssBytes],
  bytes_sent: ({ bytesSent }) => [bytesSent],
  bytes_retrans: ({ bytesRetransmitted }) => [bytesRetransmitted],
  bytes_acked: ({ bytesAcked }) => [bytesAcked],
  bytes_received: ({ bytesReceived }) => [bytesReceived],
  segs_out: ({ segmentsOut }) => [segmentsOut],
  segs_in: ({ segmentsIn }) => [segmentsIn],
  data_segs_out: ({ dataSegmentsOut }) => [dataSegmentsOut],
  data_segs_in: ({ dataSegmentsIn }) => [dataSegmentsIn],
  send: ({ cwndBytes, rttUs }) =>
    cwndBytes === undefined || rttUs === undefined
      ? undefined
      : [Math.round((cwndBytes * 8e6) / rttUs)],
  // Of what has never happened ss tells how long ago the connection began.
  lastsnd: ({ dataSentAgoMs, dataSegmentsOut }, raw) => [
    dataSegmentsOut === 0 ? raw.tcpi_last_data_sent : dataSentAgoMs,
  ],
  lastrcv: ({ dataReceivedAgoMs, dataSegmentsIn }, raw) => [
    dataSegmentsIn === 0 ? raw.tcpi_last_data_recv : dataReceivedAgoMs,
  ],
  lastack: ({ ackReceivedAgoMs, segmentsIn }, raw) => [
    segmentsIn === 0 ? raw.tcpi_last_ack_recv : ackReceivedAgoMs,
  ],
  pacing_rate: ({ pacingRateBytesPerSec, maxPacingRateBytesPerSec }) =>
    maxPacingRateBytesPerSec === undefined
      ? [bits(pacingRateBytesPerSec)]
      : [bits(pacingRateBytesPerSec), bits(maxPacingRateBytesPerSec)],
  delivery_rate: ({ deliveryRateBytesPerSec }) => [
    bits(deliveryRateBytesPerSec),
  ],
  // Without a rate the flag qualifies nothing, and the record leaves it out.
  app_limited: ({ deliveryRateBytesPerSec, deliveryRateAppLimited }, raw) =>
    word(
      deliveryRateBytesPerSec === undefined
        ? raw.tcpi_delivery_rate_app_limited === 1
        : deliveryRateAppLimited,
    ),
  delivered_ce: ({ segmentsDeliveredCe }) => [segmentsDeliveredCe],
  busy: ({ busyUs }) => (busyUs === 0 ? undefined : [wholeMs(busyUs)]),
  rwnd_limited: ({ rwndLimitedUs }) =>
    rwndLimitedUs === 0 ? undefined : [wholeMs(rwndLimitedUs)],
  sndbuf_limited: ({ sndbufLimitedUs }) =>
    sndbufLimitedUs === 0 ? undefined : [wholeMs(sndbufLimitedUs)],
  unacked: ({ segmentsInFlight }) => [segmentsInFlight],
  retrans: ({ segmentsRetransmitted }, raw) => [
    raw.tcpi_retrans,
    segmentsRetransmitted,
  ],
  dsack_dups: ({ spuriousRetransmits }) => [spuriousRetransmits],
  reord_seen: ({ reorderingEvents }) => [reorderingEvents],
  rcv_rtt: ({ rcvRttUs }) => [ms(rcvRttUs)],
  notsent: ({ notSentBytes }) => [notSentBytes],
  minrtt: ({ minRttUs }) => [ms(minRttUs)],
  rcv_ooopack: ({ outOfOrderPacketsIn }) => [outOfOrderPacketsIn],
  snd_wnd: ({ sndWndBytes }) => [sndWndBytes],
  rcv_wnd: ({ rcvWndBytes }) => [rcvWndBytes],
}

const OPT_ECN_SEEN = 16
const OPT_SYN_DATA = 32
const OPT_USEC_TS = 64

const option =
  (bit: number): Row =>
  (_, { tcpi_options: options }) =>
    word(options !== undefined && (options & bit) !== 0)

/** What only `raw` has. */
const inRawOnly: Readonly<Record<string, Row>> = {
  ecnseen: option(OPT_ECN_SEEN),
  fastopen: option(OPT_SYN_DATA),
  usec_ts: option(OPT_USEC_TS),
  backoff: (_, raw) => [raw.tcpi_backoff],
  ato: (_, raw) => [ms(raw.tcpi_ato)],
  rcvmss: (_, raw) => [raw.tcpi_rcv_mss],
  advmss: (_, raw) => [raw.tcpi_advmss],
  delivered: (_, raw) => [raw.tcpi_delivered],
  lost: (_, raw) => [raw.tcpi_lost],
  sacked: (_, raw) => [raw.tcpi_sacked],
  fackets: (_, raw) => [raw.tcpi_fackets],
  reordering: (_, raw) =>
    raw.tcpi_reordering === 3 ? undefined : [raw.tcpi_reordering],
  rcv_space: (_, raw) => [raw.tcpi_rcv_space],
  rcv_ssthresh: (_, raw) => [raw.tcpi_rcv_ssthresh],
  rehash: (_, raw) => [raw.tcpi_rehash],
}

/** What ss learns from other interfaces than TCP_INFO. */
const ELSEWHERE = new Set(['skmem', 'bbr', 'timer'])

/** What ss prints since some release only; its silence proves nothing. */
const YOUNG = new Set(['rcv_wnd', 'rehash', 'usec_ts'])

/** ss omits these at values that a record does have. */
const INITIAL_RTO_MS = 3000
const LARGEST_SSTHRESH = 0xffff

/** Name and value are two words. */
const TWO_WORDS = new Set(['send', 'pacing_rate', 'delivery_rate'])

const STATES: Readonly<Record<string, TcpState>> = {
  ESTAB: 'ESTABLISHED',
  'SYN-SENT': 'SYN_SENT',
  'SYN-RECV': 'SYN_RECEIVED',
  'FIN-WAIT-1': 'FIN_WAIT_1',
  'FIN-WAIT-2': 'FIN_WAIT_2',
  'CLOSE-WAIT': 'CLOSE_WAIT',
  'LAST-ACK': 'LAST_ACK',
  CLOSING: 'CLOSING',
}

export interface SsLine {
  readonly state: string
  readonly sendQueue: number
  readonly local: string
  readonly remote: string
  readonly congestion: boolean
  /** Consecutive timeouts, where the retransmission timer runs. */
  readonly timeouts: number | undefined
  /** Numbers by name; a bare word has none. */
  readonly values: ReadonlyMap<string, readonly number[]>
}

function numbersIn(text: string): number[] {
  // The unit, or a share in brackets, may follow each.
  return text.split(/[,/]/).map((each) => Number.parseFloat(each))
}

export function parseSs({ line, congestion }: SsAnswer): SsLine {
  const words = line.split(' ')
  const [state = '', , sendQueue, local = '', remote = ''] = words.splice(0, 5)
  const values = new Map<string, number[]>()
  let hasCongestion = false
  let timeouts: number | undefined
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const colon = word.indexOf(':')
    const name = colon < 0 ? word : word.slice(0, colon)
    if (word === congestion) {
      hasCongestion = true
    } else if (TWO_WORDS.has(name)) {
      values.set(name, numbersIn(words.shift() ?? ''))
    } else if (ELSEWHERE.has(name)) {
      timeouts ??= Number(/^timer:\(on,[^,]*,(\d+)\)$/.exec(word)?.[1] ?? NaN)
    } else {
      values.set(name, colon < 0 ? [] : numbersIn(word.slice(colon + 1)))
    }
  }
  return {
    state,
    sendQueue: Number(sendQueue),
    local,
    remote,
    congestion: hasCongestion,
    timeouts: Number.isNaN(timeouts) ? undefined : timeouts,
    values,
  }
}

/** What a record leaves out until the handshake is over, where ss shows 0s or defaults. */
const NOT_BEFORE_HANDSHAKE = new Set([
  ...[
    'rtt',
    'mss',
    'cwnd',
    'lastsnd',
    'lastrcv',
    'lastack',
    'app_limited',
    'rcv_wnd',
  ],
])

function isPrinted(name: string, values: readonly number[]): boolean {
  if (name === 'rto') return values[0] !== INITIAL_RTO_MS
  if (name === 'ssthresh') return (values[0] as number) < LARGEST_SSTHRESH
  return values.length === 0 || values.some((value) => value !== 0)
}

/** printf's %g, as a number. */
const short = (value: number): number => Number(value.toPrecision(6))

function isBetween(
  said: readonly number[],
  before: readonly number[],
  after: readonly number[],
): boolean {
  return before.every((first, index) => {
    const value = said[index] as number
    const last = after[index] as number
    const isExact = Number.isInteger(value) && Number.isInteger(first)
    return isExact
      ? first <= value && value <= last
      : short(first) <= value && value <= short(last)
  })
}

function rowFault(
  name: string,
  row: Row,
  { before, after }: Testimony<unknown>,
  ss: SsLine,
): string | undefined {
  const said = ss.values.get(name)
  const first = row(before.record, before.raw)
  const last = row(after.record, after.raw)
  const ours = JSON.stringify([first, last])
  if (first === undefined || first.includes(undefined)) {
    if (ss.state === 'SYN-SENT' && NOT_BEFORE_HANDSHAKE.has(name)) return
    return said && `${name}: ss says ${said}, we nothing`
  }
  const values = first as number[]
  if (!said) {
    const mayBeSilent = YOUNG.has(name) || !isPrinted(name, values)
    return mayBeSilent ? undefined : `${name}: ss says nothing, we ${ours}`
  }
  const isSame =
    last !== undefined &&
    isBetween(said, values, last as number[]) &&
    (said.length === values.length || name.endsWith('_limited'))
  return isSame ? undefined : `${name}: ss says ${said}, we ${ours}`
}

/** "[::1]:80" or "127.0.0.1:80", as ss has it. */
function endpoint(address = '', port = 0): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}

/** In what a record differs from what ss said between its two reads. */
export function faultsOf(testimony: Testimony<SsAnswer>): string[] {
  const { record } = testimony.before
  const ss = parseSs(testimony.said)
  const faults: (string | undefined)[] = []
  const same = (name: string, ours: unknown, said: unknown): void => {
    if (ours !== said) faults.push(`${name}: ss says ${said}, we ${ours}`)
  }
  same('state', record.state, STATES[ss.state])
  same('local', endpoint(record.localAddress, record.localPort), ss.local)
  if (record.state !== 'SYN_SENT') {
    same('remote', endpoint(record.remoteAddress, record.remotePort), ss.remote)
  }
  if (ss.timeouts !== undefined) {
    same('timeouts', record.consecutiveRtos, ss.timeouts)
  }
  const rows = { ...inRecord, ...inRawOnly }
  for (const [name, row] of Object.entries(rows)) {
    faults.push(rowFault(name, row, testimony, ss))
  }
  for (const [name, values] of ss.values) {
    if (!(name in rows)) faults.push(`${name}: unknown, ${values}`)
  }
  return faults.filter((each) => each !== undefined)
}
