// Runs the tests with the addon under AddressSanitizer and
// UndefinedBehaviorSanitizer, those of the addon itself also under LeakSanitizer:
//
//   npm run sanitize [-- what vitest takes: test/socket …]
//
// Needs Linux on x86-64, root or g++ and patchelf, the tools of `npm test`, and
// `npm run dist` before.
//
// Any report of any process is a failure, whomever it blames: the runtime watches
// Node's own memory too. (But for leaks: native.mjs.)

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { root, sanitizedNode } from './native.mjs'

/** What can't pass in it. */
const LEFT_OUT = {
  files: {
    'test/package/**': 'is about the binaries in prebuilds/',
    'test/socket/broken.test.ts': 'breaks the binary in prebuilds/',
  },
  tests: {
    'where there are no TCP statistics': 'moves prebuilds/ away',
    'a row takes no more than is promised':
      'measures memory, which the sanitizer takes too',
    'is kept under the permission model with what the hint names':
      'lets only the files be read that it names, and the addon is elsewhere',
  },
}

const folder = mkdtempSync(path.join(tmpdir(), 'sanitize-'))
const { node, env, reported } = sanitizedNode(folder)
const vitest = path.join(root, 'node_modules/vitest/vitest.mjs')

/** Whether the tests passed. */
function run(leaks, ...args) {
  // The shim of test/faults is loaded before the runtime.
  const options = `${env.ASAN_OPTIONS}:detect_leaks=${leaks}:verify_asan_link_order=0`
  const { status } = spawnSync(
    node,
    [
      ...[vitest, 'run', '--reporter=dot', '--testTimeout=120000'],
      // The compiler has nothing to do with the addon.
      ...['--typecheck.enabled=false', ...args],
    ],
    { cwd: root, env: { ...env, ASAN_OPTIONS: options }, stdio: 'inherit' },
  )
  return status === 0
}

const startedAt = performance.now()
for (const [what, why] of Object.entries({
  ...LEFT_OUT.files,
  ...LEFT_OUT.tests,
})) {
  console.log(`left out: ${what} ${why}`)
}
const areWell = [
  run(1, 'test/native'),
  run(
    0,
    ...['--exclude', 'test/native/**'],
    ...Object.keys(LEFT_OUT.files).flatMap((file) => ['--exclude', file]),
    ...['-t', `^(?!.*(${Object.keys(LEFT_OUT.tests).join('|')}))`],
    ...process.argv.slice(2),
  ),
].every(Boolean)
const seconds = Math.round((performance.now() - startedAt) / 1_000)

const reports = reported()
for (const report of reports) console.log(report)
console.log(
  `${reports.length} reports of the sanitizers; the tests ${areWell ? 'passed' : 'FAILED'} (${seconds} s)`,
)
if (reports.length > 0 || !areWell) process.exitCode = 1
rmSync(folder, { recursive: true })
