/** The summary: one row for each connection; choosing one shows its charts. */

import type { Connection } from './data.js'
import { button, element, pager } from './dom.js'
import { bytes, count, duration, percent, plural, rtt, text } from './format.js'

const PAGE_SIZE = 50

/** With fewer there is nothing to search for. */
const FILTER_FROM = 10

type Direction = 'ascending' | 'descending'

interface Column {
  readonly name: string
  /** What it is sorted by; what has none comes last in both directions. */
  readonly key: (connection: Connection) => string | number | null
  readonly cell: (connection: Connection) => string
  /** The direction of the first click. */
  readonly first: Direction
}

const number = (
  name: string,
  key: (connection: Connection) => number | null,
  format: (value: number | null) => string,
): Column => ({
  name,
  key,
  cell: (connection) => format(key(connection)),
  first: 'descending',
})

const RETRANSMITTED: Column = {
  name: 'Retransmitted',
  key: ({ retransmitRatio }) => retransmitRatio,
  cell: ({ retransmitRatio, retransmitted, retransmitUnit }) => {
    if (retransmitted === null) return percent(retransmitRatio)
    const amount =
      retransmitUnit === 'bytes' ? bytes(retransmitted) : count(retransmitted)
    return retransmitRatio === null
      ? amount
      : `${percent(retransmitRatio)} (${amount})`
  },
  first: 'descending',
}

const MEDIAN_RTT = number('RTT median', (each) => each.rttMedianUs, rtt)

const COLUMNS: readonly Column[] = [
  { name: 'Connection with', key: nameOf, cell: nameOf, first: 'ascending' },
  {
    name: 'Limited by',
    key: ({ verdict }) => verdict?.limitedBy ?? null,
    cell: ({ verdict }) => text(verdict?.limitedBy ?? null),
    first: 'ascending',
  },
  RETRANSMITTED,
  number('RTT min', (each) => each.rttMinUs, rtt),
  MEDIAN_RTT,
  number('RTT last', (each) => each.rttLastUs, rtt),
  number('Duration', (each) => each.durationMs, duration),
  number('Bytes out', (each) => each.bytesOut, bytes),
  number('Bytes in', (each) => each.bytesIn, bytes),
  {
    name: 'State',
    key: ({ state }) => state,
    cell: ({ state }) => text(state),
    first: 'ascending',
  },
]

function nameOf({ remote, id }: Connection): string {
  return remote ?? (id || 'unknown')
}

/** Both ports: which of them was connected to the records may not tell. */
export function fullNameOf(connection: Connection): string {
  const { localPort } = connection
  const name = nameOf(connection)
  return localPort === null ? name : `${name} (our port ${localPort})`
}

/** The worst on top. */
function byDefault(a: Connection, b: Connection): number {
  return (
    compare(RETRANSMITTED, 'descending', a, b) ||
    // Where no ratio tells, as in an attempt that was refused.
    compare({ key: (each) => each.retransmitted }, 'descending', a, b) ||
    compare(MEDIAN_RTT, 'descending', a, b)
  )
}

function compare(
  { key }: Pick<Column, 'key'>,
  direction: Direction,
  a: Connection,
  b: Connection,
): number {
  const [left, right] = [key(a), key(b)]
  if (left === null || right === null) {
    return Number(left === null) - Number(right === null)
  }
  const order =
    typeof left === 'number' && typeof right === 'number'
      ? left - right
      : collator.compare(String(left), String(right))
  return direction === 'ascending' ? order : -order
}

const collator = new Intl.Collator('en', { numeric: true })

export function connectionTable(
  connections: readonly Connection[],
  onChoose: (connection: Connection) => void,
): HTMLElement {
  const worstFirst = [...connections].sort(byDefault)
  let column: Column = RETRANSMITTED
  let direction: Direction = 'descending'
  let wanted = ''
  let shown: readonly Connection[] = worstFirst
  let chosen = worstFirst[0]

  const headings = COLUMNS.map((each) =>
    element(
      'th',
      { scope: 'col' },
      button(each.name, () => sortBy(each), { class: 'sort' }),
    ),
  )
  const body = element('tbody')
  const pages = pager('connections', PAGE_SIZE, (from, to) => {
    body.replaceChildren(...shown.slice(from, to).map(row))
  })
  const found = element('span', { 'aria-live': 'polite', class: 'note' })

  function row(connection: Connection): HTMLElement {
    const isChosen = connection === chosen
    const name = button(nameOf(connection), () => choose(connection), {
      class: 'choose',
      'aria-pressed': String(isChosen),
    })
    const from =
      connection.local &&
      element('small', { class: 'from' }, `our side: ${connection.local}`)
    const cells = COLUMNS.map((each, index) =>
      index === 0
        ? element('th', { scope: 'row' }, name, from)
        : element('td', {}, each.cell(connection)),
    )
    const made = element('tr', {}, ...cells)
    made.addEventListener('click', ({ target }) => {
      if (target !== name && getSelection()?.isCollapsed) choose(connection)
    })
    return made
  }

  function choose(connection: Connection): void {
    const rows = [...body.rows]
    rows.forEach((each) => {
      each.querySelector('button')?.setAttribute('aria-pressed', 'false')
    })
    chosen = connection
    const from = shown.indexOf(connection)
    rows[from % PAGE_SIZE]
      ?.querySelector('button')
      ?.setAttribute('aria-pressed', 'true')
    onChoose(connection)
  }

  function sortBy(next: Column): void {
    direction =
      next === column
        ? direction === 'ascending'
          ? 'descending'
          : 'ascending'
        : next.first
    column = next
    update()
  }

  function update(): void {
    COLUMNS.forEach((each, index) => {
      if (each === column) headings[index]?.setAttribute('aria-sort', direction)
      else headings[index]?.removeAttribute('aria-sort')
    })
    shown = worstFirst
      .filter((each) => textOf(each).includes(wanted))
      .sort((a, b) => compare(column, direction, a, b))
    found.textContent =
      wanted === '' ? '' : `${plural(shown.length, 'connections')} found`
    pages.reset(shown.length)
  }

  update()
  if (chosen) onChoose(chosen)

  const filter = element('input', { type: 'search', id: 'filter' })
  filter.addEventListener('input', () => {
    wanted = filter.value.toLowerCase()
    update()
  })
  const search = element(
    'div',
    { class: 'search' },
    element('label', { for: 'filter' }, 'Find'),
    filter,
    found,
  )
  return element(
    'section',
    { 'aria-labelledby': 'summary' },
    element('h2', { id: 'summary' }, 'Connections'),
    connections.length > FILTER_FROM ? search : null,
    element(
      'div',
      {
        class: 'scroll',
        role: 'region',
        tabindex: '0',
        'aria-label': 'Table of connections',
      },
      element(
        'table',
        { class: 'summary' },
        element('thead', {}, element('tr', {}, ...headings)),
        body,
      ),
    ),
    pages.bar,
  )
}

/** What can be found. */
function textOf({
  id,
  local,
  remote,
  state,
  errorCode,
  verdict,
}: Connection): string {
  const said = [verdict?.limitedBy, verdict?.summary, verdict?.closed]
  return [id, local, remote, state, errorCode, ...said].join('\n').toLowerCase()
}
