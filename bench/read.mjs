// One read of one connection: what does the record cost over the system call? And
// one of each of a thousand. Rivals: the same getsockopt in a C loop (raw-read.c),
// npm's sockopt, which gives the first four bytes as a number, libc's getsockopt
// through koffi, and Go's mikioh/tcpinfo and conniver beside a loop in Go.

import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import nodeGypBuild from 'node-gyp-build'
import { readTcpInfo, sample } from '../dist/index.js'
import { connectMany } from './connect-many.mjs'
import { collect, compare, format, interleave, report } from './measure.mjs'
import { compileLoop, openConnections, readersOf } from './readers.mjs'
import { goRivals, nameInGo } from './rivals.mjs'
import { withServer } from './with-server.mjs'

const COUNT = 2_000
const BATCH = 1_000
/** The kernel writes no more. */
const STRIDE = 512
const SAMPLING = { intervalMs: 20 }
const SAMPLING_MS = 400
const PASSES = 10
const HOW = { rounds: 201, warmups: 40 }

const { loop } = compileLoop()

/** Not counted: what came before has left its own data and code in the caches. */
const FIRST = 200

let sink
/** Each with code of its own: V8 compiles a loop for the one thing it calls. */
function timed(read) {
  const loop = new Function(
    'read',
    'count',
    'let last; for (let i = 0; i < count; i++) last = read(); return last',
  )
  return () => {
    loop(read, FIRST)
    const from = process.hrtime.bigint()
    sink = loop(read, COUNT)
    return Number(process.hrtime.bigint() - from) / COUNT
  }
}

/** Those of the names that are there, in the form of a goal. */
const below = (...names) => names.map((name) => `< 1 of ${name}`)

async function one() {
  const connections = await openConnections()
  const descriptors = Int32Array.of(connections.socket._handle.fd)
  const go = await goRivals()
  await go?.ask(`open ${connections.port}`)
  const inGo = (go?.kinds ?? []).map((kind) => [
    nameInGo(kind),
    async () => Number(await go.ask(`read ${kind} ${COUNT}`)),
  ])
  const base = {
    'C getsockopt': () => {
      loop(descriptors, FIRST)
      return loop(descriptors, COUNT)
    },
  }
  const { ours, rivals } = readersOf(connections)
  const timedAll = (readers) =>
    Object.fromEntries(
      Object.entries(readers).map(([name, read]) => [name, timed(read)]),
    )
  // By themselves first: the garbage of some rivals is collected in the turn of
  // whoever comes next, and what they compile and load leaves less cache to all.
  const alone = await collect({ ...base, ...timedAll(ours) }, HOW)
  report('One read, by itself', 'ns', compare(alone), {
    'readTcpInfo(TcpInfoSocket)': '<= 1.6',
    readTcpState: '<= 1.2',
  })
  const figures = await collect(
    {
      ...base,
      ...timedAll({ ...ours, ...rivals }),
      ...Object.fromEntries(inGo),
    },
    HOW,
  )
  report('One read, among rivals', 'ns', compare(figures), {
    'readTcpInfo(TcpInfoSocket)': below(
      'koffi, all fields',
      'Go, mikioh/tcpinfo',
      'Go, conniver',
    ),
    readTcpState: below('sockopt, first 4 bytes', 'koffi, one field'),
  })
  if (go) {
    const { 'Go, getsockopt': goLoop, ...others } = figures
    report(
      "One read in Go, beside Go's own loop",
      'ns',
      compare({
        'Go, getsockopt': goLoop,
        ...Object.fromEntries(
          Object.entries(others).filter(([name]) => name.startsWith('Go, ')),
        ),
      }),
    )
  }
  go?.end()
  connections.close()
}

async function batch([port]) {
  const sockets = await connectMany(BATCH, port)
  const descriptors = Int32Array.from(sockets, ({ _handle }) => _handle.fd)
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
  const addon = nodeGypBuild(root)
  const bytes = new Uint8Array(BATCH * STRIDE)
  const filled = new Int32Array(BATCH)
  // CPU time of the process, since the reads of sample() are spread over time.
  const cpuNs = (from) => {
    const { user, system } = process.cpuUsage(from)
    return (user + system) * 1000
  }
  const sampled = async () => {
    let samples = 0
    const sampling = sample(sockets, SAMPLING)
    sampling.on('sample', () => {
      samples++
    })
    await wait(3 * SAMPLING.intervalMs)
    samples = 0
    const from = process.cpuUsage()
    await wait(SAMPLING_MS)
    const used = cpuNs(from)
    sampling.stop()
    return used / samples
  }
  /** After one in vain: a thousand sockets are in the cache only of who had them. */
  const passes = (pass) => () => {
    pass()
    const from = process.cpuUsage()
    for (let i = 0; i < PASSES; i++) sink = pass()
    return cpuNs(from) / PASSES / BATCH
  }
  const rows = await interleave(
    {
      'C getsockopt': passes(() => loop(descriptors, 1)),
      "the addon's readMany": passes(() =>
        addon.readMany(descriptors, bytes, STRIDE, filled),
      ),
      'sample()': sampled,
      'readTcpInfo of each': passes(() => {
        for (const socket of sockets) sink = readTcpInfo(socket)
        return sink
      }),
    },
    { rounds: 25, warmups: 3 },
  )
  const title = `One read of each of ${format(BATCH)} sockets, CPU time`
  report(title, 'ns', rows, {
    "the addon's readMany": '<= 1.1',
  })
  for (const socket of sockets) socket.destroy()
}

await one()
await withServer(batch)
if (sink === undefined) throw new Error('nothing was read')
