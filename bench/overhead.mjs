// What it costs to know how each connection ended, in Node and in Go. Rival:
// conniver, which wraps a net.Conn, beside plain Go, as we beside plain Node; both
// against one server. CPU time is the client's alone: a client that is faster than
// the server would hide in requests per second what it spends.

import http from 'node:http'
import net from 'node:net'
import { connect, HttpAgent } from '../dist/index.js'
import { collect, compare, pick, report } from './measure.mjs'
import { goRivals } from './rivals.mjs'
import { withServer } from './with-server.mjs'
import { churn, requests } from './workloads.mjs'

const CONNECTIONS = 1000
const REQUESTS = 3000
const CONCURRENCY = 8
const kept = { keepAlive: true, maxSockets: CONCURRENCY }

let records = 0
const count = () => {
  records++
}

const go = await goRivals()

/** Reports both figures that the variants give, each beside its own language. */
async function both(title, variants, rounds) {
  const collected = await collect(variants, { rounds })
  const bases = Object.fromEntries(
    Object.keys(variants).map((name) => [name, `${name.split(',')[0]}, plain`]),
  )
  for (const [member, what, unit] of [
    ['rate', 'Node and Go', 'per s'],
    ['cpuUs', 'CPU time', 'µs'],
  ]) {
    report(`${title}, ${what}`, unit, compare(pick(collected, member), bases))
  }
}

const inGo = (verb, port, total) =>
  Object.fromEntries(
    (go?.kinds.includes('conniver') ? ['go', 'conniver'] : []).map((kind) => [
      kind === 'go' ? 'Go, plain' : 'Go, conniver',
      async () => {
        const question = `${verb} ${kind} ${port} ${total} ${CONCURRENCY}`
        const [rate, cpuUs] = (await go.ask(question)).map(Number)
        return { rate, cpuUs }
      },
    ]),
  )

await withServer(async ([tcpPort, httpPort]) => {
  const inNode = (open) => () => churn(open, tcpPort, CONNECTIONS, CONCURRENCY)
  await both(
    'Connections',
    {
      'Node, plain': inNode((options) => net.connect(options)),
      'Node, ours with a listener': inNode((options) =>
        connect(options).on('tcpinfo', count),
      ),
      ...inGo('churn', tcpPort, CONNECTIONS),
    },
    31,
  )
  const stock = new http.Agent(kept)
  const ours = new HttpAgent(kept)
  const asked = (agent) => () =>
    requests(agent, httpPort, REQUESTS, CONCURRENCY)
  await both(
    'HTTP requests',
    {
      'Node, plain': asked(stock),
      'Node, ours': asked(ours),
      ...inGo('http', httpPort, REQUESTS),
    },
    25,
  )
  stock.destroy()
  ours.destroy()
})
go?.end()
if (records < 31 * CONNECTIONS) throw new Error('records are missing')
