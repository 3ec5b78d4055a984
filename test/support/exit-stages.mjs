// Brings a socket to a stage of its life and ends the process, or a worker,
// there:
//
//   node exit-stages.mjs <how> <stage> <kind> <ports as JSON>
//
// Prints the stage when it is reached, and what becomes of the worker. `how`
// can be "resources": then it prints what keeps the loop alive, stage by stage.
//
// test/socket/exit.test.ts says which there are.

import { once } from 'node:events'
import { writeSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import {
  isMainThread,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads'
import { readTcpState } from '../../dist/index.js'
import { trust } from './certificate.mjs'
import { kinds } from './kinds.mjs'

const LOCAL = '127.0.0.1'
// In the namespace that the caller made, packets to it vanish.
const SILENT = '10.255.1.1'
/** What process.exit() is given in a worker. */
const WORKER_CODE = 7

const [how, stage, kind, portsJson] = workerData ?? process.argv.slice(2)
const ports = JSON.parse(portsJson)
const api = kinds[kind]
const sockets = []

/** Not through process.stdout: that of a worker is written by its parent. */
const say = (text) => writeSync(1, `${text}\n`)

function watched(socket) {
  socket.on('error', () => {})
  socket.on('tcpinfo', () => {})
  sockets.push(socket)
  return socket
}

const open = (port, options = {}) =>
  watched(api.connect({ port, host: LOCAL, ...options }))

let isReached = false

/** The moment. */
function reach() {
  if (isReached) return
  isReached = true
  say(stage)
  if (how === 'exit') process.exit(0)
  if (how.startsWith('SIG')) {
    process.kill(process.pid, how)
    for (;;); // nobody handles it
  }
  if (how === 'worker exit') process.exit(WORKER_CODE)
  if (how === 'worker terminated') {
    parentPort.postMessage('reached')
    for (;;); // until it is terminated, here and nowhere else
  }
  // A loop that is to drain waits for no socket.
  for (const socket of sockets) socket.unref()
}

async function connected(port = ports.echo, options = {}) {
  const socket = open(port, options)
  await once(socket, 'connect')
  return socket
}

async function pooled(client, agent, port) {
  const request = client.get({
    ...{ agent, port, host: LOCAL },
    ...(client === https && trust),
  })
  const [response] = await once(request, 'response')
  response.resume()
  await once(agent, 'free')
  await new Promise(setImmediate)
  // The agent has unref'd it by itself.
  const free = Object.values(agent.freeSockets).flat()
  if (free.length !== 1) throw new Error('no pooled socket')
  reach()
}

const stages = {
  created() {
    watched(new api.Socket())
    reach()
  },
  'looking up, without answer'() {
    watched(api.connect({ port: 80, host: 'name.test', lookup() {} }))
    reach()
  },
  async 'looking up, in the thread pool'() {
    watched(api.connect({ port: ports.echo, host: 'localhost' }))
    await new Promise(process.nextTick)
    reach()
  },
  'connecting, in the same tick'() {
    open(ports.echo)
    reach()
  },
  async SYN_SENT() {
    const socket = watched(api.connect({ port: 80, host: SILENT }))
    await new Promise(setImmediate)
    if (readTcpState(socket) !== 'SYN_SENT') throw new Error('not SYN_SENT')
    reach()
  },
  async idle() {
    await connected()
    reach()
  },
  async 'a hundred sockets'() {
    await Promise.all(Array.from({ length: 100 }, () => connected()))
    reach()
  },
  async 'mid-transfer'() {
    const socket = await connected()
    socket.resume()
    socket.write(Buffer.alloc(4 << 20))
    await once(socket, 'data')
    reach()
  },
  async 'mid-transfer, without end'() {
    const socket = open(ports.flood)
    let chunks = 0
    socket.on('data', () => {
      if (++chunks === 5) reach()
    })
  },
  "in 'connect'"() {
    open(ports.echo).on('connect', reach)
  },
  "in 'data'"() {
    const socket = open(ports.echo).on('data', reach)
    socket.write('hello')
  },
  async "in 'tcpinfo', on demand"() {
    const socket = await connected()
    socket.on('tcpinfo', reach)
    socket.captureTcpInfo()
  },
  async "in 'tcpinfo', at the close"() {
    const socket = await connected()
    socket.on('tcpinfo', reach)
    socket.destroy()
  },
  "in 'error', refused"() {
    open(ports.closed).on('error', reach)
  },
  "in 'error', reset"() {
    const socket = open(ports.reset).on('error', reach)
    socket.write('hello')
  },
  async "in 'close'"() {
    const socket = await connected()
    socket.on('close', reach)
    socket.end()
    socket.resume()
  },
  async 'after destroy()'() {
    const socket = await connected()
    socket.destroy()
    reach()
  },
  'after connect() and destroy()'() {
    open(ports.echo).destroy()
    reach()
  },
  async 'after end()'() {
    const socket = await connected()
    socket.end('bye')
    socket.resume()
    reach()
  },
  async 'after captureTcpInfo()'() {
    const socket = await connected()
    if (!socket.captureTcpInfo()) throw socket.tcpInfoError
    reach()
  },
  async 'captured as the process ends'() {
    const socket = await connected()
    process.on('exit', () => {
      if (socket.captureTcpInfo()?.state !== 'ESTABLISHED') say('no record')
      socket.destroy()
      if (socket.tcpInfo?.trigger !== 'close') say('no last record')
    })
    reach()
  },
  'pooled by an http agent'() {
    const agent = new api.HttpAgent({ keepAlive: true })
    return pooled(http, agent, ports.http)
  },
  'pooled by an https agent'() {
    const agent = new api.HttpsAgent({ keepAlive: true })
    return pooled(https, agent, ports.https)
  },
}

/** What Node counts as keeping the loop alive. */
const resources = () => ({
  active: process.getActiveResourcesInfo().sort(),
  handles: process
    ._getActiveHandles()
    .map((handle) => handle.constructor.name.replace('TcpInfoSocket', 'Socket'))
    .sort(),
  requests: process._getActiveRequests().map((each) => each.constructor.name),
})

async function resourcesThroughLife() {
  const seen = []
  const note = (moment) => seen.push([moment, resources()])
  note('nothing yet')
  const socket = watched(new api.Socket())
  note('created')
  socket.connect(ports.echo, LOCAL)
  note('connect() called')
  await once(socket, 'connect')
  note('connected')
  socket.captureTcpInfo?.()
  note('captured')
  await new Promise(setImmediate)
  note('captured, told')
  socket.unref()
  note("unref'd")
  socket.captureTcpInfo?.()
  await new Promise(setImmediate)
  note("captured, unref'd")
  socket.ref()
  socket.write('hello')
  await once(socket, 'data')
  note('used')
  socket.destroy()
  note('destroyed')
  await once(socket, 'close')
  note('closed')
  await new Promise(setImmediate)
  note('long closed')
  // And one that is left open when the program has nothing else to do.
  const last = await connected()
  last.captureTcpInfo?.()
  last.unref()
  note('at the end')
  say(JSON.stringify(seen))
}

if (how === 'resources') {
  await resourcesThroughLife()
} else if (isMainThread && how.startsWith('worker')) {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: process.argv.slice(2),
  })
  worker.on('message', () => worker.terminate())
  const [code] = await once(worker, 'exit')
  say(`worker: ${code}`)
} else {
  await stages[stage]()
}
