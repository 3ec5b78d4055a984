// Leads connections over a bad link and prints as JSON what our records say of
// them, what others say (see witness.mjs), and what the link itself counted:
//
//   node witness-link.mjs [--program FILE] SITUATION...
//
// Wants a network namespace of its own, for link.py to make its device in, and a
// built library. The program is one for askProgram().

import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { connect, instrument } from '../../dist/index.js'
import { CLIENT, Link, SERVER, SERVER_OVER_LINK, sysctl } from './link.mjs'
import {
  askProgram,
  askSs,
  descriptorOf,
  plain,
  until,
  witness,
} from './witness.mjs'

const MIB = 1 << 20
const OPTIONS = ['tcp_timestamps', 'tcp_sack', 'tcp_window_scaling']

class Run {
  #program
  #sockets = []

  constructor(link, program) {
    this.link = link
    this.#program = program
  }

  async listen() {
    const server = net.createServer({ allowHalfOpen: true })
    this.#sockets.push({ destroy: () => server.close() })
    server.listen(0, SERVER)
    await once(server, 'listening')
    return server
  }

  connect(server) {
    const { port } = server.address()
    const client = connect({
      ...{ host: SERVER_OVER_LINK, port, localAddress: CLIENT },
      allowHalfOpen: true,
    })
    client.on('error', () => {})
    this.#sockets.push(client)
    return client
  }

  async accept(server) {
    const [accepted] = await once(server, 'connection')
    accepted.on('error', () => {})
    this.#sockets.push(accepted)
    return instrument(accepted)
  }

  /** Both ends of a connection; neither reads by itself. */
  async pair() {
    const server = await this.listen()
    const client = this.connect(server)
    const [accepted] = await Promise.all([
      this.accept(server),
      once(client, 'connect'),
    ])
    return { client, accepted }
  }

  acknowledged(socket, count) {
    return until(
      `${count} bytes acknowledged`,
      () => socket.captureTcpInfo().bytesAcked === count,
    )
  }

  is(socket, state) {
    return until(state, () => socket.captureTcpInfo().state === state)
  }

  /** The record of one that is still connecting has no remote port. */
  ask(socket, remotePort = socket.remotePort) {
    return witness(
      () => socket.captureTcpInfo(),
      ({ localPort }) => ({
        ss: askSs({ localPort, remotePort }),
        program:
          this.#program && askProgram(this.#program, descriptorOf(socket)),
      }),
    )
  }

  /** All at one moment: the link carried nothing in between. */
  async askBoth({ client, accepted }) {
    for (;;) {
      const carried = await this.link.carried(client)
      const opener = await this.ask(client)
      const answerer = await this.ask(accepted)
      const after = await this.link.carried(client)
      if (isDeepStrictEqual(carried, after))
        return { opener, answerer, carried }
    }
  }

  /** Until the last delayed ACK has arrived too. */
  async settled(client) {
    let before
    let carried = await this.link.carried(client)
    while (!isDeepStrictEqual(before, carried)) {
      await wait(150)
      before = carried
      carried = await this.link.carried(client)
    }
  }

  finish() {
    for (const socket of this.#sockets) socket.destroy()
  }
}

/** `size` bytes up over a link with these rules, and what it came to. */
async function transfer(run, size, rules) {
  const pair = await run.pair()
  const { client, accepted } = pair
  accepted.resume()
  await run.link.set(rules)
  client.write(Buffer.alloc(size))
  await run.acknowledged(client, size + 1)
  await run.settled(client)
  const result = await run.askBoth(pair)
  const closing = once(client, 'tcpinfo')
  client.destroy()
  const [last] = await closing
  return { ...result, last: plain(last) }
}

const situations = {
  async delay(run) {
    await run.link.both({ delayMs: 25 })
    const connections = []
    for (let i = 0; i < 3; i++) {
      const pair = await run.pair()
      const { client, accepted } = pair
      accepted.pipe(accepted)
      client.resume()
      client.write('ping')
      await run.acknowledged(client, 5)
      connections.push(await run.askBoth(pair))
    }
    return connections
  },

  loss: (run) =>
    transfer(run, 4 * MIB, {
      up: { delayMs: 1, dropEvery: 20 },
      down: { delayMs: 1 },
    }),

  randomLoss: (run) =>
    transfer(run, MIB, {
      up: { delayMs: 1, lose: 0.03, seed: 7 },
      down: { delayMs: 1 },
    }),

  reordering: (run) =>
    transfer(run, MIB, {
      up: { delayMs: 5, holdEvery: 20, holdMs: 4 },
      down: { delayMs: 5 },
    }),

  duplicates: (run) =>
    transfer(run, MIB, {
      up: { delayMs: 1, copyEvery: 10 },
      down: { delayMs: 1 },
    }),

  async blackhole(run) {
    await run.link.both({ delayMs: 5 })
    const pair = await run.pair()
    const { client, accepted } = pair
    await run.link.both({ blackhole: true })
    client.write(Buffer.alloc(10_000))
    accepted.write(Buffer.alloc(7_000))
    await until('two timeouts', () =>
      [client, accepted].every(
        (end) => end.captureTcpInfo().consecutiveRtos >= 2,
      ),
    )
    const silent = await run.askBoth(pair)
    client.resume()
    accepted.resume()
    await run.link.both({ delayMs: 5 })
    await run.acknowledged(client, 10_001)
    await run.acknowledged(accepted, 7_000)
    return { silent, healed: await run.askBoth(pair) }
  },

  async hole(run) {
    const ways = { up: { delayMs: 5 }, down: { delayMs: 5 } }
    await run.link.set(ways)
    const pair = await run.pair()
    await run.link.set({ up: { delayMs: 5, dropEvery: 5, dropRepeats: true } })
    // Seven segments.
    pair.client.write(Buffer.alloc(10_000))
    await until('the loss noticed', () => {
      const { raw, inLossRecovery } = pair.client.captureTcpInfo()
      return inLossRecovery && raw.tcpi_sacked === 2
    })
    const open = await run.askBoth(pair)
    await run.link.set(ways)
    await run.acknowledged(pair.client, 10_001)
    return { open, closed: await run.askBoth(pair) }
  },

  async synLost(run) {
    const server = await run.listen()
    const ways = { up: { delayMs: 5, dropSyns: 1 }, down: { delayMs: 5 } }
    await run.link.set(ways)
    const accepting = run.accept(server)
    const client = run.connect(server)
    await wait(100)
    const connecting = await run.ask(client, server.address().port)
    const accepted = await accepting
    await run.acknowledged(client, 1)
    return { connecting, ...(await run.askBoth({ client, accepted })) }
  },

  async synAckLost(run) {
    const server = await run.listen()
    const ways = { up: { delayMs: 5 }, down: { delayMs: 5, dropSyns: 1 } }
    await run.link.set(ways)
    const client = run.connect(server)
    const accepted = await run.accept(server)
    await run.acknowledged(client, 1)
    return run.askBoth({ client, accepted })
  },

  async states(run) {
    await run.link.both({ delayMs: 250 })
    const seen = {}
    // Of the byte that stays unread Node can't tell that a FIN came after it, so
    // it does not close the socket.
    const first = await run.pair()
    first.client.end('x')
    await run.is(first.client, 'FIN_WAIT_1')
    seen.ended = await run.askBoth(first)
    await run.is(first.client, 'FIN_WAIT_2')
    seen.halfClosed = await run.askBoth(first)
    first.accepted.end('y')
    await run.is(first.accepted, 'LAST_ACK')
    seen.lastAck = await run.askBoth(first)
    await run.is(first.accepted, 'CLOSED')
    seen.over = {
      opener: plain(first.client.captureTcpInfo()),
      answerer: plain(first.accepted.captureTcpInfo()),
    }
    const second = await run.pair()
    second.client.end('x')
    second.accepted.end('y')
    await run.is(second.client, 'CLOSING')
    await run.is(second.accepted, 'CLOSING')
    seen.closing = await run.askBoth(second)
    return seen
  },

  async withoutOptions(run) {
    for (const name of OPTIONS) sysctl(name, 0)
    const result = await transfer(run, 100_000, {})
    for (const name of OPTIONS) sysctl(name, 1)
    return result
  },

  async congestionMarks(run) {
    sysctl('tcp_ecn', 1)
    const marks = { up: { delayMs: 1, markEvery: 10 }, down: { delayMs: 1 } }
    const result = await transfer(run, 100_000, marks)
    sysctl('tcp_ecn', 2)
    return result
  },
}

// A machine may use another one by default, which sends at another pace.
sysctl('tcp_congestion_control', 'reno')
// No connection is to begin with what an earlier one has learnt.
sysctl('tcp_no_metrics_save', 1)
const args = process.argv.slice(2)
const program = args[0] === '--program' ? args.splice(0, 2)[1] : undefined
const link = await new Link().ready()
const results = {}
for (const name of args) {
  const run = new Run(link, program)
  await link.both({})
  results[name] = await situations[name](run)
  run.finish()
}
link.close()
process.stdout.write(JSON.stringify(results))
