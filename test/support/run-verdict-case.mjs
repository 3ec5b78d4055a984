// Leads one connection of verdict-cases.mjs and prints its records as JSON:
//
//   node run-verdict-case.mjs CASE SEED
//
// Wants a network namespace of its own, for link.py to make its device in, and a
// built library.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import { connect, instrument, readTcpInfo } from '../../dist/index.js'
import { CLIENT, Link, SERVER, SERVER_OVER_LINK, sysctl } from './link.mjs'
import { cases } from './verdict-cases.mjs'

const SAMPLE_EVERY_MS = 50

/** Numbers that look random and are the same for the same seed (mulberry32). */
function generator(seed) {
  // Neighbouring seeds are to begin far from each other.
  let state = Math.imul(seed, 0x9e3779b1)
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (low, high) => low + Math.floor(next() * (high - low + 1))
  return { between, one: (list) => list[between(0, list.length - 1)] }
}

class Lab {
  records = []
  #control
  #link
  #server
  #timer
  #listensAt = SERVER
  #reachedAt = { host: SERVER_OVER_LINK, localAddress: CLIENT }

  constructor(control) {
    this.#control = control
  }

  async link(rules) {
    if (!this.#link) {
      this.#link = await new Link().ready()
      // Of the route: of a whole namespace only those can be chosen that the
      // machine's administrator allows for everybody.
      this.route()
    }
    await this.#link.set(rules)
  }

  /** How much the machine itself delayed packets. */
  async lateMs() {
    return this.#link ? (await this.#link.set({})).lateMs : 0
  }

  /** With these words for the metrics of the way to the server. */
  route(...metrics) {
    const route = ['route', 'change', '10.9.2.0/24', 'dev', 'link0']
    this.ip(...route, 'congctl', this.#control, ...metrics)
  }

  /** Linux looks up a locked metric only where it remembers a connection. */
  async learnRoute() {
    sysctl('tcp_no_metrics_save', 0)
    const port = await this.listen()
    this.#server.on('connection', (accepted) => accepted.end().resume())
    const client = net.connect({ ...this.#reachedAt, port }).resume()
    await once(client, 'close')
  }

  onLoopback() {
    this.#listensAt = '127.0.0.1'
    this.#reachedAt = { host: '127.0.0.1' }
  }

  tc(...words) {
    execFileSync('tc', words)
  }

  ip(...words) {
    execFileSync('ip', words.map(String))
  }

  async listen() {
    this.#server = net.createServer({ allowHalfOpen: true })
    this.#server.listen(0, this.#listensAt)
    await once(this.#server, 'listening')
    return this.#server.address().port
  }

  connect(port, options) {
    const client = connect({ ...this.#reachedAt, ...options, port })
    client.on('error', () => {})
    client.captured = () => this.#sample(client)
    client.on('tcpinfo', (info) => this.records.push(info))
    this.#timer = setInterval(() => this.#sample(client), SAMPLE_EVERY_MS)
    client.on('close', () => clearInterval(this.#timer))
    return client
  }

  #last
  #sample(client) {
    const info = readTcpInfo(client)
    // Whoever looks more often than that does not make more samples.
    const { capturedAt } = info
    if (!(capturedAt - this.#last < SAMPLE_EVERY_MS)) {
      this.records.push(info)
      this.#last = capturedAt
    }
    return info
  }

  /** Both ends of a connection. */
  async pair({ reads = true, ...options } = {}) {
    const port = await this.listen()
    const client = this.connect(port, options)
    const [[accepted]] = await Promise.all([
      once(this.#server, 'connection'),
      once(client, 'connect'),
    ])
    accepted.on('error', () => {})
    if (reads) accepted.resume()
    return { client, accepted: instrument(accepted) }
  }
}

const [name, seed] = process.argv.slice(2)
const drawn = cases[name].parameters(generator(Number(seed)))
const available = readFileSync(
  '/proc/sys/net/ipv4/tcp_available_congestion_control',
  'utf8',
)
// Every Linux has Reno. (On loopback it is the machine's default.)
if (drawn.control && !available.split(/\s/).includes(drawn.control)) {
  drawn.control = 'reno'
}
// No connection is to begin with what an earlier one has learnt.
sysctl('tcp_no_metrics_save', 1)
const lab = new Lab(drawn.control)
await cases[name].run(lab, drawn)
// The final record is told on the next tick.
await new Promise((resolve) => setTimeout(resolve, 20))
const lateMs = await lab.lateMs()
process.stdout.write(
  JSON.stringify({ parameters: drawn, lateMs, records: lab.records }),
  () => process.exit(),
)
