// Transfers that both ends end, and the final records of their clients.

import { once } from 'node:events'
import net from 'node:net'
import { connect } from '../../dist/index.js'

const [transfers, bytes] = process.argv.slice(2).map(Number)
const server = net.createServer((peer) => peer.end(Buffer.alloc(bytes)))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const finals = []
for (let i = 0; i < transfers; i++) {
  const client = connect(server.address().port, '127.0.0.1').resume()
  client.on('tcpinfo', (info) => finals.push(info))
  await once(client, 'close')
}
server.close()
console.log(JSON.stringify(finals))
