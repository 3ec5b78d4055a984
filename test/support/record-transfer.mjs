// Records test/fixtures/lossy-transfer.jsonl: both ends of a paced transfer over a
// link that loses one packet in twelve for a while, and later everything.
//
//   unshare -n node test/support/record-transfer.mjs > test/fixtures/lossy-transfer.jsonl
//
// Wants a network namespace of its own, for link.py to make its device in, and a
// built library.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import net from 'node:net'
import readline from 'node:readline'
import { fileURLToPath } from 'node:url'
import { instrument, readTcpInfo, toJsonLine } from '../../dist/index.js'

const DELAY = { delayMs: 20 }
const PHASES = [
  { forMs: 1000, up: DELAY },
  { forMs: 500, up: { ...DELAY, lose: 1 / 12, seed: 1 } },
  { forMs: 900, up: DELAY },
  { forMs: 450, up: { ...DELAY, blackhole: true } },
  { forMs: 1000, up: DELAY },
]
const SAMPLE_MS = 50
const WRITE_MS = 20
const WRITE_BYTES = 30_000

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const link = spawn(
  'python3',
  [fileURLToPath(new URL('./link.py', import.meta.url))],
  { stdio: ['pipe', 'pipe', 'inherit'] },
)
const answers = readline.createInterface({ input: link.stdout })
await once(answers, 'line')
const setRules = (rules) => link.stdin.write(`${JSON.stringify(rules)}\n`)

function print(connection, info) {
  process.stdout.write(toJsonLine(info, connection))
}

const server = net.createServer().listen(0, '10.9.1.3')
await once(server, 'listening')
setRules({ up: DELAY, down: DELAY })
const client = instrument(
  net.connect({
    ...{ host: '10.9.2.3', port: server.address().port },
    localAddress: '10.9.1.4',
  }),
)
const [[accepted]] = await Promise.all([
  once(server, 'connection'),
  once(client, 'connect'),
])
instrument(accepted).resume()
const ends = { sender: client, receiver: accepted }
for (const [name, socket] of Object.entries(ends)) {
  socket.on('tcpinfo', (info) => print(name, info))
}
const sampling = setInterval(() => {
  for (const [name, socket] of Object.entries(ends)) {
    print(name, readTcpInfo(socket))
  }
}, SAMPLE_MS)
const writing = setInterval(() => {
  if (client.writableLength === 0) client.write(Buffer.alloc(WRITE_BYTES))
}, WRITE_MS)
for (const { forMs, up } of PHASES) {
  setRules({ up, down: DELAY })
  await wait(forMs)
}
clearInterval(writing)
client.end()
await once(client, 'close')
clearInterval(sampling)
server.close()
link.stdin.end()
