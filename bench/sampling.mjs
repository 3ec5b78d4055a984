// 10,000 idle connections, each read once a second: how much of a core does that
// take? Rivals: `ss -tin` once a second, and an event loop that does nothing. "the
// system calls" are those of our addon in one go, without records.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import nodeGypBuild from 'node-gyp-build'
import { sample } from '../dist/index.js'
import { affordable, connectMany } from './connect-many.mjs'
import { format, interleave, report } from './measure.mjs'
import { tool } from './rivals.mjs'
import { withServer } from './with-server.mjs'

const SOCKETS = 10_000
const SECONDS = 10
/** The code is compiled by then. */
const WARMUP_MS = 6500
const ROUNDS = 3
const CLOCK_TICK_MS = 10

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const addon = nodeGypBuild(root)

/** Of children that have ended: proc(5), stat. */
function childrenMs() {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]
  const [user, system] = fields.split(' ').slice(13, 15).map(Number)
  return (user + system) * CLOCK_TICK_MS
}

/** Percent of one core between `begin` and the end that it gives. */
async function load(begin) {
  const end = begin()
  await wait(WARMUP_MS)
  const from = process.cpuUsage()
  const childrenFrom = childrenMs()
  const startedAt = performance.now()
  await wait(SECONDS * 1000)
  const { user, system } = process.cpuUsage(from)
  const usedMs = (user + system) / 1000 + childrenMs() - childrenFrom
  const percent = (100 * usedMs) / (performance.now() - startedAt)
  end()
  return percent
}

const everySecond = (act) => () => {
  const timer = setInterval(act, 1000)
  return () => clearInterval(timer)
}

await withServer(async ([tcpPort]) => {
  const sockets = await connectMany(affordable(SOCKETS), tcpPort)
  const descriptors = Int32Array.from(sockets, ({ _handle }) => _handle.fd)
  const filled = new Int32Array(sockets.length)
  const bytes = new Uint8Array(sockets.length * 280)
  let samples = 0
  const sampling = (onSample) => () => {
    const sampling = sample(sockets, { intervalMs: 1000 })
    sampling.on('sample', onSample)
    return () => sampling.stop()
  }
  const rows = await interleave(
    {
      ...(tool('ss', 'iproute2') && {
        'ss -tin': () =>
          load(everySecond(() => spawn('ss', ['-tinH'], { stdio: 'ignore' }))),
      }),
      'the system calls': () =>
        load(
          everySecond(() => addon.readMany(descriptors, bytes, 280, filled)),
        ),
      'an empty event loop': () => load(() => () => {}),
      'sample()': () =>
        load(
          sampling(() => {
            samples++
          }),
        ),
      'sample(), each record used': () =>
        load(
          sampling(({ info }) => {
            if (info.rttUs > 0) samples++
          }),
        ),
    },
    { rounds: ROUNDS, warmups: 1 },
  )
  report(`${format(sockets.length)} idle connections`, '% of a core', rows, {
    'sample()': '< 1.5 absolute',
  })
  if (samples < sockets.length * SECONDS * ROUNDS)
    throw new Error('samples are missing')
  for (const socket of sockets) socket.destroy()
})
