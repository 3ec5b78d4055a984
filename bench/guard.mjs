// Requests that fail because the server closed the idle connection. Rival: the
// stock agents. The server closes 10 ms after a response; the client asks again at
// any moment from 0 to 20 ms, four requests at once. "busy": its event loop stands
// still until then; "idle": it waits in a timer.

import http from 'node:http'
import https from 'node:https'
import { setTimeout as wait } from 'node:timers/promises'
import { HttpAgent, HttpsAgent } from '../dist/index.js'
import { compare, report } from './measure.mjs'
import { withServer } from './with-server.mjs'

const REQUESTS = 1200
const AT_ONCE = 4
const CLOSE_AFTER_MS = 10
const GOAL = '<= 0.1'

const clock = new Int32Array(new SharedArrayBuffer(4))
const pauses = {
  busy: (ms) => void Atomics.wait(clock, 0, 0, ms),
  idle: (ms) => wait(ms),
}

/** Whether the request failed by a reset. */
function isReset(client, options) {
  return new Promise((resolve, reject) => {
    client
      .get(options, (response) => {
        response.resume()
        // The connection goes back to the agent after 'end'.
        response.on('end', () => setImmediate(resolve, false))
      })
      .on('error', (error) =>
        ['ECONNRESET', 'EPIPE'].includes(error.code)
          ? resolve(true)
          : reject(error),
      )
  })
}

/** How many of the next requests fail. */
async function resets({ client, agent, port, close, pause }, requests) {
  const headers = { 'x-close': close, 'x-after': CLOSE_AFTER_MS }
  const host = '127.0.0.1'
  const options = { host, port, agent, headers, rejectUnauthorized: false }
  let failed = 0
  for (let left = requests; left > 0; left -= AT_ONCE) {
    await pause(Math.random() * CLOSE_AFTER_MS * 2)
    const batch = Array.from({ length: AT_ONCE }, () =>
      isReset(client, options),
    )
    failed += (await Promise.all(batch)).filter(Boolean).length
  }
  return failed
}

const server = '../test/support/closing-server.mjs'
await withServer(async ([httpPort, httpsPort]) => {
  const figures = {}
  const bases = {}
  const goals = {}
  for (const [title, client, port, Stock, Ours] of [
    ['http', http, httpPort, http.Agent, HttpAgent],
    ['https', https, httpsPort, https.Agent, HttpsAgent],
  ]) {
    for (const close of ['fin', 'rst']) {
      for (const [kind, pause] of Object.entries(pauses)) {
        const how = { client, port, close, pause }
        const agents = [Stock, Ours].map(
          (Agent) => new Agent({ keepAlive: true }),
        )
        const failed = [0, 0]
        // In turn, so that a slow moment of the machine hits both.
        const ROUNDS = 10
        for (let round = 0; round < ROUNDS; round++) {
          for (const [i, agent] of agents.entries()) {
            failed[i] += await resets({ ...how, agent }, REQUESTS / ROUNDS)
          }
        }
        for (const agent of agents) agent.destroy()
        const name = `${title} ${close} ${kind}`
        figures[`${name}, stock`] = [failed[0]]
        figures[`${name}, ours`] = [failed[1]]
        bases[`${name}, ours`] = bases[`${name}, stock`] = `${name}, stock`
        if (kind === 'busy') goals[`${name}, ours`] = GOAL
      }
    }
  }
  const rows = compare(figures, bases)
  report(`Resets in ${REQUESTS} requests`, 'resets', rows, goals)
}, server)
