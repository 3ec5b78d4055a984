// Requests over kept-alive connections. Rival: the stock http.Agent. "handed on":
// a request waits for each connection that becomes free; "from the pool": the
// connection lies there for a moment, and is looked at before it is used again.

import http from 'node:http'
import { HttpAgent } from '../dist/index.js'
import { interleave, report } from './measure.mjs'
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
    const perSecond = (agent) => async () => {
      const { rate } = await requests(
        agent,
        httpPort,
        REQUESTS,
        CONCURRENCY,
        turn,
      )
      return rate
    }
    const rows = await interleave(
      { 'http.Agent': perSecond(stock), HttpAgent: perSecond(ours) },
      { rounds: 25 },
    )
    const title = `Kept-alive HTTP requests, ${name}`
    report(title, 'per s', rows, { HttpAgent: GOAL })
    stock.destroy()
    ours.destroy()
  }
})
