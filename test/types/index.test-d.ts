import { subscribe } from 'node:diagnostics_channel'
import http from 'node:http'
import net from 'node:net'
import tls from 'node:tls'
import { expectTypeOf, test } from 'vitest'
import type {
  TcpInfo,
  TcpInfoError,
  TcpInfoMessage,
  TcpInfoSocket,
} from '../../lib/index.js'
import * as instrumented from '../../lib/index.js'

test('connect has the overloads of net.connect', () => {
  const { connect } = instrumented
  expectTypeOf(connect(80)).toEqualTypeOf<TcpInfoSocket>()
  expectTypeOf(connect(80, 'host', () => {})).toEqualTypeOf<TcpInfoSocket>()
  expectTypeOf(connect('/path', () => {})).toEqualTypeOf<TcpInfoSocket>()
  expectTypeOf(connect({ port: 1, timeout: 5 })).toExtend<net.Socket>()
  // @ts-expect-error no arguments
  connect()
})

test('the event and the members are typed', () => {
  const socket = new instrumented.TcpInfoSocket({ allowHalfOpen: true })
  socket
    .on('tcpinfo', (info) => expectTypeOf(info).toEqualTypeOf<TcpInfo>())
    .once('close', (failed) => expectTypeOf(failed).toEqualTypeOf<boolean>())
    .on('data', (data) => expectTypeOf(data).toExtend<Uint8Array>())
    .captureTcpInfo()
  expectTypeOf(socket.tcpInfo).toEqualTypeOf<TcpInfo | undefined>()
  expectTypeOf(socket.tcpInfoError).toEqualTypeOf<TcpInfoError | undefined>()
})

test('an instrumented socket keeps its own type', () => {
  const socket = instrumented.instrument(tls.connect(443))
  expectTypeOf(socket).toExtend<tls.TLSSocket>()
  socket.on('tcpinfo', (info) => expectTypeOf(info).toEqualTypeOf<TcpInfo>())
  expectTypeOf(socket.captureTcpInfo()).toEqualTypeOf<TcpInfo | undefined>()
  expectTypeOf(socket.authorized).toEqualTypeOf<boolean>()
  // @ts-expect-error not a socket
  instrumented.instrument({})
})

test('absent is a value of the type', () => {
  const info = instrumented.readTcpInfo(new net.Socket())
  expectTypeOf(info.rttUs).toEqualTypeOf<number | undefined>()
  expectTypeOf(info.capturedAt).toEqualTypeOf<number>()
  expectTypeOf(info.raw).toExtend<Record<string, number | bigint>>()
  // @ts-expect-error read only
  info.rttUs = 5
})

test('agents go where agents go', () => {
  http.get({ agent: new instrumented.HttpAgent({ keepAlive: true }) })
  new instrumented.HttpsAgent({ maxCachedSessions: 1, staleCheck: false })
  // @ts-expect-error not a number
  new instrumented.HttpAgent({ staleCheck: 5 })
  const agent = new http.Agent()
  agent.createConnection = instrumented.createConnection
})

test('what a server accepts is instrumented', () => {
  instrumented.createServer((socket) => {
    expectTypeOf(socket).toExtend<net.Socket>()
    expectTypeOf(socket.captureTcpInfo()).toEqualTypeOf<TcpInfo | undefined>()
    socket.on('tcpinfo', (info) => expectTypeOf(info).toEqualTypeOf<TcpInfo>())
  })
  instrumented.createServer({ noDelay: true }, (_: net.Socket) => {})
  // As the README says it: the socket is Node's own type.
  http.get('http://host').on('socket', (socket) => {
    socket.once('tcpinfo', (info: TcpInfo) => info.rttUs)
    // @ts-expect-error a member that there is not
    socket.once('tcpinfo', (info: TcpInfo) => info.rttUz)
  })
})

test('the recipe for agents, in TypeScript', () => {
  class Telling extends instrumented.HttpAgent {
    override createConnection(
      ...args: Parameters<instrumented.HttpAgent['createConnection']>
    ) {
      const made = super.createConnection(...args)
      return made?.on('tcpinfo', (info: TcpInfo) => info.rttUs)
    }
  }
  http.get({ agent: new Telling() })
})

test('a message of the channel is cast', () => {
  const summary = new instrumented.TcpInfoSummary()
  subscribe('tcpinfo-socket:capture', (message) => {
    const { socket, info } = message as TcpInfoMessage
    expectTypeOf(socket).toEqualTypeOf<net.Socket>()
    summary.add(info, socket)
  })
})

test('codes can be told apart', () => {
  const code = instrumented.support().reason?.code
  switch (code) {
    case undefined:
    case 'ERR_TCP_INFO_UNSUPPORTED':
    case 'ERR_TCP_INFO_BINDING':
    case 'ERR_TCP_INFO_NOT_TCP':
    case 'ERR_TCP_INFO_NOT_CONNECTED':
    case 'ERR_TCP_INFO_CLOSED':
    case 'ERR_TCP_INFO_SYSTEM':
    case 'ERR_TCP_INFO_ARGUMENT':
    case 'ERR_TCP_INFO_FORMAT':
      break
    default:
      code satisfies never
  }
})
