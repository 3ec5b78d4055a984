// A program that samples, for what needs a process of its own:
//
//   node sampling.mjs alive | throws

import { once } from 'node:events'
import net from 'node:net'
import { sample } from '../../dist/index.js'

const server = net.createServer((peer) => peer.unref())
server.listen(0, '127.0.0.1').unref()
await once(server, 'listening')
const sockets = await Promise.all(
  Array.from({ length: 3 }, async () => {
    const socket = net.connect(server.address().port, '127.0.0.1')
    await once(socket, 'connect')
    return socket
  }),
)

if (process.argv[2] === 'alive') {
  for (const socket of sockets) socket.unref()
  sample(sockets, { intervalMs: 5, jitter: 0.5 }).on('sample', () => {})
  // Long enough for samples to be taken; then nothing is left but ours.
  setTimeout(() => {}, 50)
} else {
  let caught = 0
  let samples = 0
  process.on('uncaughtException', (error) => {
    if (error.message !== 'of the listener') throw error
    caught++
  })
  const sampling = sample(sockets, { intervalMs: 5, maxSamples: 1 })
  sampling.on('sample', () => {
    samples++
    throw new Error('of the listener')
  })
  sampling.on('end', () =>
    setTimeout(() => {
      console.log(JSON.stringify({ caught, samples }))
      process.exit()
    }, 20),
  )
}
