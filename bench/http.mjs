// Requests over kept-alive connections. Rival: the stock http.Agent. "handed on":
// a request waits for each connection that becomes free; "from the pool": the
// connection lies there for a moment, and is looked at before it is used again.

import http from 'node:http'
import { HttpAgent } from '../dist/index.js'
import { interleave, report } from './measure.mjs'
import { withServer } from './with-server.mjs'

const REQUESTS = 4000
const CONCURRENCY = 8
const options = { keepAlive: true, maxSockets: CONCURRENCY }

const turns = {
  'handed on': { turn: (next) => next(), goal: '>= 0.99' },
  'from the pool': { turn: (next) => setImmediate(next), goal: '>= 0.98' },
}

/** Requests per second. */
async function request(agent, port, turn) {
  let left = REQUESTS
  const from = process.hrtime.bigint()
  await Promise.all(
    Array.from(
      { length: CONCURRENCY },
      () =>
        new Promise((resolve, reject) => {
          const next = () => {
            if (left-- <= 0) return resolve()
            http
              .get({ port, host: '127.0.0.1', agent }, (response) => {
                response.resume()
                response.on('end', () => turn(next))
              })
              .on('error', reject)
          }
          next()
        }),
    ),
  )
  return (REQUESTS * 1e9) / Number(process.hrtime.bigint() - from)
}

await withServer(async ([, httpPort]) => {
  for (const [name, { turn, goal }] of Object.entries(turns)) {
    const stock = new http.Agent(options)
    const ours = new HttpAgent(options)
    const rows = await interleave(
      {
        'http.Agent': () => request(stock, httpPort, turn),
        HttpAgent: () => request(ours, httpPort, turn),
      },
      { rounds: 25 },
    )
    const title = `Kept-alive HTTP requests, ${name}`
    report(title, 'per s', rows, { HttpAgent: goal })
    stock.destroy()
    ours.destroy()
  }
})
