/** What runs in the report: reads the data that the page carries, and shows it. */

import { showConnection } from './connection.js'
import type { Connection, ReportData } from './data.js'
import { element, factList } from './dom.js'
import { count, duration, moment } from './format.js'
import { connectionTable } from './table.js'

const main = document.querySelector('main') as HTMLElement
const data: ReportData = JSON.parse(
  document.getElementById('data')?.textContent ?? '',
)

main.append(header(data))
if (data.connections.length === 0) {
  main.append(
    element(
      'p',
      { class: 'empty' },
      'No connections: what this report was made from holds no records. ' +
        'A connection is recorded when it is sampled, or when it closes.',
    ),
  )
} else {
  const details = element('section', { 'aria-labelledby': 'chosen' })
  let leave = (): void => {}
  main.append(
    connectionTable(data.connections, (connection: Connection) => {
      leave()
      leave = showConnection(details, connection)
    }),
    details,
  )
}

function header({
  title,
  connections,
  recordCount,
  systems,
  capturedFrom,
  capturedTo,
}: ReportData): HTMLElement {
  const facts: [string, string][] = [
    ['Connections and attempts', count(connections.length)],
    ['Records', count(recordCount)],
  ]
  if (systems.length > 0) facts.push(['Recorded on', systems.join(', ')])
  if (capturedFrom !== null && capturedTo !== null) {
    facts.push(['First record', moment(capturedFrom)])
    facts.push(['Time span', duration(capturedTo - capturedFrom)])
  }
  return element('header', {}, element('h1', {}, title), factList(facts))
}
