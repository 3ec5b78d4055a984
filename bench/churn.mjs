// Short connections: connect, send, close. Rival: plain net.connect. "read" makes
// the system call before the close and nothing else, "floor" also asks for both
// addresses.

import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import nodeGypBuild from 'node-gyp-build'
import { connect } from '../dist/index.js'
import { collect, compare, pick, report } from './measure.mjs'
import { withServer } from './with-server.mjs'
import { churn } from './workloads.mjs'

const CONNECTIONS = 100
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

await withServer(async ([tcpPort]) => {
  const variants = Object.fromEntries(
    Object.entries(kinds).map(([name, open]) => [
      name,
      () => churn(open, tcpPort, CONNECTIONS, CONCURRENCY),
    ]),
  )
  const rounds = 401
  const collected = await collect(variants, { rounds })
  report('Short connections', 'per s', compare(pick(collected, 'rate')), {
    'ours, listener': ['>= 0.95', '>= 0.98 of read'],
    'ours, no listener': '>= 0.98',
  })
  const cpu = compare(pick(collected, 'cpuUs'))
  report('Short connections, CPU time', 'µs', cpu)
  if (records < rounds * CONNECTIONS) throw new Error('records are missing')
})
