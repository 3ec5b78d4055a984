// Requests over kept-alive connections. Rival: the stock http.Agent. "handed on":
// a request waits for each connection that becomes free; "from the pool": the
// connection lies there for a moment, and is looked at before it is used again.

import http from 'node:http'
import { HttpAgent } from '../dist/index.js'
import { collect, compare, pick, report } from './measure.mjs'
import { withServer } from './with-server.mjs'
import { requests } from './workloads.mjs'

const REQUESTS = 4000
const CONCURRENCY = 8
const GOAL = '>= 0.995'
const options = { keepAlive: true, maxSockets: CONCURRENCY }

const turns = {
  'handed on': (next) => next(),
  'from the pool': (next) => setImmediate(next),
}

await withServer(async ([, httpPort]) => {
  for (const [name, turn] of Object.entries(turns)) {
    const stock = new http.Agent(options)
    const ours = new HttpAgent(options)
    const load = (agent) => () =>
      requests(agent, httpPort, REQUESTS, CONCURRENCY, turn)
    const collected = await collect(
      { 'http.Agent': load(stock), HttpAgent: load(ours) },
      { rounds: 21 },
    )
    const title = `Kept-alive HTTP requests, ${name}`
    const rates = compare(pick(collected, 'rate'))
    report(title, 'per s', rates, { HttpAgent: GOAL })
    report(`${title}, CPU time`, 'µs', compare(pick(collected, 'cpuUs')))
    stock.destroy()
    ours.destroy()
  }
})
