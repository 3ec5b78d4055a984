// The other side of scripts/soak.mjs and scripts/faults.mjs, in a process of its own: does what the first
// byte of a connection asks for.

import net from 'node:net'
import tls from 'node:tls'
import { certificate } from './certificate.mjs'

const actions = {
  e: (socket) => socket.end('bye'),
  r: (socket) => socket.resetAndDestroy(),
  d: (socket) => socket.destroy(),
  h: (socket) => socket.resume(),
  w: (socket) => socket.write(Buffer.alloc(20_000)),
}

function serve(socket) {
  socket.on('error', () => {})
  socket.once('data', (data) => {
    socket.resume()
    actions[String.fromCharCode(data[0])](socket)
  })
}

// Closed before its port is told: who connects to that is refused.
const refusing = net.createServer().listen(0)
const plain = net.createServer(serve).listen({ port: 0, backlog: 20_000 })
const secure = tls
  .createServer(certificate, serve)
  .on('tlsClientError', () => {})
  .listen({ port: 0, backlog: 20_000 }, () => {
    const ports = Object.entries({ refusing, plain, secure }).map(
      ([name, server]) => [name, server.address().port],
    )
    refusing.close(() => process.send(Object.fromEntries(ports)))
  })
process.on('disconnect', () => process.exit())
