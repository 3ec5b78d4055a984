// One read of one connection: what does the record cost over the system call?
// Rival: the same getsockopt in a C loop (raw-read.c).

import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, readTcpInfo, readTcpState } from '../dist/index.js'
import { interleave, report } from './measure.mjs'

const COUNT = 2_000
const require = createRequire(import.meta.url)

const file = path.join(
  mkdtempSync(path.join(tmpdir(), 'raw-read-')),
  'raw.node',
)
execFileSync('cc', [
  ...['-O2', '-shared', '-fPIC', '-o', file],
  `-I${require('node-api-headers').include_dir}`,
  fileURLToPath(new URL('raw-read.c', import.meta.url)),
])
const { loop } = require(file)

const server = net.createServer((peer) => peer.on('data', (d) => peer.write(d)))
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const socket = connect(server.address().port, '127.0.0.1')
const plain = net.connect(server.address().port, '127.0.0.1')
for (const each of [socket, plain]) {
  each.write(Buffer.alloc(1000))
  await new Promise((resolve) => each.once('data', resolve))
}

let sink
function timed(read) {
  return () => {
    const from = process.hrtime.bigint()
    for (let i = 0; i < COUNT; i++) sink = read()
    return Number(process.hrtime.bigint() - from) / COUNT
  }
}

const rows = await interleave(
  {
    'C getsockopt': () => loop(socket._handle.fd, COUNT),
    'readTcpInfo(TcpInfoSocket)': timed(() => readTcpInfo(socket)),
    'readTcpInfo(net.Socket)': timed(() => readTcpInfo(plain)),
    readTcpState: timed(() => readTcpState(socket)),
  },
  { rounds: 501, warmups: 100 },
)
report('One read', 'ns', rows, {
  'readTcpInfo(TcpInfoSocket)': '<= 1.75',
  readTcpState: '<= 1.25',
})

if (sink === undefined) throw new Error('nothing was read')
socket.destroy()
plain.destroy()
server.close()
