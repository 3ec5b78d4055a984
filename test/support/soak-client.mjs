// Opens connections through us and ends them in all ways, for scripts/soak.mjs and
// scripts/faults.mjs: in the main thread, or as a worker.

import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { connect, instrument, TcpInfoError } from '../../dist/index.js'

const plain = ({ ports }, host) => connect({ port: ports.plain, host })
const stock = ({ ports }, host) =>
  instrument(net.connect({ port: ports.plain, host }))
const refused = ({ ports }, host) => connect({ port: ports.refusing, host })
const secure = ({ ports }, host) =>
  instrument(
    tls.connect({ port: ports.secure, host, rejectUnauthorized: false }),
  )

const send = (byte) => (socket) => socket.write(byte)

/**
 * Of 1,000 connections: how many, how made, what is done with them, and when: at once
 * or, if it says so, once they are ready.
 */
const SCENARIOS = {
  'client ends': [300, plain, (socket) => socket.end('h')],
  'server ends': [200, plain, send('e')],
  'server destroys': [60, plain, send('d')],
  'server resets': [25, plain, send('r')],
  'client resets': [25, plain, (socket) => socket.resetAndDestroy(), 'ready'],
  'client destroys': [100, plain, (socket) => socket.destroy(), 'ready'],
  'with an error': [
    40,
    plain,
    (socket) => socket.destroy(new Error('ours')),
    'ready',
  ],
  'with data unread': [
    50,
    plain,
    (socket) => {
      socket.write('w')
      socket.once('readable', () => socket.destroy())
    },
  ],
  'destroyed while connecting': [
    40,
    plain,
    // (In 'connectionAttempt' itself Node crashes, without us too.)
    (socket) => setImmediate(() => socket.destroy()),
    'connecting',
  ],
  'instrumented, server ends': [60, stock, send('e')],
  'instrumented, client ends': [40, stock, (socket) => socket.end('h')],
  refused: [20, refused, () => {}],
  'TLS, client ends': [20, secure, (socket) => socket.end('h')],
  'TLS, server ends': [12, secure, send('e')],
  'TLS, server destroys': [8, secure, send('d')],
}

const wheel = Object.entries(SCENARIOS).flatMap(([name, [share]]) =>
  Array(share).fill(name),
)

const isRefused = (records, { tcpInfoError: error }) =>
  records === 0 &&
  error instanceof TcpInfoError &&
  error.code === 'ERR_TCP_INFO_SYSTEM'

/** Far from each other, so that all are there at any time. */
const scenarioOf = (number) => wheel[(number * 619) % wheel.length]
/** More ports than one address has. */
const hostOf = (number) => `127.0.0.${1 + (number % 16)}`

/**
 * `refused`: those without a record because the system refused to give one.
 *
 * @param together as many as `concurrency` says; nothing is done with those that get
 *   ready before all are
 */
export async function connections(
  { ports, first, count, concurrency, together = false },
  onOpen = () => {},
) {
  const counts = {
    opened: 0,
    records: 0,
    refused: 0,
    wrong: 0,
    most: 0,
    byScenario: {},
  }
  let next = first
  let open = 0
  let arrived = 0
  let release
  const all = new Promise((resolve) => {
    release = resolve
  })
  const arrive = () => {
    arrived++
    if (arrived === count) release()
  }
  const one = () =>
    new Promise((resolve) => {
      const number = next++
      const name = scenarioOf(number)
      const [, make, act, when] = SCENARIOS[name]
      let records = 0
      const socket = make({ ports }, hostOf(number))
      socket.on('tcpinfo', () => records++)
      socket.on('error', () => {})
      onOpen(socket)
      if (name !== 'with data unread') socket.resume()
      const ready = make === secure ? 'secureConnect' : 'connect'
      let isReady = false
      socket.once(ready, () => {
        isReady = true
        open++
        counts.most = Math.max(counts.most, open)
        arrive()
        if (together) all.then(() => act(socket))
        else if (when === 'ready') act(socket)
      })
      if (when === 'connecting' || (!together && when !== 'ready')) act(socket)
      socket.on('close', () => {
        if (isReady) open--
        else arrive()
        counts.opened++
        counts.records += records
        counts.byScenario[name] = (counts.byScenario[name] ?? 0) + 1
        if (isRefused(records, socket)) counts.refused++
        else if (records !== 1 || !socket.tcpInfo) counts.wrong++
        resolve()
      })
    })
  const run = async () => {
    while (next < first + count) await one()
  }
  await Promise.all(Array.from({ length: concurrency }, run))
  return counts
}

/** In a worker, which ends by itself or is terminated before it can. */
export async function connectionsInWorker(options, mayFinish) {
  const worker = new Worker(new URL(import.meta.url), { workerData: options })
  const exit = once(worker, 'exit')
  const [counts] = await once(worker, 'message')
  if (mayFinish) await exit
  else await worker.terminate()
  return counts
}

if (parentPort) parentPort.postMessage(await connections(workerData))
