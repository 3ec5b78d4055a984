// A transfer over loopback, in a namespace that the caller made, during which the
// network fails; prints as JSON what happened:
//
//   node network-faults.mjs stock | ours | instrumented | registered <fault>

import { spawnSync } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { readTcpInfo } from '../../dist/index.js'
import { kinds } from './kinds.mjs'

const [kind, fault] = process.argv.slice(2)
if (kind === 'registered') await import('../../dist/register.js')
const { connect } = kinds[kind]
const HOST = '10.255.3.1'
const BYTES = 8 << 20

const run = (...words) => spawnSync(words[0], words.slice(1))
const link = (state) => run('ip', 'link', 'set', 'lo', state)
const FAULTS = {
  /** For long enough that something is sent again, then up. */
  'the interface goes down and comes up': async () => {
    link('down')
    await wait(700)
    link('up')
    run('ip', 'addr', 'add', `${HOST}/32`, 'dev', 'lo')
  },
  'the interface goes down for good': () => link('down'),
  /** It answers nothing any more, and nobody is told. */
  'the peer falls silent': () =>
    run('tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'blackhole'),
}

run('ip', 'addr', 'add', `${HOST}/32`, 'dev', 'lo')
const countDescriptors = () => readdirSync('/proc/self/fd').length
const server = net.createServer((peer) => {
  let received = 0
  peer.on('error', () => {})
  peer.on('data', (data) => {
    received += data.length
    if (received === BYTES) peer.end('all')
  })
})
server.listen(0, HOST)
await once(server, 'listening')

const before = countDescriptors()
const finals = []
subscribe('tcpinfo-socket:capture', ({ info }) => {
  if (info.trigger === 'close') finals.push(info)
})
const events = []
const socket = connect({ port: server.address().port, host: HOST })
socket.on('tcpinfo', () => {})
for (const event of ['connect', 'data', 'end', 'timeout', 'close']) {
  socket.on(event, () => {
    if (events.at(-1) !== event) events.push(event)
  })
}
socket.on('error', ({ code }) => events.push(`error ${code}`))
const closed = new Promise((resolve) => socket.on('close', resolve))
await once(socket, 'connect')
socket.write(Buffer.alloc(BYTES / 2))
await once(socket, 'drain')
const failing = FAULTS[fault]()
socket.write(Buffer.alloc(BYTES / 2))
await wait(500)
const during = kind === 'stock' ? undefined : readTcpInfo(socket)
await failing
await closed
await wait(20)
const ours = finals.filter(
  ({ remotePort }) => remotePort === server.address().port,
)
server.close()
const result = {
  events,
  during,
  finals: ours,
  leaked: Math.max(0, countDescriptors() - before - 2),
}
process.stdout.write(JSON.stringify(result), () => process.exit())
