// What the tests in this folder share: the installed package, its addon, and
// the stand-in for the Windows call (ioctl-stand-in.cc). They run in node.exe
// under Wine, beside a node_modules folder that holds the package:
//
//   TCPINFO_STAND_IN       Windows path of the stand-in; without it the system
//                          itself answers
//   TCPINFO_HOST_SOCKET    Unix path on which tcp-info-host.py listens

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import * as api from 'tcpinfo-socket'

const require = createRequire(import.meta.url)
const manifest = require.resolve('tcpinfo-socket/package.json')
const addon = createRequire(manifest)('node-gyp-build')(path.dirname(manifest))

export { addon, api }

const { TCPINFO_STAND_IN: file, TCPINFO_HOST_SOCKET: host } = process.env
const native = file ? require(file) : undefined
if (native) assert.equal(native.install(Buffer.from(host)), 1)

const KERNEL = 0
const CONNECTED_ONLY = 1
const OPEN_ONLY = 2
const PATTERN = 3

const AS_THEY_ARE = {
  mode: KERNEL,
  returned: -1,
  refusals: { v0: 0, v1: 0, v2: 0 },
}
let config = AS_THEY_ARE

function configure(changes) {
  config = { ...config, ...changes }
  const { v0, v1, v2 } = config.refusals
  native.configure(config.mode, config.returned, v0, v1, v2)
}

export const standIn = {
  /** The figures of the Linux socket below Wine's. */
  kernel: () => configure({ mode: KERNEL }),
  /** Likewise, but 10045 before the connection is made. */
  connectedOnly: () => configure({ mode: CONNECTED_ONLY }),
  /** Likewise, but 10045 once the connection is over. */
  openOnly: () => configure({ mode: OPEN_ONLY }),
  /** Every byte is its own offset; State is 4, ESTABLISHED. */
  pattern: () => configure({ mode: PATTERN }),
  /** Error numbers by version; the versions left out answer. */
  refuse: ({ v0 = 0, v1 = 0, v2 = 0 }) =>
    configure({ refusals: { v0, v1, v2 } }),
  /** How many bytes are said to have been filled, right or wrong. */
  returned: (bytes) => configure({ returned: bytes }),
  reset: () => configure(AS_THEY_ARE),
}

/** How many times WSAIoctl was called so far. */
export const calls = () => native.calls()

/** A listening server that ends with the test. */
export async function listen(t, server, ...where) {
  const peers = new Set()
  server.on('connection', (peer) => {
    peers.add(peer)
    peer.on('error', () => {}).on('close', () => peers.delete(peer))
  })
  t.after(() => {
    server.close()
    for (const peer of peers) peer.destroy()
  })
  server.listen(...(where.length > 0 ? where : [0, '127.0.0.1']))
  await once(server, 'listening')
  return server
}

/** Both ends of a connection, which ends with the test. */
export async function connection(
  t,
  { server, host = '127.0.0.1', connect = api.connect, ...options } = {},
) {
  server ??= await listen(t, net.createServer({ allowHalfOpen: true }))
  const accepted = once(server, 'connection')
  const { port } = server.address()
  const client = connect({ port, host, allowHalfOpen: true, ...options })
  t.after(() => client.destroy())
  client.on('error', () => {})
  const [[peer]] = await Promise.all([accepted, once(client, 'connect')])
  return { server, client, peer }
}

const BLOCKED_SERVER = `
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:worker_threads').parentPort.postMessage(server.address().port)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`

/**
 * A socket whose SYN gets no answer: the listener's queue is full, and Linux
 * then drops what comes. (Windows itself would refuse.)
 */
export async function unanswered(t, connect = api.connect) {
  const worker = new Worker(BLOCKED_SERVER, { eval: true })
  t.after(() => worker.terminate())
  const [port] = await once(worker, 'message')
  // More than libuv accepts without its program (32) and the queue holds.
  const sockets = Array.from({ length: 48 }, () => connect(port, '127.0.0.1'))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
  })
  for (const socket of sockets) socket.on('error', () => {})
  await sleep(500)
  return sockets.find(({ connecting }) => connecting)
}
