// Instructions of one read outside the kernel: what read.mjs times, counted by
// valgrind, which no other process disturbs. Two lengths of a run are compared, so
// that all that is done once cancels out. (What the kernel does, it can't count.)

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { compare, report, skip } from './measure.mjs'
import { compileLoop, openConnections, readersOf } from './readers.mjs'
import { goRivals, nameInGo, tool } from './rivals.mjs'

/** Until the code is compiled; not so often where that would take too long. */
const WARMUPS = 20_000
const MOST_WARMUP_US = 4e6
const LENGTHS = [1000, 5000]
/** Of reads that take very long. */
const FEWER = 10
const PAIRS = 3
const TIMEOUT_MS = 300_000

/** What was counted, by the file that callgrind or cachegrind wrote. */
const countedIn = (file) =>
  Number(/^(?:summary|totals): (\d+)/m.exec(readFileSync(file, 'utf8'))[1])

/** What each read took, by what two lengths of a run took. */
const ofOne = (lengths, counted) =>
  (counted[1] - counted[0]) / (lengths[1] - lengths[0])

/** In valgrind's hands: prints what it ran, and has a file written for each run. */
async function inside() {
  const { loop, dump } = compileLoop('-DWITH_VALGRIND')
  const connections = await openConnections()
  const descriptors = Int32Array.of(connections.socket._handle.fd)
  const runs = { 'C getsockopt': (count) => loop(descriptors, count) }
  const { ours, rivals } = readersOf(connections)
  for (const [name, read] of Object.entries({ ...ours, ...rivals })) {
    runs[name] = (count) => {
      for (let i = 0; i < count; i++) read()
    }
  }
  const told = []
  for (const [name, run] of Object.entries(runs)) {
    const from = process.cpuUsage()
    let warm = 0
    while (warm < WARMUPS && process.cpuUsage(from).user < MOST_WARMUP_US) {
      run(100)
      warm += 100
    }
    const fewer = warm < WARMUPS ? FEWER : 1
    const lengths = LENGTHS.map((length) => length / fewer)
    told.push({ name, lengths })
    for (let pair = 0; pair < PAIRS; pair++) {
      for (const count of lengths) {
        dump()
        run(count)
        dump()
      }
    }
  }
  console.log(JSON.stringify(told))
  process.exit()
}

/** name -> instructions, of what runs in Node. */
async function inNode(folder) {
  const out = path.join(folder, 'node')
  const { status, stdout, stderr } = spawnSync(
    'valgrind',
    [
      ...['--tool=callgrind', `--callgrind-out-file=${out}`],
      // With one thread the compiler and the collector take their turns in it; of a
      // small heap it takes many small ones, so that each run has its share.
      ...[process.execPath, '--single-threaded', '--max-semi-space-size=1'],
      ...[fileURLToPath(import.meta.url), '--inside'],
    ],
    { encoding: 'utf8', timeout: TIMEOUT_MS },
  )
  if (status !== 0) throw new Error(stderr.trim().split('\n').at(-1))
  const told = JSON.parse(stdout.trim().split('\n').at(-1))
  const figures = {}
  // One file for what came before each run, one for the run.
  let at = 0
  const next = () => {
    at += 2
    return countedIn(`${out}.${at}`)
  }
  for (const { name, lengths } of told) {
    figures[name] = Array.from({ length: PAIRS }, () =>
      ofOne(lengths, [next(), next()]),
    )
  }
  return figures
}

async function inGo(folder) {
  const go = await goRivals()
  if (!go) return {}
  go.end()
  const server = createServer((peer) => peer.pipe(peer))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  const out = path.join(folder, 'go')
  const counted = async (kind, count) => {
    const child = spawn(
      'valgrind',
      // Callgrind loses track of Go's signals.
      [
        ...['--tool=cachegrind', '--cache-sim=no'],
        ...[`--cachegrind-out-file=${out}`, go.program],
      ],
      {
        stdio: ['pipe', 'ignore', 'ignore'],
        env: { ...process.env, GOMAXPROCS: '1' },
        timeout: TIMEOUT_MS,
      },
    )
    child.stdin.end(`open ${port}\nread ${kind} ${count}\n`)
    const [status] = await once(child, 'exit')
    if (status !== 0) throw new Error(`${kind} failed under valgrind`)
    return countedIn(out)
  }
  const figures = {}
  for (const kind of go.kinds) {
    const own = []
    for (let pair = 0; pair < PAIRS; pair++) {
      const [short, long] = LENGTHS
      own.push(
        ofOne(LENGTHS, [await counted(kind, short), await counted(kind, long)]),
      )
    }
    figures[nameInGo(kind)] = own
  }
  server.close()
  return figures
}

if (process.argv.includes('--inside')) await inside()
if (tool('valgrind')) {
  const folder = mkdtempSync(path.join(tmpdir(), 'instructions-'))
  const figures = {}
  for (const [language, part] of Object.entries({ Node: inNode, Go: inGo })) {
    try {
      Object.assign(figures, await part(folder))
    } catch (error) {
      console.error(error.message)
      skip(`instructions in ${language}`, 'valgrind does not run it')
    }
  }
  rmSync(folder, { recursive: true })
  const title = 'Instructions of one read, without the kernel'
  report(title, 'instructions', compare(figures))
}
