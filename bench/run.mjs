// All benchmarks, or those that are named, one after the other, each in a process
// of its own.
//
//   npm run bench [-- --write] [read http …]
//
// --write keeps what they report in results.json and writes docs/performance.md and
// its chart anew; of those that do not run, what they reported before stays.

import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chosen } from '../scripts/chosen.mjs'
import { RESULTS, readResults, writePage } from './page.mjs'

const here = path.dirname(fileURLToPath(import.meta.url))
const ALL = [
  'read',
  'instructions',
  'all',
  'churn',
  'http',
  'overhead',
  'register',
  'guard',
  'sampling',
  'weight',
]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: 'boolean' } },
})
const wanted = chosen(positionals, ALL)

const machine = {
  cpu: `${os.cpus().length} × ${os.cpus()[0].model.trim()}`,
  kernel: `${os.type()} ${os.release().split('-')[0]}`,
  node: process.version,
}

const scratch = mkdtempSync(path.join(os.tmpdir(), 'bench-'))
const results = readResults()
for (const name of wanted) {
  const file = path.join(scratch, name)
  const startedAt = performance.now()
  const { status } = spawnSync(
    process.execPath,
    [path.join(here, `${name}.mjs`)],
    { stdio: 'inherit', env: { ...process.env, BENCH_RESULTS: file } },
  )
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.log(`(${name}: ${seconds} s)`)
  if (status !== 0) {
    process.exitCode = 1
    continue
  }
  const lines = existsSync(file)
    ? readFileSync(file, 'utf8').trim().split('\n')
    : []
  const date = new Date().toISOString().slice(0, 10)
  results[name] = {
    date,
    seconds,
    machine,
    reported: lines.map((line) => JSON.parse(line)),
  }
}
rmSync(scratch, { recursive: true })
if (values.write) {
  const ordered = Object.fromEntries(
    ALL.filter((name) => results[name]).map((name) => [name, results[name]]),
  )
  writeFileSync(RESULTS, `${JSON.stringify(ordered, undefined, 2)}\n`)
  writePage(ordered)
}
