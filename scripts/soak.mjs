// Very many short connections through us, ended in all ways, in a network namespace
// of their own, ten thousand of them at once: is there one final record of each, does
// the kernel count as many, and do memory and descriptors stay where they are?
//
//   npm run soak [-- --connections 1000000]
//
// Wants root on Linux. Prints how it went on while it runs, and exits with 1 if
// something did not stay as it should.

import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import {
  connections,
  connectionsInWorker,
} from '../test/support/soak-client.mjs'

const file = (name) => fileURLToPath(new URL(name, import.meta.url))
const SERVER = file('../test/support/soak-server.mjs')
const STEPS = 20
const CONCURRENCY = 64
/**
 * Of which 6 % end before the last is open. Before the rest, so that what they leave
 * behind shows in it.
 */
const AT_ONCE = 10_700
/** Of every step these are made by a worker, which then ends or is terminated. */
const WORKER_SHARE = 0.02
/** After the first quarter, when all code is compiled and all pools are filled. */
const MOST_GROWTH_BYTES = 8 * 2 ** 20
const MOST_RSS_GROWTH_BYTES = 32 * 2 ** 20

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '1000000' },
    inside: { type: 'boolean' },
  },
})

if (!values.inside) {
  const { status } = spawnSync(
    'unshare',
    [
      ...['-n', process.execPath, '--expose-gc', file(import.meta.url)],
      ...['--inside', '--connections', values.connections],
    ],
    { stdio: 'inherit' },
  )
  process.exit(status ?? 1)
}

for (const command of [
  'ip link set lo up',
  'sysctl -qw net.ipv4.tcp_max_tw_buckets=2000',
  'sysctl -qw net.ipv4.ip_local_port_range=2048\t65000',
  `sysctl -qw net.core.somaxconn=${AT_ONCE}`,
]) {
  const [name, ...args] = command.split(' ')
  spawnSync(name, args, { stdio: 'inherit' })
}

/** Connections that the kernel has opened here: SYNs of ours. */
function activeOpens() {
  const [names, numbers] = readFileSync('/proc/net/snmp', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('Tcp:'))
    .map((line) => line.split(' '))
  return Number(numbers[names.indexOf('ActiveOpens')])
}

async function settled() {
  // Handles are closed in the turns after their sockets.
  for (let i = 0; i < 5; i++) await new Promise((done) => setTimeout(done, 20))
  globalThis.gc()
  const { rss, heapUsed, external } = process.memoryUsage()
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    handles: process.getActiveResourcesInfo().length,
    rss,
    heap: heapUsed,
    external,
  }
}

const server = fork(SERVER)
const [ports] = await once(server, 'message')

const total = Number(values.connections)
const perStep = Math.ceil(total / STEPS)
const sums = { opened: 0, records: 0, wrong: 0, byScenario: {} }
const course = []
const opensBefore = activeOpens()
const startedAt = performance.now()
const count = ({ opened, records, wrong, byScenario }) => {
  sums.opened += opened
  sums.records += records
  sums.wrong += wrong
  for (const [name, number] of Object.entries(byScenario)) {
    sums.byScenario[name] = (sums.byScenario[name] ?? 0) + number
  }
}
const crowd = await connections({
  ports,
  first: 0,
  count: AT_ONCE,
  concurrency: AT_ONCE,
  together: true,
})
count(crowd)
console.log(`${crowd.most} connections at once`)
for (let step = 0; step < STEPS; step++) {
  const ofWorker = Math.round(perStep * WORKER_SHARE)
  const common = { ports, first: step * perStep }
  const parts = await Promise.all([
    connections({
      ...common,
      count: perStep - ofWorker,
      concurrency: CONCURRENCY,
    }),
    connectionsInWorker(
      { ...common, count: ofWorker, concurrency: 4 },
      step % 2 === 0,
    ),
  ])
  for (const part of parts) count(part)
  course.push(await settled())
  const { descriptors, handles, rss, heap } = course.at(-1)
  const mib = (bytes) => (bytes / 2 ** 20).toFixed(1).padStart(6)
  console.log(
    `${String(sums.opened).padStart(8)} connections  ${descriptors} descriptors  ${handles} handles  heap ${mib(heap)} MiB  rss ${mib(rss)} MiB`,
  )
}
const seconds = Math.round((performance.now() - startedAt) / 1000)
const kernel = activeOpens() - opensBefore
server.disconnect()

const settledAt = course[Math.floor(STEPS / 4)]
const last = course.at(-1)
const faults = [
  [sums.wrong > 0, `${sums.wrong} sockets had no final record, or several`],
  [sums.records !== sums.opened, `${sums.records} records`],
  [kernel !== sums.opened, `the kernel opened ${kernel}`],
  [last.descriptors > settledAt.descriptors, 'descriptors were leaked'],
  [last.handles > settledAt.handles, 'handles were leaked'],
  [last.heap - settledAt.heap > MOST_GROWTH_BYTES, 'the heap grew'],
  [last.external - settledAt.external > MOST_GROWTH_BYTES, 'buffers grew'],
  [last.rss - settledAt.rss > MOST_RSS_GROWTH_BYTES, 'the process grew'],
]
  .filter(([isSo]) => isSo)
  .map(([, fault]) => fault)

console.log(
  `${sums.opened} connections in ${seconds} s, ${sums.records} final records, ${kernel} by the kernel's count`,
)
console.table(sums.byScenario)
for (const fault of faults) console.log(`FAULT: ${fault}`)
process.exitCode = faults.length > 0 ? 1 : 0
