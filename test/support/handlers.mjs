// Asks in every handler of a socket for all there is to ask; prints as JSON the events,
// and what was not as it should be:
//
//   node handlers.mjs stock | ours | instrumented | registered

import { once } from 'node:events'
import net from 'node:net'
import {
  explain,
  readTcpInfo,
  readTcpState,
  sample,
  TcpInfoError,
} from '../../dist/index.js'
import { kinds } from './kinds.mjs'

const LOCAL = '127.0.0.1'
const EVENTS = [
  ...['lookup', 'connectionAttempt', 'connectionAttemptFailed', 'connect'],
  ...['connectionAttemptTimeout', 'ready', 'data', 'drain', 'timeout', 'end'],
  ...['prefinish', 'finish', 'error', 'close', 'pause', 'resume', 'tcpinfo'],
]
const [kind] = process.argv.slice(2)
if (kind === 'registered') await import('../../dist/register.js')
const { connect } = kinds[kind]
const wrong = []
process.on('uncaughtException', (error) => wrong.push(String(error?.stack)))

function ask(socket, event) {
  for (const read of [readTcpInfo, readTcpState]) {
    try {
      read(socket)
    } catch (error) {
      const isRight = error instanceof TcpInfoError && !error.errno
      if (!isRight) wrong.push(`${event}: ${error?.stack}`)
    }
  }
  const info = socket.captureTcpInfo?.()
  if (info) explain(info)
  if (socket.captureTcpInfo && !info && !socket.tcpInfoError) {
    wrong.push(`${event}: neither a record nor a reason`)
  }
}

async function follow(label, port, options = {}) {
  const socket = connect({
    ...{ port, host: 'name.test', autoSelectFamily: true, timeout: 40 },
    lookup: (_host, _options, done) =>
      process.nextTick(done, null, [
        { address: '::1', family: 6 },
        { address: LOCAL, family: 4 },
      ]),
    ...options,
  })
  const events = []
  let finals = 0
  for (const event of EVENTS) {
    socket.on(event, (value) => {
      if (event !== 'tcpinfo' && events.at(-1) !== event) events.push(event)
      if (event === 'tcpinfo' && value.trigger === 'close') finals++
      if (kind !== 'stock') ask(socket, event)
    })
  }
  if (kind !== 'stock') sample(socket, { intervalMs: 2 }).on('sample', () => {})
  socket.on('timeout', () => socket.end('bye'))
  socket.write(Buffer.alloc(1 << 20))
  await new Promise((resolve) => socket.on('close', resolve))
  await new Promise(setImmediate)
  if (['ours', 'instrumented'].includes(kind) && finals !== 1) {
    wrong.push(`${label}: ${finals} final records`)
  }
  return [label, events]
}

const server = net.createServer((peer) => peer.pipe(peer))
server.listen(0, LOCAL)
await once(server, 'listening')
const resetting = net.createServer((peer) => {
  peer.on('error', () => {})
  peer.on('data', () => peer.resetAndDestroy())
})
resetting.listen(0, LOCAL)
await once(resetting, 'listening')
const free = net.createServer().listen(0, LOCAL)
await once(free, 'listening')
const { port: freePort } = free.address()
free.close()
const results = [
  await follow('ends', server.address().port),
  await follow('refused', freePort),
  await follow('reset', resetting.address().port),
]
process.stdout.write(JSON.stringify({ results, wrong }), () => process.exit())
