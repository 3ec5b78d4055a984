// How often explain() names what truly limited a connection, and who closed it:
// leads the connections of test/support/verdict-cases.mjs, each in a network
// namespace of its own, and prints the truth in rows and the verdicts in columns.
//
//   npm run verdicts [-- [--runs N] [--first SEED] [--jobs N] [--out FILE] CASE...]
//
// Wants root on Linux, Python 3, ip and tc. Exits with 1 if in a case fewer than
// 95 % of the runs have the right verdict, or any has a wrong one: "unknown" is not
// right, but not wrong either.

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { explain } from '../lib/verdict.js'
import { inNamespace } from '../test/support/namespace.js'
import { cases } from '../test/support/verdict-cases.mjs'

/** Of the runs of a case. */
const SUFFICES = 0.95

const { values: options, positionals } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    first: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    out: { type: 'string' },
  },
  allowPositionals: true,
})
const names = positionals.length > 0 ? positionals : Object.keys(cases)
const runner = fileURLToPath(
  new URL('../test/support/run-verdict-case.mjs', import.meta.url),
)

async function run(name, seed) {
  const command = [process.execPath, runner, name, String(seed)]
  const { code, stdout, stderr } = await inNamespace(command)
  if (code !== 0) throw new Error(`${name}, seed ${seed}: ${stderr}`)
  return JSON.parse(stdout)
}

const limitOf = ({ limitedBy }) => limitedBy
const closingOf = ({ closedBy, closedHow }) =>
  closedBy === closedHow ? closedBy : `${closedBy}, ${closedHow}`

const TABLES = [
  { title: 'What limited it', of: limitOf, key: 'limitedBy' },
  { title: 'Who closed it first, and how', of: closingOf, key: 'closedBy' },
]

const queue = names.flatMap((name) =>
  Array.from({ length: Number(options.runs) }, (_, i) => ({
    name,
    seed: Number(options.first) + i,
  })),
)
const results = []

async function work() {
  for (let job = queue.shift(); job; job = queue.shift()) {
    const { name, seed } = job
    const { parameters, records } = await run(name, seed)
    const verdict = explain(records)
    results.push({ name, seed, parameters, verdict, records })
    for (const { of, key } of TABLES) {
      const { truth } = cases[name]
      if (truth[key] === undefined || of(verdict) === of(truth)) continue
      console.error(
        `${name}, seed ${seed}, ${JSON.stringify(parameters)}: ${verdict.summary} ${JSON.stringify(verdict.shares)}`,
      )
    }
  }
}

/** A row for each case; whether all of them are as they should be. */
function print({ title, of, key }) {
  const rows = names.filter((name) => cases[name].truth[key] !== undefined)
  if (rows.length === 0) return true
  const heads = new Set(rows.map((name) => of(cases[name].truth)))
  for (const { name, verdict } of results) {
    if (rows.includes(name)) heads.add(of(verdict))
  }
  const columns = [
    ...[...heads].filter((head) => head !== 'unknown'),
    'unknown',
  ]
  const line = (cells) => console.log(`| ${cells.join(' | ')} |`)
  console.log(`\n${title}:\n`)
  line(['case', 'truth', ...columns, 'right', 'wrong'])
  line(['---', '---', ...columns.map(() => '--:'), '--:', '--:'])
  let isGood = true
  for (const name of rows) {
    const truth = of(cases[name].truth)
    const said = results.filter((each) => each.name === name)
    const count = (head) =>
      said.filter(({ verdict }) => of(verdict) === head).length
    const right = count(truth)
    const wrong =
      truth === 'unknown'
        ? said.length - right
        : said.length - right - count('unknown')
    isGood &&= wrong === 0 && right >= said.length * SUFFICES
    line([
      ...[name, truth],
      ...columns.map((head) => count(head) || ''),
      ...[`${right}/${said.length}`, wrong],
    ])
  }
  return isGood
}

const jobs = Array.from({ length: Number(options.jobs) }, work)
await Promise.all(jobs)
const areGood = TABLES.map(print)
if (options.out) writeFileSync(options.out, JSON.stringify(results))
process.exitCode = areGood.every(Boolean) ? 0 : 1
