// The other side of a benchmark, in a process of its own: an HTTP server, and a
// TCP server that takes what comes and closes when the client does. Prints the
// two ports.

import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'

const tcp = createServer((peer) => {
  peer.on('error', () => {})
  peer.resume()
})
const http = createHttpServer((_request, response) => response.end('ok'))
http.keepAliveTimeout = 60_000
tcp.listen({ port: 0, host: '127.0.0.1', backlog: 511 }, () => {
  http.listen(0, '127.0.0.1', () => {
    console.log(`${tcp.address().port} ${http.address().port}`)
  })
})
process.on('disconnect', () => process.exit())
