// A transfer that both ends end, and how its client's records tell it.

import { once } from 'node:events'
import net from 'node:net'
import { connect } from '../../dist/index.js'

const BYTES = 1_000_000

const server = net.createServer((peer) => peer.end(Buffer.alloc(BYTES)))
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const client = connect(server.address().port, '127.0.0.1')
const records = []
client.on('tcpinfo', (info) => records.push(info))
client.once('data', () => client.captureTcpInfo())
client.resume()
await once(client, 'close')
server.close()
console.log(JSON.stringify(records))
