// The same program with stock sockets, with ours, with instrumented ones, and with
// stock ones that register watches: who asks for that kind imports register.

import http from 'node:http'
import https from 'node:https'
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
  instrumented: {
    connect: (...args) => instrument(net.connect(...args)),
    Socket: new Proxy(net.Socket, {
      construct: (...args) => instrument(Reflect.construct(...args)),
    }),
    adopt: instrument,
    HttpAgent,
    HttpsAgent,
  },
}
