// Runs the scenarios in this process with one kind of socket and prints what
// happened as JSON:
//
//   node run-scenarios.mjs stock | ours | instrumented | registered | twice [names]
//   node run-scenarios.mjs about      which Node that is
//
// names: of the scenarios to run, as JSON; else all. What HOSTILE in the environment names is done
// to the program once all is loaded: see hostile.mjs.
//
// Wants a network namespace of its own (see namespace.ts), and as descriptor 3 a
// TCP connection to an echo server.

import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { certificate, trust } from './certificate.mjs'
import { beHostile } from './hostile.mjs'
import { kinds } from './kinds.mjs'
import { scenarios } from './scenarios.mjs'

const [kind, choice] = process.argv.slice(2)
const chosen = choice && JSON.parse(choice)
const api = kinds[kind]
if (kind === 'registered' || kind === 'twice') {
  await import('../../dist/register.js')
}
if (kind === 'twice') await import('../../dist/register.cjs')
beHostile()
const major = Number.parseInt(process.versions.node, 10)
if (kind === 'about') {
  process.stdout.write(JSON.stringify({ major, platform: process.platform }))
  process.exit()
}
const directory = mkdtempSync(path.join(tmpdir(), 'scenarios-'))

process.on('uncaughtException', (error) => {
  console.error(error)
  process.exit(1)
})

class Run {
  entries = []
  watched = []
  servers = []
  ports = new Map()
  trust = trust

  log(...values) {
    this.entries.push(['log', ...values])
  }

  logThrow(action) {
    try {
      action()
      this.log('did not throw')
    } catch (error) {
      this.log('threw', error.name, error.code, error.message)
    }
  }

  connect(...args) {
    return this.#watch(api.connect(...args), 'socket')
  }

  socket(options) {
    return this.#watch(new api.Socket(options), 'socket')
  }

  adopt(socket, label = 'socket') {
    return this.#watch(api.adopt(socket), label)
  }

  wait(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }

  async closed(socket) {
    const { watched } = this
    const entry = watched.find((each) => each.socket === socket)
    if (!entry.closes) await new Promise((resolve) => (entry.onClose = resolve))
    entry.closes = 0
  }

  listen(onConnection, options = {}) {
    return this.#listen(net.createServer(options, onConnection))
  }

  listenTls(onConnection) {
    const server = tls.createServer(certificate, onConnection)
    server.on('tlsClientError', () => {})
    return this.#listen(server)
  }

  async listenUnix(onConnection) {
    const file = path.join(directory, `${this.servers.length}.sock`)
    const server = net.createServer(onConnection)
    this.servers.push(server)
    server.listen(file)
    await once(server, 'listening')
    return file
  }

  async freePort() {
    const server = net.createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address()
    server.close()
    await once(server, 'close')
    this.ports.set(port, 'free port')
    return port
  }

  /** One that the kernel has connected and Node does not know. */
  connectedDescriptor = 3

  async #listen(server) {
    this.servers.push(server)
    server.on('connection', (peer) => {
      peer.on('error', () => {})
      this.servers.push({ close: () => peer.destroy() })
    })
    server.on('secureConnection', (peer) => peer.on('error', () => {}))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address()
    this.ports.set(port, 'server port')
    return port
  }

  #watch(socket, label) {
    const entry = { socket, label, closes: 0, records: [] }
    this.watched.push(entry)
    if (kind === 'registered') this.#subscribe(entry)
    const { emit } = socket
    socket.emit = (event, ...args) => {
      if (event === 'tcpinfo') {
        if (kind !== 'registered') {
          entry.records.push(this.#record(args[0], entry))
        }
      } else {
        this.#logEvent(label, event, args)
      }
      const result = emit.call(socket, event, ...args)
      if (event === 'close') {
        entry.closed = true
        entry.closes++
        entry.onClose?.()
      }
      return result
    }
    socket.on('error', () => {})
    socket.on('tcpinfo', () => {})
    return socket
  }

  #subscribe(entry) {
    // Of TLS over a socket the record comes with that socket.
    const sockets = [entry.socket, entry.socket._parent]
    subscribe('tcpinfo-socket:capture', ({ socket, info }) => {
      if (!sockets.includes(socket) || info.trigger === 'attempt') return
      entry.newest = info
      entry.records.push(this.#record(info, entry))
    })
  }

  #record(info, entry) {
    return {
      trigger: info.trigger,
      state: info.state,
      isNewest: newestOf(entry) === info,
      afterClose: entry.closed === true,
      afterError: this.entries.at(-1)?.[1] === 'error',
      remotePort: this.ports.get(info.remotePort) ?? typeof info.remotePort,
      bytesReceived: info.bytesReceived,
    }
  }

  #logEvent(label, event, args) {
    const values = args.map((each) => this.#plain(each))
    const last = this.entries.at(-1)
    // How data is cut into chunks is the network's choice.
    if (event === 'data' && last?.[1] === 'data' && last[0] === label) {
      last[2] += values[0]
    } else {
      this.entries.push([label, String(event), ...values])
    }
  }

  #plain(value) {
    if (value instanceof Error) {
      const { name, code, errno, syscall, address, message } = value
      const errors = value.errors?.map((each) => this.#plain(each))
      return {
        ...{ name, code, errno, syscall, address, errors },
        message: this.#masked(message),
      }
    }
    if (typeof value === 'string' || value instanceof Uint8Array) {
      return value.length
    }
    if (typeof value === 'number') return this.#masked(String(value))
    return typeof value === 'object' && value !== null
      ? value.constructor.name.replace('TcpInfoSocket', 'Socket')
      : value
  }

  #masked(text) {
    let masked = text
    for (const [port, name] of this.ports) {
      masked = masked.replaceAll(String(port), name)
    }
    return masked.replaceAll(/(Local \([^:]*:)\d+/g, '$1port')
  }

  async finish() {
    for (const { socket } of this.watched) socket.destroy()
    for (const server of this.servers) server.close()
    await this.wait(30)
  }

  outcome() {
    return this.watched.map((entry) => {
      const info = newestOf(entry)
      return {
        label: entry.label,
        records: entry.records,
        hasInfo: info !== undefined,
        infoState: info?.state,
        raw: info && Object.keys(info.raw).length,
        error: entry.socket.tcpInfoError?.code,
      }
    })
  }
}

function newestOf({ socket, newest }) {
  return kind === 'registered' ? newest : socket.tcpInfo
}

const LONGEST_MS = 10_000

const countDescriptors = () =>
  process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0

// What Node opens once and for all (the thread pool's eventfd and such) is no
// leak of the first scenario.
const warmUp = new Run()
await scenarios[0].run(warmUp)
await warmUp.finish()

const results = []
for (const { name, run, nodes, platforms } of scenarios) {
  if (chosen && !chosen.includes(name)) continue
  if (nodes && !nodes(major)) continue
  if (platforms && !platforms.includes(process.platform)) continue
  const t = new Run()
  const before = countDescriptors()
  // Under Wine some attempts never end, whoever makes them.
  const ended = await Promise.race([
    run(t).then(() => true),
    t.wait(LONGEST_MS).then(() => false),
  ])
  await t.finish()
  for (let i = 0; i < 50 && countDescriptors() > before; i++) await t.wait(20)
  results.push({
    name,
    ended,
    entries: t.entries,
    outcome: kind === 'stock' ? [] : t.outcome(),
    leaked: countDescriptors() - before,
  })
}
rmSync(directory, { recursive: true })
// (Without the timers of those that ended in time.)
process.stdout.write(JSON.stringify(results), () => process.exit())
