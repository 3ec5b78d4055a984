// Records test/fixtures/lossy-transfer.jsonl: both ends of a paced transfer over a
// link that loses one packet in twelve for a while, and later everything.
//
//   unshare -n node test/support/record-transfer.mjs > test/fixtures/lossy-transfer.jsonl
//
// Wants a network namespace of its own, for link.py to make its device in, and a
// built library.

import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { instrument, readTcpInfo, toJsonLine } from '../../dist/index.js'
import { CLIENT, Link, SERVER, SERVER_OVER_LINK } from './link.mjs'

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

const link = await new Link().ready()

function print(connection, info) {
  process.stdout.write(toJsonLine(info, connection))
}

const server = net.createServer().listen(0, SERVER)
await once(server, 'listening')
await link.both(DELAY)
const client = instrument(
  net.connect({
    ...{ host: SERVER_OVER_LINK, port: server.address().port },
    localAddress: CLIENT,
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
  await link.set({ up, down: DELAY })
  await wait(forMs)
}
clearInterval(writing)
client.end()
await once(client, 'close')
clearInterval(sampling)
server.close()
link.close()
