// The properties of test/fuzz at full length, one after the other, each with its
// runs, seed and duration. (`npm test` runs the same, but few of each.)
//
//   npm run fuzz [-- [--runs 1000000] [--seed 1] [--only TEXT] [NAME...]]
//
//   --runs N   of each property; those that start a process, open a page or write a
//              file have a lower limit of their own, stated in their files
//   --seed S   repeats a run; by default another one each time
//   --only T   only properties whose name has this text
//   NAME       only files whose name has it, such as "decode"
//
// Exits with 1 if a property does not hold; then fast-check tells the seed, and the
// smallest input it found, which belongs into test/fuzz/corpus.

import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startVitest } from 'vitest/node'

const {
  values: { runs, seed, only },
  positionals,
} = parseArgs({
  options: {
    runs: { type: 'string', default: '1000000' },
    seed: {
      type: 'string',
      default: String(Math.floor(Math.random() * 2 ** 31)),
    },
    only: { type: 'string', default: '' },
  },
  allowPositionals: true,
})
for (const [name, text] of Object.entries({ runs, seed })) {
  if (/^\d+$/.test(text)) continue
  throw new Error(`--${name} ${text}: give a whole number`)
}

process.env.FUZZ_RUNS = runs
process.env.FUZZ_SEED = seed

const startedAt = performance.now()
const counts = { passed: 0, failed: 0, skipped: 0 }

function print(testCase) {
  const { state, errors = [] } = testCase.result()
  const { fuzz } = testCase.meta()
  counts[state]++
  if (state === 'skipped' && only) return
  const seconds = ((testCase.diagnostic()?.duration ?? 0) / 1000).toFixed(1)
  console.log(
    [
      state.padEnd(7),
      String(fuzz?.runs ?? '').padStart(8),
      (fuzz ? `seed ${fuzz.seed}` : '').padEnd(15),
      `${seconds} s`.padStart(9),
      `${path.basename(testCase.module.moduleId, '.test.ts')}: ${testCase.name}`,
    ].join('  '),
  )
  for (const { message } of errors) console.log(message)
}

const files = positionals.length > 0 ? positionals : ['']
const vitest = await startVitest(
  'test',
  files.map((name) => `test/fuzz/${name}`),
  {
    root: path.dirname(path.dirname(fileURLToPath(import.meta.url))),
    watch: false,
    testNamePattern: only.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'),
    typecheck: { enabled: false },
    // What takes long is the processor's.
    fileParallelism: false,
    // What the tests print is about what they do on purpose.
    silent: true,
    reporters: [{ onTestCaseResult: print }],
  },
)
await vitest.close()

const seconds = Math.round((performance.now() - startedAt) / 1000)
const summary = Object.entries(counts).map(([state, n]) => `${n} ${state}`)
console.log(`${summary.join(', ')} (${seconds} s)`)
if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1
