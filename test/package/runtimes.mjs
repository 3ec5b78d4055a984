// Uses an installed copy of the package in a runtime that is not Node, copied
// beside a node_modules folder that holds it. What stock sockets do there, ours
// have to do as well; whether there are records is told in one line at the end.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import net from 'node:net'
import tls from 'node:tls'
import * as imported from 'tcpinfo-socket'

const required = createRequire(import.meta.url)('tcpinfo-socket')
const LOCAL = '127.0.0.1'
const EVENTS = ['connect', 'ready', 'data', 'end', 'error', 'close']
const fixture = (name) => fs.readFileSync(new URL(name, import.meta.url))
const cert = fixture('localhost-cert.pem')
const key = fixture('localhost-key.pem')

async function listen(server) {
  server.listen(0, LOCAL)
  await once(server, 'listening')
  return server.address().port
}

const seen = new Set()

/** A record, or a reason. */
function check({ TcpInfoError }, info, error) {
  if (info) {
    assert.ok(info.remotePort > 0 && info.state.length > 0)
    seen.add('records')
  } else {
    assert.ok(error instanceof TcpInfoError && error.message.length > 20)
    seen.add(error.code)
  }
}

/** The events of a socket to its end, and its records apart. */
async function live(socket, api, act) {
  const events = []
  for (const event of EVENTS) {
    socket.on(event, (value) => events.push([event, value?.code]))
  }
  let finals = 0
  if (api)
    socket.on('tcpinfo', ({ trigger }) => (finals += trigger === 'close'))
  const closed = new Promise((resolve) => socket.on('close', resolve))
  act?.(socket)
  if (api)
    socket.on('data', () =>
      check(api, socket.captureTcpInfo(), socket.tcpInfoError),
    )
  await closed
  if (api) {
    assert.equal(finals, socket.tcpInfo ? 1 : 0)
    check(api, socket.tcpInfo, socket.tcpInfoError)
  }
  return events
}

async function compare(api) {
  const server = net.createServer((peer) =>
    peer.on('error', () => {}).pipe(peer),
  )
  const port = await listen(server)
  const acts = {
    end: (socket) => socket.on('data', () => socket.end()).write('x'),
    destroy: (socket) => socket.on('data', () => socket.destroy()).write('x'),
    'destroy at once': (socket) => socket.destroy(),
  }
  for (const [name, act] of Object.entries(acts)) {
    const stock = await live(net.connect(port, LOCAL), undefined, act)
    const ours = await live(api.connect(port, LOCAL), api, act)
    assert.deepEqual(ours, stock, name)
    const other = api.instrument(net.connect(port, LOCAL))
    assert.deepEqual(await live(other, api, act), stock, name)
  }
  server.close()
  await once(server, 'close')
  const refused = await live(net.connect(port, LOCAL))
  assert.deepEqual(await live(api.connect(port, LOCAL), api), refused)
}

async function accepted(api) {
  const server = net.createServer()
  const client = net.connect(await listen(server), LOCAL).resume()
  const [peer] = await once(server, 'connection')
  assert.equal(api.instrument(peer), peer)
  check(api, peer.captureTcpInfo(), peer.tcpInfoError)
  try {
    check(api, api.readTcpInfo(peer))
  } catch (error) {
    check(api, undefined, error)
  }
  peer.end('x')
  await once(client, 'close')
  server.close()
}

async function overTls(api) {
  const server = tls.createServer({ cert, key }, (peer) => peer.end('x'))
  const options = { host: LOCAL, servername: 'localhost', ca: cert }
  const port = await listen(server)
  const stock = await live(tls.connect({ port, ...options }))
  const socket = api.instrument(tls.connect({ port, ...options }))
  assert.deepEqual(await live(socket, api), stock)
  server.close()
}

async function overHttp(api) {
  const server = http.createServer((_, response) => response.end('hello'))
  const port = await listen(server)
  const agent = new api.HttpAgent()
  const request = http.get({ host: LOCAL, port, agent })
  const [response] = await once(request, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  assert.equal(body, 'hello')
  const { socket } = request
  // Not every runtime asks its agent for a socket.
  seen.add(
    `http.Agent ${socket instanceof api.TcpInfoSocket ? 'used' : 'ignored'}`,
  )
  agent.destroy()
  server.close()
}

for (const [name, api] of Object.entries({ imported, required })) {
  for (const test of [compare, accepted, overTls, overHttp]) {
    try {
      await test(api)
    } catch (cause) {
      throw new Error(`${test.name} (${name}): ${cause.message}`, { cause })
    }
  }
}
const { supported, reason } = imported.support()
console.log(
  `ok ${supported ? 'supported' : reason.code}; ${[...seen].join(', ')}`,
)
process.exit()
