// A web server that knows nothing of us, with and without the preload, and with
// somebody who takes its records, under wrk.
// All are up all the time, and asked in turn.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { collect, compare, pick, report } from './measure.mjs'
import { tool } from './rivals.mjs'

const SECONDS = 1
const CONNECTIONS = 32
const PAIRS = 3
const ROUNDS = 4
const PLAIN = 'node server.js'
const OURS = 'node --import tcpinfo-socket/register server.js'
const SUBSCRIBED = 'the same, with a subscriber'
const ALL = [PLAIN, OURS, SUBSCRIBED]
const CASES = [
  { title: 'keep-alive', headers: [], goal: '>= 0.98' },
  {
    title: 'a connection for each request',
    headers: ['-H', 'Connection: close'],
    goal: '>= 0.96',
  },
]

const file = (name) => fileURLToPath(new URL(name, import.meta.url))

async function start(...flags) {
  const child = spawn(process.execPath, [...flags, file('server.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const [line] = await once(child.stdout, 'data')
  const [, port] = String(line).split(' ')
  return { child, port: Number(port) }
}

/** What a server's main thread has run for. @unit ns (proc_pid_schedstat(5)) */
function cpuOf({ pid }) {
  const [ran] = readFileSync(
    `/proc/${pid}/task/${pid}/schedstat`,
    'utf8',
  ).split(' ')
  return Number(ran)
}

/** Requests per second, and what each took of the server's CPU. */
function load({ child, port }, headers) {
  const before = cpuOf(child)
  const { stdout } = spawnSync(
    'wrk',
    [
      ...['-t', 1, '-c', CONNECTIONS, '-d', `${SECONDS}s`, ...headers],
      `http://127.0.0.1:${port}/`,
    ].map(String),
    { encoding: 'utf8' },
  )
  const [, rate] = /^Requests\/sec: +([\d.]+)/m.exec(stdout) ?? []
  const [, requests] = /^ *(\d+) requests in/m.exec(stdout) ?? []
  if (!rate || stdout.includes('Non-2xx')) throw new Error(stdout)
  const cpuUs = (cpuOf(child) - before) / 1000 / Number(requests)
  return { rate: Number(rate), cpuUs }
}

/** Of several pairs of processes, since no two are quite alike. */
async function figuresOfPairs() {
  const figures = {}
  for (let pair = 0; pair < PAIRS; pair++) {
    const register = ['--import', file('../dist/register.js')]
    const servers = {
      [PLAIN]: await start(),
      [OURS]: await start(...register),
      [SUBSCRIBED]: await start(
        ...register,
        '--import',
        file('subscriber.mjs'),
      ),
    }
    for (const { title, headers } of CASES) {
      const some = await collect(
        Object.fromEntries(
          ALL.map((name) => [name, () => load(servers[name], headers)]),
        ),
        { rounds: ROUNDS, warmups: 1 },
      )
      figures[title] ??= Object.fromEntries(ALL.map((name) => [name, []]))
      for (const name of ALL) figures[title][name].push(...some[name])
    }
    for (const { child } of Object.values(servers)) child.disconnect()
  }
  return figures
}

if (tool('wrk')) {
  const figures = await figuresOfPairs()
  for (const { title, goal } of CASES) {
    const rates = compare(pick(figures[title], 'rate'))
    report(`A web server under wrk, ${title}`, 'per s', rates, {
      [OURS]: goal,
      [SUBSCRIBED]: goal,
    })
    const cpu = compare(pick(figures[title], 'cpuUs'))
    report(`A web server under wrk, ${title}, CPU time`, 'µs', cpu)
  }
}
