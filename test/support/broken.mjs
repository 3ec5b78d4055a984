// What becomes of sockets when a package can't read: does the same with stock
// sockets and with those of the package, and prints as JSON what happened.
//
//   node broken.mjs <package folder> import | require <clients> [patch]
//
// `clients`: which of sockets, http and https, in their order. `patch`: what
// Node is made to give for the descriptor of a handle.

import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { createRequire } from 'node:module'
import net from 'node:net'
import path from 'node:path'
import tls from 'node:tls'
import { pathToFileURL } from 'node:url'
import { certificate, trust } from './certificate.mjs'

const LOCAL = '127.0.0.1'
const [folder, how, clients, patch] = process.argv.slice(2)

const getters = {
  'fd undefined': () => undefined,
  'fd throws': () => {
    throw new Error('no descriptor for you')
  },
}

/**
 * The class of a TCP handle is hidden, but an instance leads to it. That of TLS
 * has a getter of its own which can't be changed, so each instance gets one.
 */
async function patchHandles(get) {
  const server = net.createServer().listen(0, LOCAL)
  await once(server, 'listening')
  Object.defineProperty(Object.getPrototypeOf(server._handle), 'fd', { get })
  server.close()
  await once(server, 'close')

  const { prototype } = tls.TLSSocket
  const { _wrapHandle: wrapHandle } = prototype
  prototype._wrapHandle = function (...args) {
    const handle = wrapHandle.apply(this, args)
    return Object.defineProperty(handle, 'fd', { get })
  }
}

if (patch) await patchHandles(getters[patch])

const api =
  how === 'import'
    ? await import(pathToFileURL(path.join(folder, 'dist/index.js')))
    : createRequire(import.meta.url)(folder)

async function listen(server) {
  server.listen(0, LOCAL)
  await once(server, 'listening')
  return server.address().port
}

/** What a socket emits, by name; how data is cut is the network's choice. */
function watch(socket) {
  const events = []
  const { emit } = socket
  socket.on('tcpinfo', () => {})
  const closed = new Promise((resolve) => {
    socket.emit = (event, ...args) => {
      const name = event === 'error' ? `error ${args[0]}` : String(event)
      if (
        name !== 'newListener' &&
        !(name === 'data' && events.at(-1) === name)
      )
        events.push(name)
      const result = emit.call(socket, event, ...args)
      if (event === 'close') resolve()
      return result
    }
  })
  return { events, closed }
}

const plainError = (error) =>
  error && {
    name: error.name,
    code: error.code,
    message: error.message,
    isOurs: error instanceof api.TcpInfoError,
    hasCause: error.cause !== undefined,
  }

function plainSupport() {
  const { reason, ...rest } = api.support()
  return { ...rest, reason: plainError(reason) }
}

const thrownBy = (call) => {
  try {
    call()
    return undefined
  } catch (error) {
    return plainError(error)
  }
}

/** What our members say of a socket. */
const told = (socket) => ({
  captured: socket.captureTcpInfo?.()?.state,
  info: socket.tcpInfo?.state,
  error: plainError(socket.tcpInfoError),
  read: thrownBy(() => api.readTcpInfo(socket)),
  state: thrownBy(() => api.readTcpState(socket)),
})

/** Connects, exchanges something and closes. */
async function exchange(port, connect) {
  const socket = connect({ port, host: LOCAL })
  const { events, closed } = watch(socket)
  const before = told(socket)
  await once(socket, 'connect')
  socket.write('hello')
  const [data] = await once(socket, 'data')
  const during = told(socket)
  socket.end('bye')
  await closed
  const echoed = String(data)
  return { echoed, events, before, during, after: told(socket) }
}

/** Two requests over one kept connection. */
async function requests(client, port, agent) {
  const options = { port, host: LOCAL, agent, path: '/' }
  const bodies = []
  const sockets = new Set()
  let watched
  for (let i = 0; i < 2; i++) {
    const request = client.request({ ...options, ...trust, method: 'POST' })
    request.on('socket', (socket) => {
      watched ??= watch(socket)
      sockets.add(socket)
    })
    request.end('hello')
    const [response] = await once(request, 'response')
    let body = ''
    for await (const chunk of response) body += chunk
    bodies.push(body)
    // The socket goes back to the agent in a later tick.
    await new Promise(setImmediate)
  }
  const [socket] = sockets
  const during = told(socket)
  agent.destroy()
  await watched.closed
  const { events } = watched
  return { bodies, sockets: sockets.size, events, during, after: told(socket) }
}

const kinds = {
  stock: net.connect,
  ours: api.connect,
  instrumented: (...args) => api.instrument(net.connect(...args)),
}
const accepted = []

async function sockets() {
  const server = net.createServer((peer) => {
    accepted.push(watch(api.instrument(peer)).events)
    peer.pipe(peer)
  })
  const port = await listen(server)
  const results = {}
  for (const [kind, connect] of Object.entries(kinds)) {
    results[kind] = await exchange(port, connect)
  }
  server.close()
  return results
}

const answer = (request, response) => request.pipe(response)

async function overAgents(client, server, agents) {
  const port = await listen(server)
  const results = {}
  for (const [kind, Agent] of Object.entries(agents)) {
    const agent = new Agent({ keepAlive: true })
    results[kind] = await requests(client, port, agent)
  }
  server.close()
  return results
}

const run = {
  sockets,
  http: () =>
    overAgents(http, http.createServer(answer), {
      stock: http.Agent,
      ours: api.HttpAgent,
    }),
  https: () =>
    overAgents(https, https.createServer(certificate, answer), {
      stock: https.Agent,
      ours: api.HttpsAgent,
    }),
}

const supportBefore = plainSupport()
const results = {}
for (const client of clients.split(',')) results[client] = await run[client]()
const supportAfter = plainSupport()
process.stdout.write(
  JSON.stringify({ results, accepted, supportBefore, supportAfter }),
)
