// Makes the observations with one kind of socket and prints as JSON what was
// logged, by name:
//
//   node run-observations.mjs stock | ours | instrumented
//
// As "child" it answers through a socket that it is sent; as a worker of a cluster
// it tells of the first socket that it accepts.

import { fork } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import net from 'node:net'
import stream from 'node:stream'
import tls from 'node:tls'
import { certificate, trust } from './certificate.mjs'
import { kinds } from './kinds.mjs'
import { observations } from './observations.mjs'

const LOCAL = '127.0.0.1'
/** Members of ours, by whatever symbols. */
const OURS =
  /^(captureTcpInfo|tcpInfo|tcpInfoError|Symbol\(tcpinfo-socket\..*\))$/
/** The listeners that ours have until they are connected. */
const EXTRA = ['connect', 'connectionAttempt']

const LONGEST_MS = 10_000

const kind = process.argv[2]
if (kind === 'registered') await import('../../dist/register.js')

const typeName = (value) =>
  value.constructor?.name?.replace('TcpInfoSocket', 'Socket') ?? 'no class'

const isStock = (name) => !OURS.test(String(name))
const isPlain = (value) =>
  [Object.prototype, null].includes(Object.getPrototypeOf(value))

class Observer {
  kind = kind
  entries = []
  servers = []
  sockets = []
  trust = trust

  constructor() {
    const { connect, Socket, HttpAgent } = kinds[kind]
    Object.assign(this, { Socket, HttpAgent })
    this.connect = (...args) => {
      const socket = connect(...args)
      this.sockets.push(socket)
      return socket
    }
  }

  log(...values) {
    this.entries.push(this.#plain(values))
  }

  /** For what stock sockets do not have. */
  check(isRight) {
    if (!isRight) this.entries.push(['WRONG', new Error().stack])
  }

  try(what, action) {
    try {
      const result = action()
      this.log(what, 'gave', result)
      return result
    } catch (error) {
      this.log(what, 'threw', error)
    }
  }

  logThrow(action) {
    this.try('it', action)
  }

  wait(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  /** Logs every event. */
  watch(socket) {
    const { emit } = socket
    socket.emit = (event, ...args) => {
      if (event !== 'tcpinfo') this.#logEvent(event, args)
      return emit.call(socket, event, ...args)
    }
    this.sockets.push(socket)
    return socket
  }

  #logEvent(event, args) {
    const last = this.entries.at(-1)
    // How data is cut into chunks is the network's choice.
    if (event === 'readable') return
    if (event === 'data' && last?.[1] === 'data') return
    const values = event === 'data' ? [] : args
    this.entries.push(this.#plain(['event', event, ...values]))
  }

  listen(server) {
    this.servers.push(server)
    server.on('connection', (peer) => {
      this.servers.push({ close: () => peer.destroy() })
      peer.on('error', () => {})
    })
    server.listen(0, LOCAL)
    return once(server, 'listening').then(() => server.address().port)
  }

  listenTls(onConnection) {
    return this.listen(tls.createServer(certificate, onConnection))
  }

  async freePort() {
    // One that is in use, but nobody listens on it; and none that the kernel gives to
    // clients: who connects to the port that it was given is connected to itself.
    for (;;) {
      const localPort = 20_000 + Math.floor(10_000 * Math.random())
      const socket = net.connect({ port: this.sink, host: LOCAL, localPort })
      try {
        await once(socket, 'connect')
      } catch {
        continue // in use
      }
      this.servers.push({ close: () => socket.destroy() })
      return localPort
    }
  }

  /** Connected, to a peer that reads. */
  async connected() {
    const server = net.createServer()
    const socket = this.connect(await this.listen(server), LOCAL)
    const [[peer]] = await Promise.all([
      once(server, 'connection'),
      once(socket, 'connect'),
    ])
    peer.resume()
    return socket
  }

  async begin() {
    const serve = (onConnection) => this.listen(net.createServer(onConnection))
    this.echo = await serve((peer) => peer.pipe(peer))
    this.sink = await serve((peer) => peer.resume())
    this.hello = await serve((peer) => peer.end('hello'))
    this.closed = await this.freePort()
    // What it opens once.
    const socket = this.connect(this.hello, 'localhost').resume()
    await once(socket, 'close')
    await this.wait(10)
  }

  async end() {
    for (const socket of this.sockets) {
      socket.on('error', () => {})
      socket.destroy()
    }
    for (const server of this.servers) server.close()
    await this.wait(10)
  }

  /** What is read under every name that stock sockets have or inherit. */
  properties(socket) {
    // (One of the names is __proto__.)
    const found = Object.create(null)
    const names = new Set()
    for (let each = socket; each; each = Object.getPrototypeOf(each)) {
      for (const name of Reflect.ownKeys(each)) names.add(name)
    }
    for (const name of [...names].filter(isStock)) {
      // Listeners have an observation of their own.
      if (['_events', '_eventsCount'].includes(name)) continue
      try {
        const value = socket[name]
        found[String(name)] = /async_?id/i.test(String(name))
          ? value > 0
          : typeof value === 'function'
            ? `function of ${value.length}`
            : value
      } catch (error) {
        found[String(name)] = error
      }
    }
    return Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1))
  }

  /** How many of each, without those of ours that README.md tells of. */
  listeners(socket) {
    const isWaiting = (event) =>
      socket.listeners(event).some(({ name }) => name.startsWith('forward'))
    const counts = {}
    for (const event of socket.eventNames()) {
      if (event === 'tcpinfo') continue
      const extra = EXTRA.includes(event) && isWaiting(event) ? 1 : 0
      // Once it is connected they are gone.
      if (extra && !socket.pending) this.check(false)
      const count = socket.listenerCount(event) - extra
      if (count > 0) counts[String(event)] = count
    }
    return counts
  }

  /** Every call of a TCP handle, by which Node asks for something of the system. */
  spyOnHandles() {
    const calls = []
    const probe = new net.Socket().connect(this.closed, LOCAL)
    const { prototype } = probe._handle.constructor
    probe.on('error', () => {}).destroy()
    const stock = Object.getOwnPropertyDescriptors(prototype)
    for (const [name, { value }] of Object.entries(stock)) {
      if (typeof value !== 'function' || name === 'constructor') continue
      prototype[name] = function (...args) {
        const plain = args.filter((each) => typeof each !== 'object')
        // The peer's end of it is in this process too.
        if (this.isClient) calls.push([name, ...plain].join(' '))
        if (/^connect/.test(name)) {
          this.isClient = true
          calls.push(name)
        }
        return value.apply(this, args)
      }
    }
    return {
      stop: () => {
        for (const [name, descriptor] of Object.entries(stock)) {
          if (name !== 'constructor')
            Object.defineProperty(prototype, name, descriptor)
        }
        return calls
      },
    }
  }

  clusterWorker() {
    cluster.setupPrimary({ exec: process.argv[1], args: [kind] })
    return cluster.fork()
  }

  async sendToChild(socket, options) {
    const child = fork(process.argv[1], ['child'])
    await new Promise((resolve, reject) =>
      child.send('socket', socket, options, (error) =>
        error ? reject(error) : resolve(),
      ),
    )
    const [answer] = await once(child, 'message')
    await once(child, 'exit')
    return answer
  }

  masked(text) {
    return text
      .replaceAll('TcpInfoSocket', 'Socket')
      .replaceAll(/Socket extends Socket/g, 'Socket')
      .replaceAll(/\d{2,}(\.\d+)?|(?<=_idleStart: )\d+/g, 'N')
      .replaceAll(/(async_id_symbol\)\]|asyncId): \d+/g, '$1: N')
      .replaceAll(/\(Socket\) /g, '')
  }

  #plain(value, depth = 0) {
    if (value instanceof Error) {
      const { name, code, message, syscall, address } = value
      return { name, code, syscall, address, message: this.masked(message) }
    }
    if (Array.isArray(value)) {
      return value.map((each) => this.#plain(each, depth))
    }
    if (typeof value === 'function') return 'function'
    if (typeof value === 'symbol' || typeof value === 'bigint') {
      return String(value)
    }
    // Ports and times; what is small says something.
    if (typeof value === 'number') return value < 20_000 ? value : 'number'
    if (typeof value === 'string') return this.masked(value)
    if (value === undefined) return 'undefined'
    if (typeof value !== 'object' || value === null) return value
    if (depth < 2 && isPlain(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([name, each]) => [
          name,
          this.#plain(each, depth + 1),
        ]),
      )
    }
    return value instanceof Uint8Array || value instanceof stream.Stream
      ? typeName(value)
      : `a ${typeName(value)}`
  }
}

if (cluster.isWorker) {
  const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    const events = [socket.isPaused(), socket.readyState]
    for (const event of ['data', 'end', 'finish', 'close']) {
      socket.on(event, () => events.push(event))
    }
    kinds[kind].adopt(socket).on('close', () => process.send(events))
    socket.pipe(socket)
    socket.resume()
  })
  server.listen(0, LOCAL, () => process.send(server.address().port))
} else if (kind === 'child') {
  process.once('message', (_, socket) => {
    process.send(`${socket.constructor.name} ${socket.readyState}`)
    socket.on('close', () => process.disconnect())
    socket.resume().end('from the child')
  })
} else {
  const results = {}
  let t
  // What no stock socket survives, ours need not either.
  process.on('uncaughtException', (error) => t.log('uncaught', error))
  for (const { name, run } of observations) {
    t = new Observer()
    await t.begin()
    t.entries = []
    const end = await Promise.race([
      Promise.resolve(run(t)).then(
        () => 'done',
        (error) => error,
      ),
      t.wait(LONGEST_MS).then(() => 'not done'),
    ])
    t.log('end', end)
    results[name] = [...t.entries]
    await t.end()
  }
  process.stdout.write(JSON.stringify(results), () => process.exit())
}
