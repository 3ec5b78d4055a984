// A process that holds many of one thing and prints what each takes, in bytes of
// JavaScript's heap and of what hangs on it, and of resident memory.
//
//   node --expose-gc bench/memory.mjs KIND PORT COUNT

import { once } from 'node:events'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { connect, instrument, readTcpInfo } from '../dist/index.js'
import { connectMany } from './connect-many.mjs'

const [kind, port, count] = process.argv.slice(2)
const [what, state] = kind.split(' ')
const host = '127.0.0.1'
const opened = {
  plain: () => net.connect(port, host),
  ours: () => connect(port, host),
  listener: () => connect(port, host).on('tcpinfo', () => {}),
  instrument: () => instrument(net.connect(port, host)),
}

async function hold(many) {
  if (what === 'record') {
    const [socket] = await connectMany(1, port)
    return Array.from({ length: many }, () => readTcpInfo(socket))
  }
  const sockets = await connectMany(many, port, opened[what])
  if (state === 'closed') {
    for (const socket of sockets) socket.destroy()
    await Promise.all(
      sockets.map((socket) => socket.closed || once(socket, 'close')),
    )
  }
  return sockets
}

async function used() {
  for (let i = 0; i < 4; i++) {
    await wait(20)
    globalThis.gc()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, rss }
}

const kept = [await hold(500)]
const before = await used()
kept.push(await hold(Number(count)))
const after = await used()
console.log(
  JSON.stringify({
    heap: (after.heap - before.heap) / count,
    rss: (after.rss - before.rss) / count,
  }),
)
if (kept.length !== 2) throw new Error('nothing was kept')
process.exit()
