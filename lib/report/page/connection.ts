/** All about the chosen connection: verdict, losses, charts and values. */

import { chartsOf, drawCharts, lost } from './charts.js'
import type { Connection, Loss } from './data.js'
import { button, element, factList, pager } from './dom.js'
import {
  count,
  duration,
  instant,
  moment,
  percent,
  plural,
  text,
  wholePercents,
} from './format.js'
import { fullNameOf } from './table.js'

const PAGE_SIZE = 100

/** More would be a list that nobody reads; the charts show them all. */
const MOST_LOSSES = 12

/** Shows it in the section; what is returned takes it away again. */
export function showConnection(
  section: HTMLElement,
  connection: Connection,
): () => void {
  const { timesMs, recordCount } = connection
  const heading = element('h2', { id: 'chosen' }, fullNameOf(connection))
  const start = [heading, verdict(connection), factList(factsOf(connection))]
  if (timesMs.length < 2) {
    section.replaceChildren(
      ...start,
      element(
        'p',
        { class: 'note' },
        `No charts: there ${recordCount === 1 ? 'is only one record' : `are only ${count(recordCount)} records`} of this connection${
          recordCount > 1 ? ', of one moment' : ''
        }. Sample it while it is open to see how it went.`,
      ),
      table(connection),
    )
    return () => {}
  }
  const charts = drawCharts(connection)
  section.replaceChildren(
    ...start,
    losses(connection, charts.moveTo),
    charts.root,
    missing(connection),
    element('p', { class: 'note', id: 'keys' }, KEYS),
    table(connection),
  )
  return charts.destroy
}

const KEYS =
  'Arrow keys move the cursor from sample to sample, Page Up and Page Down by ' +
  'ten, Home and End to the ends. + and − zoom, 0 shows all; with a mouse, ' +
  'drag to zoom. Levels and bars are those of the interval before a sample.'

function verdict({ verdict }: Connection): HTMLElement {
  if (!verdict) return element('p', { class: 'verdict' }, 'No verdict.')
  const { summary, limitedBy, confidence, closed, shares } = verdict
  const percents = wholePercents(SHARES.map(([name]) => shares[name] ?? 0))
  const went = SHARES.flatMap(([, says], index) =>
    percents[index] ? [`${percents[index]} % ${says}`] : [],
  )
  return element(
    'p',
    { class: 'verdict' },
    element('strong', {}, summary || limitedBy),
    element(
      'small',
      { class: 'about' },
      [
        limitedBy && `Limited by: ${limitedBy}`,
        confidence && `confidence: ${percent(confidence)}`,
        closed && `closed by: ${closed}`,
      ]
        .filter(Boolean)
        .join(' · '),
    ),
    went.length > 0
      ? element(
          'small',
          { class: 'about' },
          `Where the time went: ${went.join(', ')}`,
        )
      : null,
  )
}

const SHARES = [
  ['idle', 'idle'],
  ['applicationWaits', 'all there was to send under way'],
  ['receiverWindow', "the peer's window full"],
  ['sendBuffer', 'the send buffer full'],
  ['network', 'waiting for the network'],
] as const

function factsOf(connection: Connection): [string, string][] {
  const { isStartKnown, id } = connection
  const facts: [string, string][] = [
    ['Our side', text(connection.local)],
    ['Peer', text(connection.remote)],
    [
      isStartKnown ? 'Start (0 s)' : 'First record (0 s)',
      moment(connection.startedAt),
    ],
    ['Duration', duration(connection.durationMs)],
    ['Records', count(connection.recordCount)],
    ['Last state', text(connection.state)],
    ['Recorded on', text(connection.system)],
    ['Id', id || '–'],
  ]
  if (connection.errorCode !== null) facts.push(['Error', connection.errorCode])
  return facts
}

function losses(
  connection: Connection,
  moveTo: (index: number) => void,
): HTMLElement | string {
  const { losses, retransmittedBefore } = connection
  const before = retransmittedBefore
    ? element(
        'p',
        {},
        `Before the first record: ${lost(retransmittedBefore, connection)}.`,
      )
    : null
  const heading = element('h3', {}, 'Where it sent again')
  if (losses.length === 0) {
    return before ? element('div', { class: 'losses' }, heading, before) : ''
  }
  const worst = [...losses].sort(bySize).slice(0, MOST_LOSSES)
  const less = losses.length - worst.length
  return element(
    'div',
    { class: 'losses' },
    heading,
    before,
    element(
      'ul',
      {},
      ...losses
        .filter((loss) => worst.includes(loss))
        .map((loss) =>
          element(
            'li',
            {},
            button(spanOf(connection, loss), () => moveTo(loss.last), {
              class: 'when',
            }),
            summaryOf(connection, loss),
          ),
        ),
    ),
    less > 0
      ? element('p', {}, `And ${count(less)} smaller, marked in the charts.`)
      : null,
    element(
      'p',
      { class: 'note' },
      element('span', { class: 'swatch loss' }),
      'retransmission or loss recovery ',
      element('span', { class: 'swatch timeout' }),
      'with a retransmission timeout',
    ),
  )
}

const bySize = (a: Loss, b: Loss): number =>
  b.timedOut.length - a.timedOut.length ||
  (b.retransmitted ?? 0) - (a.retransmitted ?? 0)

function spanOf(
  { timesMs, isStartKnown }: Connection,
  { first, last }: Loss,
): string {
  const from = first > 0 || !isStartKnown ? timesMs[Math.max(0, first - 1)] : 0
  return `${instant(from)} to ${instant(timesMs[last])}`
}

function summaryOf(
  connection: Connection,
  { retransmitted, timeouts, timedOut }: Loss,
): string {
  const parts = [
    retransmitted ? lost(retransmitted, connection) : null,
    timeouts
      ? plural(timeouts, connection.timeoutsAre)
      : timedOut.length > 0
        ? 'the peer was silent'
        : null,
  ].filter((each) => each !== null)
  return parts.join(', ') || 'loss recovery'
}

/** What this system, or this connection, does not tell. */
function missing(connection: Connection): HTMLElement | string {
  const { series } = connection
  const absent = chartsOf(connection).flatMap(({ title, lines }) => {
    const without = lines.filter(({ name }) => !series[name])
    return without.length === lines.length
      ? [title]
      : without.map(({ label }) => `${label} (${title})`)
  })
  if (absent.length === 0) return ''
  return element(
    'p',
    { class: 'note' },
    `Not in these records, so not drawn: ${absent.join('; ')}.`,
  )
}

/** The same without charts. */
function table(connection: Connection): HTMLElement {
  const { timesMs, series } = connection
  const columns = chartsOf(connection).flatMap(({ title, lines, format }) =>
    lines
      .filter(({ name }) => series[name])
      .map(({ name, label }) => ({
        name: `${title}: ${label}`,
        cell: (index: number) => format(series[name]?.[index]),
      })),
  )
  columns.unshift({ name: 'Time', cell: (index) => instant(timesMs[index]) })
  const body = element('tbody')
  const pages = pager('values', PAGE_SIZE, (from, to) => {
    const indices = Array.from(
      { length: to - from },
      (_, index) => from + index,
    )
    body.replaceChildren(
      ...indices.map((index) =>
        element(
          'tr',
          {},
          ...columns.map(({ cell }) => element('td', {}, cell(index))),
        ),
      ),
    )
  })
  const made = element(
    'details',
    {},
    element('summary', {}, 'Values as a table'),
    element(
      'div',
      {
        class: 'scroll',
        role: 'region',
        tabindex: '0',
        'aria-label': 'Values',
      },
      element(
        'table',
        {},
        element(
          'thead',
          {},
          element(
            'tr',
            {},
            ...columns.map(({ name }) => element('th', { scope: 'col' }, name)),
          ),
        ),
        body,
      ),
    ),
    pages.bar,
  )
  // Not before somebody wants it.
  made.addEventListener('toggle', () => pages.reset(timesMs.length), {
    once: true,
  })
  return made
}
