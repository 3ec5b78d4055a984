// HTTP and HTTPS servers that close a connection some time after a response, in a
// process of their own: the client's event loop can then stand still meanwhile.
// Prints the two ports.
//
// The headers of a request say what to do after it:
//   x-close: fin or rst     how to close; without it the connection stays
//   x-after: milliseconds   how long after the response, if no other request came
//   x-id                    kept, for whoever asks for /log which requests came
// A CONNECT goes to the HTTPS server, whatever it asks for.

import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { certificate } from './certificate.mjs'

const ids = []
const timers = new WeakMap()
/** A TLSSocket can't be reset, only the connection below, found by its port. */
const connections = new Map()

function answer(request, response) {
  const { socket, headers } = request
  clearTimeout(timers.get(socket))
  if (headers['x-id']) ids.push(headers['x-id'])
  // No hint: a client that knew when the server closes could avoid it.
  response.shouldKeepAlive = true
  response.setHeader('connection', 'keep-alive')
  request.resume().on('end', () => {
    response.end(request.url === '/log' ? JSON.stringify(ids) : 'ok', () => {
      if (!headers['x-close']) return
      const close = () =>
        headers['x-close'] === 'fin'
          ? socket.end()
          : connections.get(socket.remotePort)?.resetAndDestroy()
      timers.set(socket, setTimeout(close, Number(headers['x-after'] ?? 0)))
    })
  })
}

const plain = http.createServer(answer)
const secure = https.createServer(certificate, answer)
const portOf = (server) => server.address().port

plain.on('connect', (_request, client) => {
  const origin = net.connect(portOf(secure), '127.0.0.1')
  const failed = () => {
    client.destroy()
    origin.destroy()
  }
  client.on('error', failed)
  origin.on('error', failed)
  origin.on('connect', () => {
    client.write('HTTP/1.1 200 OK\r\n\r\n')
    client.pipe(origin).pipe(client)
  })
})

for (const server of [plain, secure]) {
  server.keepAliveTimeout = 0
  server.on('connection', (socket) => {
    const { remotePort } = socket
    connections.set(remotePort, socket)
    socket.on('close', () => connections.delete(remotePort))
    socket.on('error', () => {})
  })
}
plain.listen(0, '127.0.0.1', () => {
  secure.listen(0, '127.0.0.1', () => {
    console.log(`${portOf(plain)} ${portOf(secure)}`)
  })
})
process.on('disconnect', () => process.exit())
