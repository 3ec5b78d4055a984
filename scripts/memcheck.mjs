// Runs the programs that the addon's tests start, and a transfer with the whole
// package, under valgrind's memcheck:
//
//   npm run memcheck
//
// Needs Linux on x86-64, root or g++ and valgrind, and `npm run dist` before.
// (Vitest itself is too slow under it.)
//
// A failure is every error in which our addon has a part: code of it on the stack
// where it happens, where the memory was got, or where an undefined value came
// from. The others are Node's own, which has some (it looks through its stack for
// pointers).

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { need } from './debian.mjs'
import { buildAddon, root } from './native.mjs'

/** Ends while sockets are open and have been read. */
const EXIT = `
  const { connect } = require('./dist/index.cjs')
  const server = require('net').createServer((peer) => peer.write('x'))
  server.listen(0, '127.0.0.1', () => {
    const socket = connect(server.address().port, '127.0.0.1')
    socket.once('data', () => {
      socket.captureTcpInfo()
      process.exit()
    })
  })`

const PROGRAMS = [
  ['-e', EXIT],
  ['dist/cli.js', 'demo'],
  ['test/support/sampling.mjs', 'alive'],
  ['test/support/environments.mjs', 'contexts'],
  ['test/support/environments.mjs', 'copies'],
  ['test/support/environments.mjs', 'workers'],
  ['test/support/junk.mjs', 'main', '1', '100'],
  ['test/support/junk.mjs', 'worker', '2', '100'],
]

need(
  { command: ['g++', '--version'], package: 'g++' },
  { command: ['valgrind', '--version'], package: 'valgrind' },
)
const folder = mkdtempSync(path.join(tmpdir(), 'memcheck-'))
buildAddon(folder)
const env = { ...process.env, TCPINFO_SOCKET_PREBUILD: folder }

let failed = 0
for (const [index, program] of PROGRAMS.entries()) {
  const startedAt = performance.now()
  const { status, stderr } = spawnSync(
    'valgrind',
    [
      ...['--xml=yes', `--xml-file=${folder}/${index}-%p.xml`],
      ...['--trace-children=yes', '--error-limit=no', '--track-origins=yes'],
      ...['--leak-check=full', '--show-leak-kinds=definite'],
      // Or one of Node's threads keeps the others waiting.
      '--fair-sched=yes',
      ...[process.execPath, ...program],
    ],
    { cwd: root, encoding: 'utf8', env },
  )
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  const errors = readdirSync(folder)
    .filter((name) => name.startsWith(`${index}-`))
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))
    .flatMap((xml) => xml.match(/<error>.*?<\/error>/gs) ?? [])
  // No other addon is in these programs; there are copies of ours.
  const ours = errors.filter((each) => each.includes('.node</obj>'))
  const isWell = status === 0 && ours.length === 0
  for (const error of ours) console.log(error)
  if (status !== 0) console.log(stderr)
  const name = program[0] === '-e' ? 'exit' : program.join(' ')
  console.log(
    `${isWell ? 'passed' : 'FAILED'}  ${name}: ${ours.length} errors of ours, ${errors.length - ours.length} of Node (${seconds} s)`,
  )
  if (!isWell) failed++
}
if (failed > 0) process.exitCode = 1
rmSync(folder, { recursive: true })
