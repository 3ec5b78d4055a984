// Short connections: connect, send, close. Rival: plain net.connect. "read" makes
// the system call before the close and nothing else, "floor" also asks for both
// addresses.

import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import nodeGypBuild from 'node-gyp-build'
import { connect } from '../dist/index.js'
import { interleave, report } from './measure.mjs'
import { withServer } from './with-server.mjs'

const CONNECTIONS = 1000
const CONCURRENCY = 8

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const addon = nodeGypBuild(root)
const bytes = new ArrayBuffer(1024)

class ReadSocket extends net.Socket {
  _destroy(error, callback) {
    if (this._handle) addon.readInfo(this._handle.fd, bytes, 0)
    super._destroy(error, callback)
  }
}

class FloorSocket extends ReadSocket {
  constructor(options) {
    super(options)
    this.once('connect', this.readAddresses)
  }

  readAddresses() {
    addon.readEndpoints(this._handle.fd, bytes, 512)
  }
}

let records = 0
const kinds = {
  'net.connect': (options) => net.connect(options),
  read: (options) => new ReadSocket(options).connect(options),
  floor: (options) => new FloorSocket(options).connect(options),
  'ours, no listener': (options) => connect(options),
  'ours, listener': (options) =>
    connect(options).on('tcpinfo', () => {
      records++
    }),
}

/** Connections per second. */
async function churn(open, port) {
  const options = { port, host: '127.0.0.1' }
  let left = CONNECTIONS
  const from = process.hrtime.bigint()
  await Promise.all(
    Array.from(
      { length: CONCURRENCY },
      () =>
        new Promise((resolve, reject) => {
          const next = () => {
            if (left-- <= 0) return resolve()
            const socket = open(options)
            socket.on('error', reject)
            socket.on('connect', () => socket.end('hello'))
            socket.on('close', next)
            socket.resume()
          }
          next()
        }),
    ),
  )
  return (CONNECTIONS * 1e9) / Number(process.hrtime.bigint() - from)
}

await withServer(async ([tcpPort]) => {
  const variants = Object.fromEntries(
    Object.entries(kinds).map(([name, open]) => [
      name,
      () => churn(open, tcpPort),
    ]),
  )
  const rounds = 61
  const rows = await interleave(variants, { rounds })
  report('Short connections', 'per s', rows, {
    'ours, listener': '>= 0.92',
    'ours, no listener': '>= 0.96',
  })
  if (records < rounds * CONNECTIONS) throw new Error('records are missing')
})
