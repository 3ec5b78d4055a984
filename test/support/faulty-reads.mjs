// What a program is told of a connection whose reads fail: for each of the faults, a
// JSON array on the command line, what every way of asking gave. Runs under faults.c.

import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import {
  connect,
  readTcpInfo,
  readTcpState,
  sample,
  support,
} from '../../dist/index.js'
import { Faults } from './faults.mjs'

const faults = new Faults(process.env.FAULTS_FILE)
const server = net.createServer((peer) => peer.pipe(peer))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address()

const plainError = (error) =>
  error && {
    ...{ name: error.name, code: error.code },
    ...{ errno: error.errno, errorName: error.errorName },
  }
const plainInfo = (info) =>
  info && {
    ...info,
    rawMembers: Object.keys(info.raw).length,
  }

function answerOf(ask) {
  try {
    const answer = ask()
    return typeof answer === 'object' ? plainInfo(answer) : answer
  } catch (error) {
    return { error: plainError(error) }
  }
}

const results = []
for (const { call, ...rule } of JSON.parse(process.argv[2])) {
  const { reason } = support()
  faults.fail(call, rule)
  const socket = connect(port, '127.0.0.1')
  const events = []
  for (const event of ['tcpinfo', 'end', 'close']) {
    socket.on(event, () => events.push(event))
  }
  socket.on('error', (error) => events.push(`error ${error.message}`))
  let samples = 0
  sample(socket, { intervalMs: 5 }).on('sample', () => samples++)
  await once(socket, 'connect')
  socket.write('hello')
  await once(socket, 'data')
  await wait(30)
  const during = {
    captured: plainInfo(socket.captureTcpInfo()),
    info: plainInfo(socket.tcpInfo),
    error: plainError(socket.tcpInfoError),
    read: answerOf(() => readTcpInfo(socket)),
    state: answerOf(() => readTcpState(socket)),
    samples,
  }
  socket.end()
  await once(socket, 'close')
  await wait(5)
  const after = {
    info: plainInfo(socket.tcpInfo),
    error: plainError(socket.tcpInfoError),
  }
  faults.fail(call, {})
  results.push({ reason: plainError(reason), events, during, after })
}
process.stdout.write(JSON.stringify(results), () => process.exit())
