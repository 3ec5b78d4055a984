// Installs the package and uses it in runtimes that are not Node but promise its
// modules: test/package/runtimes.mjs says what is asked of them.
//
//   npm run test:runtimes [-- bun deno …]
//
// Needs Linux on x86-64 with glibc, npm, and `npm run dist` before. What npm has
// not is skipped: Electron's package downloads its program from elsewhere; one
// that is there already is named by ELECTRON.

import { spawnSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { chosen } from './chosen.mjs'
import { cached, cacheFolder, unpackPackage } from './downloads.mjs'
import { installPackage } from './test-package.mjs'

const RUNTIMES = [
  { name: 'bun', npm: '@oven/bun-linux-x64-baseline@1.4.5', file: 'bin/bun' },
  {
    name: 'deno',
    npm: '@deno/linux-x64-glibc@2.9.6',
    file: 'deno',
    args: ['run', '--allow-all', '--no-prompt'],
  },
  {
    name: 'electron',
    program: process.env.ELECTRON,
    env: { ELECTRON_RUN_AS_NODE: '1' },
  },
]
const TIMEOUT_MS = 60_000
const PROGRAM = 'runtimes.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/** The program, downloaded if need be. */
function programOf({ program, npm, file }) {
  if (!npm) return program
  const folder = cached(
    cacheFolder('runtimes'),
    npm.replace('/', '+'),
    (unfinished) => unpackPackage(npm, unfinished),
  )
  return path.join(folder, file)
}

/** Whether all is well; says so. */
function test(runtime, cwd) {
  const program = programOf(runtime)
  const { name, args = [], env } = runtime
  if (!program) {
    console.log(`skipped  ${name}: ELECTRON names no program`)
    return true
  }
  const run = (...words) =>
    spawnSync(program, words, {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1', PREBUILDS_ONLY: '1', ...env },
      timeout: TIMEOUT_MS,
    })
  const [version] = run('--version').stdout.split('\n')
  const { status, signal, error, stdout, stderr } = run(...args, PROGRAM)
  const [ok] = /^ok .*$/m.exec(stdout) ?? []
  const isWell = status === 0 && ok !== undefined
  console.log(
    `${isWell ? 'passed' : 'FAILED'}  ${name} (${version})  ${ok ?? ''}`,
  )
  if (!isWell) console.log(error ?? signal ?? '', `${stdout}\n${stderr}`)
  return isWell
}

const wanted = chosen(
  process.argv.slice(2),
  RUNTIMES.map(({ name }) => name),
)
const { folder, remove } = installPackage()
try {
  for (const file of [
    `package/${PROGRAM}`,
    ...['localhost-cert.pem', 'localhost-key.pem'].map((f) => `fixtures/${f}`),
  ]) {
    copyFileSync(
      path.join(root, 'test', file),
      path.join(folder, path.basename(file)),
    )
  }
  if (
    !RUNTIMES.filter(({ name }) => wanted.includes(name))
      .map((each) => test(each, folder))
      .every(Boolean)
  ) {
    process.exitCode = 1
  }
} finally {
  remove()
}
