// The wall clock jumps while a connection is sampled and another one is idle; prints as
// JSON what was measured. Runs under faults.c:
//
//   node clock-jumps.mjs <milliseconds>

import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { connect, deltaBetween, HttpAgent, sample } from '../../dist/index.js'
import { Faults } from './faults.mjs'

const LOCAL = '127.0.0.1'
const faults = new Faults(process.env.FAULTS_FILE)
const echo = net.createServer((peer) => peer.pipe(peer))
const web = http.createServer((_, response) => response.end())
for (const server of [echo, web]) {
  server.listen(0, LOCAL)
  await once(server, 'listening')
}

const agent = new HttpAgent({ keepAlive: true })
const sockets = new Set()
async function request() {
  const asked = http.get({ agent, host: LOCAL, port: web.address().port })
  asked.on('socket', (socket) => sockets.add(socket))
  const [response] = await once(asked, 'response')
  await once(response.resume(), 'end')
  return response.statusCode
}

await request()
const socket = connect(echo.address().port, LOCAL)
const before = Date.now()
const sampleMs = []
sample(socket, { intervalMs: 5 }).on('sample', ({ delta, info }) => {
  // The first one is of no interval.
  if (delta.durationMs !== undefined && info.trigger === 'sample') {
    sampleMs.push(delta.durationMs)
  }
})
// In the middle of connecting, and of an interval.
faults.setClock(Number(process.argv[2]) / 2)
await once(socket, 'connect')
const first = socket.captureTcpInfo()
await wait(30)
faults.setClock(Number(process.argv[2]))
await wait(30)
const second = socket.captureTcpInfo()
const status = await request()
process.stdout.write(
  JSON.stringify({
    jumpedMs: Date.now() - before,
    connectDurationMs: first.connectDurationMs,
    sampleMs,
    deltaMs: deltaBetween(first, second).durationMs,
    requests: { status, sockets: sockets.size },
  }),
  () => process.exit(),
)
