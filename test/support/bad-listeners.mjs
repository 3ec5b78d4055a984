// Listeners that throw or reject, in a process of their own because what they
// do reaches all of it; prints as JSON what happened:
//
//   node bad-listeners.mjs <stock | ours | instrumented> <scenario>
//
// With stock sockets the listener is one of 'connect', to compare with.

import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import tls from 'node:tls'
import { connect, instrument } from '../../dist/index.js'

const LOCAL = '127.0.0.1'
const MANY = 200
const [kind, scenario] = process.argv.slice(2)
const open = {
  stock: net.connect,
  ours: connect,
  instrumented: (...args) => instrument(net.connect(...args)),
}[kind]

const uncaught = []
process.on('uncaughtException', (error, origin) =>
  uncaught.push([error?.message ?? error, origin]),
)

const countDescriptors = () => readdirSync('/proc/self/fd').length

const server = net.createServer((peer) => {
  peer.on('error', () => {})
  peer.on('data', (data) => {
    if (String(data) === 'reset') peer.resetAndDestroy()
    else peer.write(data)
  })
})
server.listen(0, LOCAL)
await once(server, 'listening')
const { port } = server.address()

/** A socket whose events are kept, those of the bad listener included. */
function observed(socket = open({ port, host: LOCAL })) {
  const events = []
  const { emit } = socket
  socket.emit = (event, ...args) => {
    if (['tcpinfo', 'error', 'close'].includes(event)) {
      events.push(event === 'error' ? `error ${args[0].message}` : event)
    }
    return emit.call(socket, event, ...args)
  }
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.on('error', () => {})
  return { socket, events, closed }
}

const ends = {
  'destroy()': (socket) => socket.destroy(),
  'destroy(error)': (socket) => socket.destroy(new Error('of destroy')),
  'end()': (socket) => socket.end().resume(),
  'a reset': (socket) => socket.write('reset'),
  'resetAndDestroy()': (socket) => socket.resetAndDestroy(),
}

async function throwAtTheClose(end) {
  const { socket, events, closed } = observed()
  await once(socket, 'connect')
  const calls = []
  socket.on('tcpinfo', () => calls.push('before'))
  socket.on('tcpinfo', (info) => {
    throw new Error(`thrown at ${info.trigger}`)
  })
  socket.on('tcpinfo', () => calls.push('after'))
  ends[end](socket)
  await closed
  const { destroyed, tcpInfo } = socket
  return { events, calls, destroyed, trigger: tcpInfo?.trigger }
}

async function throwOnDemand() {
  const { socket, events, closed } = observed()
  await once(socket, 'connect')
  socket.on('tcpinfo', (info) => {
    throw new Error(`thrown at ${info.trigger}`)
  })
  const states = []
  for (let i = 0; i < 3; i++) {
    states.push(socket.captureTcpInfo()?.state)
    await wait(5)
  }
  socket.write('hello')
  const [data] = await once(socket, 'data')
  socket.end().resume()
  socket.on('end', () => socket.end())
  socket.destroySoon()
  await closed
  return { events, states, data: String(data) }
}

async function throwInMany() {
  const all = Array.from({ length: MANY }, () => observed())
  await Promise.all(all.map(({ socket }) => once(socket, 'connect')))
  for (const [i, { socket }] of all.entries()) {
    socket.on('tcpinfo', () => {
      throw new Error(`thrown by ${i}`)
    })
  }
  for (const { socket } of all) socket.destroy()
  await Promise.all(all.map(({ closed }) => closed))
  return {
    closed: all.filter(({ socket }) => socket.closed).length,
    records: all.filter(({ socket }) => socket.tcpInfo).length,
    thrown: new Set(uncaught.map(([message]) => message)).size,
  }
}

/** A TLSSocket and the socket beneath it are told apart from one another. */
async function throwBeneathTls() {
  const raw = open({ port, host: LOCAL })
  await once(raw, 'connect')
  const over = instrument(tls.connect({ socket: raw }))
  over.on('error', () => {})
  const calls = []
  raw.on('tcpinfo', () => {
    throw new Error('thrown beneath')
  })
  over.on('tcpinfo', () => calls.push('over'))
  const closed = once(raw, 'close')
  over.destroy()
  await closed
  await wait(5)
  return { calls }
}

async function reject(options, asks) {
  const { socket, events, closed } = observed(
    open({ port, host: LOCAL, ...options }),
  )
  socket.on(kind === 'stock' ? 'connect' : 'tcpinfo', async (info) => {
    throw new Error(`rejected at ${info?.trigger ?? 'connect'}`)
  })
  await once(socket, 'connect')
  if (asks) socket.captureTcpInfo?.()
  await wait(20)
  const wasDestroyed = socket.destroyed
  socket.destroy()
  await closed
  await wait(20)
  return { events, wasDestroyed }
}

const scenarios = {
  ...Object.fromEntries(
    Object.keys(ends).map((end) => [end, () => throwAtTheClose(end)]),
  ),
  'on demand': throwOnDemand,
  many: throwInMany,
  'beneath TLS': throwBeneathTls,
  'rejects on demand': () => reject({}, true),
  'rejects at the close': () => reject({}, false),
  'rejects on demand, captured': () =>
    reject({ captureRejections: true }, true),
  'rejects at the close, captured': () =>
    reject({ captureRejections: true }, false),
}

// What Node opens once and for all is no leak.
const warmUp = observed()
await once(warmUp.socket, 'connect')
warmUp.socket.destroy()
await warmUp.closed
await wait(20)

const before = countDescriptors()
const outcome = await scenarios[scenario]()
for (let i = 0; i < 100 && countDescriptors() > before; i++) await wait(10)
// Less than before is no leak: what Node opens once may be closed meanwhile.
const leaked = Math.max(0, countDescriptors() - before)
process.stdout.write(JSON.stringify({ ...outcome, uncaught, leaked }))
server.close()
