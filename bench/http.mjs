// Requests over kept-alive connections. Rival: the stock http.Agent.

import http from 'node:http'
import { HttpAgent } from '../dist/index.js'
import { interleave, report } from './measure.mjs'
import { withServer } from './with-server.mjs'

const REQUESTS = 4000
const CONCURRENCY = 8
const options = { keepAlive: true, maxSockets: CONCURRENCY }

/** Requests per second. */
async function request(agent, port) {
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
                response.on('end', next)
              })
              .on('error', reject)
          }
          next()
        }),
    ),
  )
  return (REQUESTS * 1e9) / Number(process.hrtime.bigint() - from)
}

await withServer(async ({ httpPort }) => {
  const stock = new http.Agent(options)
  const ours = new HttpAgent(options)
  const rows = await interleave(
    {
      'http.Agent': () => request(stock, httpPort),
      HttpAgent: () => request(ours, httpPort),
    },
    { rounds: 25 },
  )
  report('Kept-alive HTTP requests', 'per s', rows, { HttpAgent: '>= 0.99' })
  stock.destroy()
  ours.destroy()
})
