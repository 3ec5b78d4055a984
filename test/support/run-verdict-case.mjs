// Leads one connection of verdict-cases.mjs and prints its records as JSON:
//
//   node run-verdict-case.mjs CASE SEED
//
// Wants a network namespace of its own, for link.py to make its device in, and a
// built library.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import { connect, instrument, readTcpInfo } from '../../dist/index.js'
import { CLIENT, Link, SERVER, SERVER_OVER_LINK, sysctl } from './link.mjs'
import { cases } from './verdict-cases.mjs'

const SAMPLE_EVERY_MS = 50

/** Numbers that look random and are the same for the same seed (mulberry32). */
function generator(seed) {
  let state = seed
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
  #link
  #server
  #timer
  #listensAt = SERVER
  #reachedAt = { host: SERVER_OVER_LINK, localAddress: CLIENT }

  async link(rules) {
    this.#link ??= await new Link().ready()
    await this.#link.set(rules)
  }

  onLoopback() {
    this.tc = undefined
    this.#listensAt = '127.0.0.1'
    this.#reachedAt = { host: '127.0.0.1' }
  }

  tc(...words) {
    execFileSync('tc', words)
  }

  async listen() {
    this.#server = net.createServer({ allowHalfOpen: true })
    this.#server.listen(0, this.#listensAt)
    await once(this.#server, 'listening')
    return this.#server.address().port
  }

  connect(port, host = this.#reachedAt.host) {
    const client = connect({ ...this.#reachedAt, host, port })
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
  async pair({ reads = true } = {}) {
    const port = await this.listen()
    const client = this.connect(port)
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
sysctl('tcp_congestion_control', drawn.control)
// No connection is to begin with what an earlier one has learnt.
sysctl('tcp_no_metrics_save', 1)
const lab = new Lab()
await cases[name].run(lab, drawn)
// The final record is told on the next tick.
await new Promise((resolve) => setTimeout(resolve, 20))
process.stdout.write(
  JSON.stringify({ parameters: drawn, records: lab.records }),
  () => process.exit(),
)
