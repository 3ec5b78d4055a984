// Fuzzes the native code, with AddressSanitizer and UndefinedBehaviorSanitizer:
//
//   npm run fuzz:native [-- --runs 1000000] [--seed 1] [contract addon …]
//   npm run fuzz:native -- --keep     adds what was found to the corpus, minimised
//
// The harnesses are in test/fuzz/native, what they begin with in
// test/fuzz/corpus. Not here: windows_host.cc, which takes nothing from outside,
// and darwin.cc, whose one function is linux.cc's but for the name of the option.
//
// Needs Linux on x86-64, and root or clang, g++ and patchelf.

import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { chosen } from './chosen.mjs'
import { need } from './debian.mjs'
import { flags, root, sanitizedNode, sourcesOf } from './native.mjs'

const fuzz = path.join(root, 'test/fuzz')
const source = (name) => path.join(root, 'native', name)

/** What is compiled with each harness. */
const HARNESSES = {
  contract: ['linux.cc', 'posix.cc', 'endpoints.cc'].map(source),
  addon: [
    ...sourcesOf('linux'),
    // What napi.h mentions and no test calls: jumps to address 0.
    ...['-no-pie', '-Wl,--unresolved-symbols=ignore-all'],
  ],
  windows: ['-I', path.join(fuzz, 'native/winsock')],
  windows_socket: [source('windows_socket.cc')],
}
/** Real Node-API: test/support/junk.mjs in a Node with the sanitizers. */
const NODE = 'node'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: `${Date.now() % 1_000_000_007}` },
    keep: { type: 'boolean', default: false },
  },
})
const names = chosen(positionals, [...Object.keys(HARNESSES), NODE])

need({ command: ['clang++', '--version'], package: 'clang' })
const folder = mkdtempSync(path.join(tmpdir(), 'fuzz-'))

/** Whether all went well; what it did is printed. */
function fuzzHarness(name) {
  const program = path.join(folder, name)
  execFileSync(
    'clang++',
    [
      ...['-g', '-O1', '-fsanitize=fuzzer,address,undefined'],
      ...['-fno-sanitize-recover=all', ...flags],
      ...['-Wno-missing-field-initializers'],
      ...[path.join(fuzz, 'native', `${name}.cc`), ...HARNESSES[name]],
      ...['-o', program],
    ],
    { stdio: 'inherit' },
  )
  const corpus = path.join(fuzz, 'corpus', name)
  const found = path.join(folder, `${name}-found`)
  mkdirSync(corpus, { recursive: true })
  mkdirSync(found)
  const common = ['-max_len=160', `-artifact_prefix=${folder}/${name}-`]
  const { status, stderr } = spawnSync(
    program,
    [
      ...[...common, `-runs=${values.runs}`, `-seed=${values.seed}`],
      ...['-print_final_stats=1', found, corpus],
    ],
    { encoding: 'utf8', maxBuffer: 1 << 28 },
  )
  if (status !== 0) {
    console.log(stderr.slice(-10_000))
    return { isWell: false, what: 'see above' }
  }
  if (values.keep) {
    const merged = path.join(folder, `${name}-merged`)
    mkdirSync(merged)
    execFileSync(
      program,
      [...common, '-merge=1', '-use_counters=0', merged, corpus, found],
      {
        stdio: 'ignore',
      },
    )
    rmSync(corpus, { recursive: true })
    cpSync(merged, corpus, { recursive: true })
  }
  const [, executions] = /number_of_executed_units: (\d+)/.exec(stderr) ?? []
  const [, edges, features] = /DONE\s+cov: (\d+) ft: (\d+)/.exec(stderr) ?? []
  const files = readdirSync(corpus).length
  return {
    isWell: Number(executions) >= Number(values.runs),
    what: `${executions} executions, ${edges} edges, ${features} features, ${files} files in the corpus`,
  }
}

function fuzzNode() {
  const { node, env, reported } = sanitizedNode(folder)
  // As many for each function.
  const each = Math.ceil(Number(values.runs) / 7)
  const junk = path.join(root, 'test/support/junk.mjs')
  const args = [junk, 'main', values.seed, `${each}`]
  const { status, stdout, stderr } = spawnSync(node, args, {
    encoding: 'utf8',
    env,
  })
  if (status !== 0 || reported().length > 0) {
    console.log(stderr, ...reported())
    return { isWell: false, what: 'see above' }
  }
  const { problems, counts } = JSON.parse(stdout)
  if (problems.length > 0) console.log(problems)
  const sum = (what) =>
    Object.values(counts).reduce((total, count) => total + count[what], 0)
  return {
    isWell: problems.length === 0,
    what: `${sum('calls')} calls, ${sum('refused')} refused, ${sum('answered')} answered`,
  }
}

let failed = 0
for (const name of names) {
  const startedAt = performance.now()
  const { isWell, what } = name === NODE ? fuzzNode() : fuzzHarness(name)
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  console.log(
    `${isWell ? 'passed' : 'FAILED'}  ${name}, seed ${values.seed}, ${seconds} s: ${what}`,
  )
  if (!isWell) failed++
}
if (failed > 0) {
  console.log(`what made it fail is in ${folder}`)
  process.exitCode = 1
} else {
  rmSync(folder, { recursive: true })
}
