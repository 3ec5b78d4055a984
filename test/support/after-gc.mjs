// Reads until V8 has compiled it, then collects everything when no record is in use:
//
//   node --expose-gc --trace-deopt after-gc.mjs
//
// What V8 prints between the two lines is the code that it threw away.

import { once } from 'node:events'
import net from 'node:net'
import { connect, readTcpInfo } from '../../dist/index.js'

const server = net.createServer().listen(0, '127.0.0.1')
await once(server, 'listening')
const socket = connect(server.address().port, '127.0.0.1')
await once(socket, 'connect')
for (let i = 0; i < 50_000; i++) readTcpInfo(socket)
console.log('begin')
gc()
console.log('end')
process.exit()
