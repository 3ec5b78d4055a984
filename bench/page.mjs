// Writes what the benchmarks reported into docs/performance.md, between its markers,
// and draws the chart. All else of that page is written by hand.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { drawChart } from './chart.mjs'
import { format, tell } from './measure.mjs'

const file = (name) => fileURLToPath(new URL(name, import.meta.url))
export const RESULTS = file('results.json')
const PAGE = file('../docs/performance.md')
const CHART = file('../docs/performance.svg')

/** What each benchmark reported when it last ran with --write. */
export const readResults = () =>
  existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {}

const cells = (...texts) => `| ${texts.join(' | ')} |`

const tablesOf = ({ reported }) => reported.filter(({ rows }) => rows)

function tableOf({ title, unit, rows }) {
  const hasSpread = rows.some(({ low, high }) => low !== high)
  const hasGoals = rows.some(({ goals }) => goals.length > 0)
  const titles = [title, unit, 'ratio']
  if (hasSpread) titles.push('middle half')
  if (hasGoals) titles.push('goal')
  return [
    cells(...titles),
    cells(...titles.map((_, i) => (i === 0 || i > 3 ? '---' : '---:'))),
    ...rows.map(({ name, median, ratio, low, high, goals }) => {
      const row = [name, format(median), ratio?.toFixed(3) ?? '–']
      if (hasSpread) row.push(`${low?.toFixed(3)} to ${high?.toFixed(3)}`)
      if (hasGoals) {
        const told = goals.map((goal) => tell(goal, unit))
        row.push(
          told.map(({ goal, holds }) => `${goal}: ${holds}`).join('<br>'),
        )
      }
      return cells(...row)
    }),
  ].join('\n')
}

function sectionOf(name, part) {
  if (!part) return `Not measured yet: \`npm run bench -- --write ${name}\``
  const skipped = part.reported.filter((each) => each.skipped)
  const { date, seconds, machine } = part
  return [
    ...tablesOf(part).map(tableOf),
    ...skipped.map(({ skipped, why }) => `Skipped: ${skipped} (${why}).`),
    `\`npm run bench -- ${name}\`, ${seconds} s, ${date}, Node ${machine.node.slice(1)}, ` +
      `${machine.kernel}, ${machine.cpu}.`,
  ].join('\n\n')
}

/** Every goal, in a row of its own. */
function goalsOf(results) {
  const titles = ['what', 'variant', 'goal', 'measured', '']
  const rows = Object.values(results).flatMap((part) =>
    tablesOf(part).flatMap(({ title, unit, rows }) =>
      rows.flatMap(({ name, goals }) =>
        goals
          .map((goal) => tell(goal, unit))
          .map(({ goal, figure, holds }) =>
            cells(title, name, goal, figure, holds),
          ),
      ),
    ),
  )
  return [cells(...titles), cells(...titles.map(() => '---')), ...rows].join(
    '\n',
  )
}

export function writePage(results) {
  const generated = { goals: goalsOf(results) }
  const page = readFileSync(PAGE, 'utf8').replace(
    /(<!-- (\S+): begin -->)[\s\S]*?(<!-- \2: end -->)/g,
    (_, begin, name, end) =>
      `${begin}\n\n${generated[name] ?? sectionOf(name, results[name])}\n\n${end}`,
  )
  writeFileSync(PAGE, page)
  writeFileSync(CHART, drawChart(results))
}
