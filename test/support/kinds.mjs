// The same program with stock sockets, with ours, with instrumented ones, and with
// stock ones that register watches: who asks for that kind imports register. And
// with both copies of the package, ESM and CommonJS, at once.

import http from 'node:http'
import https from 'node:https'
import { createRequire } from 'node:module'
import net from 'node:net'
import {
  connect,
  HttpAgent,
  HttpsAgent,
  instrument,
  TcpInfoSocket,
} from '../../dist/index.js'

const stock = {
  connect: net.connect,
  Socket: net.Socket,
  adopt: (socket) => socket,
  HttpAgent: http.Agent,
  HttpsAgent: https.Agent,
}

const require = createRequire(import.meta.url)
let other

/** Whoever instruments first, it is by the one copy and by the other. */
function byBoth(socket) {
  other ??= require('../../dist/index.cjs')
  return other.instrument(instrument(socket))
}

const instrumentedBy = (adopt) => ({
  connect: (...args) => adopt(net.connect(...args)),
  Socket: new Proxy(net.Socket, {
    construct: (...args) => adopt(Reflect.construct(...args)),
  }),
  adopt,
  HttpAgent,
  HttpsAgent,
})

export const kinds = {
  stock,
  registered: stock,
  ours: {
    connect,
    Socket: TcpInfoSocket,
    adopt: instrument,
    HttpAgent,
    HttpsAgent,
  },
  instrumented: instrumentedBy(instrument),
  twice: instrumentedBy(byBoth),
}
