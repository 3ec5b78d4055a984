// How often explain() names what truly limited a connection, and who closed it:
// leads the connections of test/support/verdict-cases.mjs, each in a network
// namespace of its own, and prints the truth in rows and the verdicts in columns.
//
//   npm run verdicts [-- [OPTION...] [CASE...]]
//
//   --runs N      of each case (20)
//   --first SEED  the runs draw their parameters with this seed and the next ones (1)
//   --jobs N      connections at a time (2)
//   --out FILE    keeps parameters and records; so test/fixtures/verdicts.json was
//                 made, with --runs 1 --keep 20
//   --keep N      only so many records of each run, the first and the last included
//
// Wants root on Linux, Python 3, ip and tc. Exits with 1 if in a case fewer than
// 95 % of the runs have the right verdict, or any has a wrong one: "unknown" is not
// right, but not wrong either.

import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { parseArgs } from 'node:util'
import { explain } from '../lib/verdict/index.js'
import {
  leadVerdictCase,
  TOO_LATE_MS,
} from '../test/support/lead-verdict-case.js'
import { cases } from '../test/support/verdict-cases.mjs'

/** Of the runs of a case. */
const SUFFICES = 0.95

const { values: options, positionals } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    first: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    out: { type: 'string' },
    keep: { type: 'string', default: 'Infinity' },
  },
  allowPositionals: true,
})
const names = positionals.length > 0 ? positionals : Object.keys(cases)
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
let repeated = 0

async function work() {
  for (let job = queue.shift(); job; job = queue.shift()) {
    const { name, seed } = job
    const { parameters, records, tries } = await leadVerdictCase(name, seed)
    repeated += tries
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

/** The runs; of their records each member has its name once. */
function written() {
  const keep = Number(options.keep)
  const runs = results.map(({ name, seed, parameters, records }) => {
    const step = Math.max(1, (records.length - 1) / (keep - 1))
    const kept = records.filter(
      (_, i) => i === 0 || Math.floor(i / step) > Math.floor((i - 1) / step),
    )
    const members = [...new Set(kept.flatMap(Object.keys))]
    const rows = kept.map((record) =>
      JSON.stringify(members.map((member) => record[member])),
    )
    const head = JSON.stringify({ case: name, seed, parameters, members })
    return `${head.slice(0, -1)},"rows":[\n${rows.join(',\n')}]}`
  })
  const origin = `Connections of test/support/verdict-cases.mjs as recorded by scripts/confusion.mjs on ${os.type()} ${os.release()}, ${os.arch()}, Node ${process.version}; null is absent.`
  return `{"origin":${JSON.stringify(origin)},"runs":[\n${runs.join(',\n')}]}`
}

const jobs = Array.from({ length: Number(options.jobs) }, work)
await Promise.all(jobs)
const areGood = TABLES.map(print)
if (repeated > 0) {
  console.log(
    `\n${repeated} runs were repeated: the machine was too busy, packets were late by more than ${TOO_LATE_MS} ms.`,
  )
}
if (options.out) writeFileSync(options.out, `${written()}\n`)
process.exitCode = areGood.every(Boolean) ? 0 : 1
