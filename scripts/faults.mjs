// Connections of all kinds while the system fails: calls of the addon that fail or
// fall short at random, a wall clock that jumps, an event loop that stands still. Does
// every connection end as it should, with its record or with the reason why not, and
// does anything stay behind?
//
//   npm run faults [-- --minutes 10 --seed 1]
//
// Wants root on Linux, and cc(1). Prints how it went on while it runs, and exits with 1
// if something did not go as it should.

import { fork, spawnSync } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import http from 'node:http'
import { constants, tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  explain,
  HttpAgent,
  readTcpInfo,
  readTcpState,
  sample,
  support,
  TcpInfoError,
} from '../dist/index.js'
import { CALLS, compileShim, Faults } from '../test/support/faults.mjs'
import {
  connections,
  connectionsInWorker,
} from '../test/support/soak-client.mjs'

const file = (name) => fileURLToPath(new URL(name, import.meta.url))
const PER_ROUND = 500
const CONCURRENCY = 32
const EVERY_MS = 200
const MOST_GROWTH_BYTES = 8 * 2 ** 20
/** What the calls may fail with. */
const ERRORS = [
  ...['ENOMEM', 'ENOBUFS', 'EINTR', 'EFAULT', 'EPERM', 'EACCES', 'EINVAL'],
  ...['EIO', 'EMFILE', 'ENFILE'],
]
const CHANCES = [0, 0, 1_000, 50_000, 500_000, 1_000_000]
/** Of the answer, in bytes: nothing, a part of a member, what older kernels gave. */
const LENGTHS = [0, 1, 7, 71, 104, 192, 232, 244]
/** What faults.c puts behind a short answer. */
const FILL = 'a5a5a5a5'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    inside: { type: 'boolean' },
  },
})

if (!values.inside) {
  const folder = mkdtempSync(path.join(tmpdir(), 'faults-'))
  const FAULTS_FILE = path.join(folder, 'control')
  new Faults(FAULTS_FILE)
  const { status } = spawnSync(
    'unshare',
    [
      ...['-n', process.execPath, '--expose-gc', file(import.meta.url)],
      ...['--inside', '--minutes', values.minutes, '--seed', values.seed],
    ],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        LD_PRELOAD: compileShim(folder),
        FAULTS_FILE,
      },
    },
  )
  rmSync(folder, { recursive: true })
  process.exit(status ?? 1)
}

spawnSync('ip', ['link', 'set', 'lo', 'up'], { stdio: 'inherit' })

/** splitmix32. */
let state = Number(values.seed) >>> 0
function random() {
  state = (state + 0x9e3779b9) >>> 0
  let z = state
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
  return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32
}
const pick = (list) => list[Math.floor(random() * list.length)]

const wrong = new Map()
function fault(what) {
  wrong.set(what, (wrong.get(what) ?? 0) + 1)
}
for (const event of ['uncaughtException', 'unhandledRejection', 'warning']) {
  process.on(event, (error) => fault(`${event}: ${error?.stack ?? error}`))
}

const seen = { samples: 0, reads: 0, refusals: {}, jumps: 0, blocks: 0 }
const faults = new Faults(process.env.FAULTS_FILE)
faults.seed(Number(values.seed))

function checkRecord(info) {
  seen.reads++
  for (const [name, value] of Object.entries(info.raw)) {
    // (Of less than 32 bits such a value may be true.)
    if (value.toString(16).includes(FILL)) fault(`${name} was never filled`)
  }
  const { connectDurationMs: ms } = info
  if (ms !== undefined && !(ms >= 0)) fault(`connectDurationMs ${ms}`)
}

function checkError(error) {
  if (!(error instanceof TcpInfoError)) return fault(`threw ${error?.stack}`)
  const name = error.errorName ?? error.code
  seen.refusals[name] = (seen.refusals[name] ?? 0) + 1
  // That they are closed or not yet open are the right answers at times.
  const isKnown =
    error.errno === undefined
      ? error.cause === undefined
      : ERRORS.some((each) => constants.errno[each] === error.errno)
  if (!isKnown) fault(`an error that was not injected: ${error.message}`)
}

function tryReading(socket) {
  for (const read of [readTcpInfo, readTcpState]) {
    try {
      const answer = read(socket)
      if (typeof answer === 'object') checkRecord(answer)
    } catch (error) {
      checkError(error)
    }
  }
}

/** What a curious program does with its sockets, in every handler. */
const sampling = sample([], { intervalMs: 5, jitter: 0.5, keepOpen: true })
sampling.on('sample', ({ info, delta, skipped }) => {
  seen.samples++
  checkRecord(info)
  if (delta.durationMs < 0 || skipped < 0) fault('a delta below zero')
})

function watch(socket) {
  sampling.add(socket)
  const records = []
  socket.on('tcpinfo', (info) => {
    records.push(info)
    checkRecord(info)
  })
  for (const event of [
    'connectionAttempt',
    'connect',
    'data',
    'end',
    'error',
  ]) {
    socket.on(event, () => {
      if (random() < 0.3) tryReading(socket)
    })
  }
  socket.on('close', () => {
    tryReading(socket)
    explain(records)
  })
}

/** Of the sockets that register watches: one final record each, or none. */
const told = new WeakSet()
let finals = 0
subscribe('tcpinfo-socket:capture', ({ socket, info }) => {
  if (info.trigger !== 'close') return
  if (told.has(socket)) fault('two final records')
  told.add(socket)
  finals++
})
await import('../dist/register.js')

const setFaults = () => {
  for (const call of CALLS) {
    const isShort = call === 'TCP_INFO' && random() < 0.3
    faults.fail(call, {
      millionths: pick(CHANCES),
      ...(isShort
        ? { length: pick(LENGTHS) }
        : { error: constants.errno[pick(ERRORS)] }),
    })
  }
  if (random() < 0.3) {
    seen.jumps++
    faults.setClock((random() - 0.5) * 2 * 86_400_000)
  }
  if (random() < 0.02) {
    seen.blocks++
    Atomics.wait(
      new Int32Array(new SharedArrayBuffer(4)),
      0,
      0,
      500 + random() * 1500,
    )
  }
  support()
}

const web = http.createServer((_, response) => response.end('hello')).listen(0)
// Where a state can't be read, an agent has the stock one's race with a server that
// closes idle connections (nodejs/node#47130); this one closes none.
web.keepAliveTimeout = 0
await once(web, 'listening')
const agent = new HttpAgent({ keepAlive: true, maxSockets: 4 })
let requests = 0
async function request() {
  const asked = http.get({ agent, port: web.address().port, host: '127.0.0.1' })
  const [response] = await once(asked, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  if (body !== 'hello') fault(`a body: ${body}`)
  requests++
}

const server = fork(file('../test/support/soak-server.mjs'))
const [ports] = await once(server, 'message')

async function settled() {
  // Handles are closed in the turns after their sockets, and the server's after that.
  for (let i = 0; i < 10; i++) await wait(20)
  globalThis.gc()
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    handles: process.getActiveResourcesInfo().length,
    heap: process.memoryUsage().heapUsed,
  }
}

const sums = { opened: 0, records: 0, refused: 0, wrong: 0 }
const startedAt = performance.now()
const endsAt = startedAt + Number(values.minutes) * 60_000
const course = []
let saidAt = startedAt
for (let round = 0; performance.now() < endsAt; round++) {
  const timer = setInterval(setFaults, EVERY_MS)
  const common = { ports, first: round * PER_ROUND }
  const parts = await Promise.all([
    connections(
      { ...common, count: PER_ROUND, concurrency: CONCURRENCY },
      watch,
    ),
    // Threads share the faults.
    round % 8 === 0
      ? connectionsInWorker(
          { ...common, count: 50, concurrency: 4 },
          round % 16 === 0,
        )
      : undefined,
    ...Array.from({ length: 20 }, async () => {
      await wait(random() * 500)
      await request().catch((error) => fault(`a request: ${error.stack}`))
    }),
  ])
  clearInterval(timer)
  for (const part of parts) {
    for (const name of Object.keys(sums)) sums[name] += part?.[name] ?? 0
  }
  if (performance.now() - saidAt < 15_000 && performance.now() < endsAt)
    continue
  saidAt = performance.now()
  agent.destroy()
  course.push(await settled())
  const { descriptors, handles, heap } = course.at(-1)
  console.log(
    `${String(Math.round((saidAt - startedAt) / 1000)).padStart(4)} s  ${String(sums.opened).padStart(8)} connections  ${descriptors} descriptors  ${handles} handles  heap ${(heap / 2 ** 20).toFixed(1)} MiB  ${sampling.size} sampled`,
  )
}
const seconds = Math.round((performance.now() - startedAt) / 1000)
server.disconnect()

const settledAt = course[Math.floor(course.length / 4)]
const last = course.at(-1)
const counts = faults.counts()
for (const [isSo, what] of [
  [
    sums.wrong > 0,
    `${sums.wrong} connections had no record and no reason, or several records`,
  ],
  [
    sums.records + sums.refused !== sums.opened,
    'records and refusals are not as many as connections',
  ],
  [last.descriptors > settledAt.descriptors, 'descriptors were leaked'],
  [last.handles > settledAt.handles, 'handles were leaked'],
  [last.heap - settledAt.heap > MOST_GROWTH_BYTES, 'the heap grew'],
  [sampling.size > 0, `${sampling.size} closed sockets are still sampled`],
  [
    counts.TCP_INFO.injected === 0 || finals === 0 || requests === 0,
    'nothing was tried',
  ],
]) {
  if (isSo) fault(what)
}

console.log(
  `seed ${values.seed}: ${sums.opened} connections in ${seconds} s, of them ${sums.records} with a final record and ${sums.refused} with the reason why not; ${finals} told of by register, ${requests} requests, ${seen.samples} samples, ${seen.reads} records looked at, ${seen.jumps} jumps of the clock, ${seen.blocks} times the loop stood still`,
)
console.table(counts)
console.table(seen.refusals)
for (const [what, times] of wrong) console.log(`FAULT, ${times} times: ${what}`)
process.exit(wrong.size > 0 ? 1 : 0)
