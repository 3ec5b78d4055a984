import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { PassThrough } from 'node:stream'
import tls from 'node:tls'
import { describe, expect, test } from 'vitest'
import {
  createServer,
  type Instrumented,
  instrumentServer,
  type TcpInfo,
  type TcpInfoError,
} from '../../lib/index.js'
import { certificate } from '../support/certificate.mjs'
import { listening, wait } from '../support/net.js'

const LOCAL = '127.0.0.1'

type Held = Instrumented<net.Socket>

/** One request and its answer; what the server's user holds of the connection. */
interface Kind {
  readonly name: string
  make(onSocket: (socket: Held) => void): net.Server
  ask(port: number): Promise<void>
}

const answer =
  (onSocket: (socket: Held) => void): http.RequestListener =>
  (request, response) => {
    onSocket(request.socket as Held)
    response.end('answer')
  }

async function get(client: typeof http | typeof https, port: number) {
  const options = { host: LOCAL, port, agent: false, rejectUnauthorized: false }
  const [response] = await once(client.get(options), 'response')
  await once(response.resume(), 'end')
}

async function ask2(url: string): Promise<void> {
  const session = http2.connect(url, { rejectUnauthorized: false })
  await once(session.request({ ':path': '/' }).resume(), 'end')
  session.close()
}

const KINDS: readonly Kind[] = [
  {
    name: 'net',
    make: (onSocket) =>
      net.createServer((peer) => {
        onSocket(peer as Held)
        peer.end('answer')
      }),
    ask: async (port) => {
      await once(net.connect(port, LOCAL).resume(), 'close')
    },
  },
  {
    name: 'tls',
    make: (onSocket) =>
      tls.createServer(certificate, (peer) => {
        onSocket(peer as unknown as Held)
        peer.end('answer')
      }),
    ask: async (port) => {
      const options = { host: LOCAL, port, rejectUnauthorized: false }
      await once(tls.connect(options).resume(), 'close')
    },
  },
  {
    name: 'http',
    make: (onSocket) => http.createServer(answer(onSocket)),
    ask: (port) => get(http, port),
  },
  {
    name: 'https',
    make: (onSocket) => https.createServer(certificate, answer(onSocket)),
    ask: (port) => get(https, port),
  },
  {
    name: 'http2',
    make: (onSocket) => {
      const server = http2.createServer((_request, response) => {
        response.end('answer')
      })
      server.on('connection', onSocket)
      return server
    },
    ask: (port) => ask2(`http://${LOCAL}:${port}`),
  },
  {
    name: 'http2, TLS',
    make: (onSocket) => {
      const server = http2.createSecureServer(
        certificate,
        (_request, response) => {
          response.end('answer')
        },
      )
      server.on('secureConnection', onSocket)
      return server
    },
    ask: (port) => ask2(`https://${LOCAL}:${port}`),
  },
]

describe.each(KINDS)('a server of $name', ({ make, ask }) => {
  test('one final record, at the socket that its user holds', async () => {
    const records: TcpInfo[] = []
    let held: Held | undefined
    const server = make((socket) => {
      held = socket
      socket.on('tcpinfo', (info) => records.push(info))
    })
    expect(instrumentServer(server)).toBe(server)
    instrumentServer(server)
    const port = await listening(server)
    await ask(port)
    await expect.poll(() => held?.destroyed).toBe(true)
    await wait(10)
    expect(records).toHaveLength(1)
    expect(records[0]).toMatchObject({ trigger: 'close', localPort: port })
    expect(records[0]?.bytesReceived).toBeGreaterThanOrEqual(0)
    expect(held?.tcpInfo).toBe(records[0])
  })
})

test('createServer has the overloads of net.createServer', async () => {
  const held: Held[] = []
  const listener = (peer: net.Socket): void => {
    held.push(peer as Held)
    peer.on('end', () => peer.end('bye'))
    peer.resume()
  }
  for (const server of [
    createServer(listener),
    createServer({ allowHalfOpen: true, pauseOnConnect: true }, listener),
    createServer({}).on('connection', listener),
    createServer().on('connection', listener),
  ]) {
    expect(server).toBeInstanceOf(net.Server)
    const client = net.connect(await listening(server), LOCAL)
    client.end('hello')
    await once(client.resume(), 'close')
  }
  expect(held).toHaveLength(4)
  expect(held[1]?.allowHalfOpen).toBe(true)
  await expect
    .poll(() => held.map(({ tcpInfo }) => tcpInfo?.trigger))
    .toEqual(['close', 'close', 'close', 'close'])
})

test('a handshake that fails gives a record of the raw socket', async () => {
  const server = instrumentServer(tls.createServer(certificate))
  server.on('tlsClientError', () => {})
  const port = await listening(server)
  const client = net.connect(port, LOCAL)
  client.on('error', () => {})
  const [raw] = (await once(server, 'connection')) as [Held]
  client.write('this is not TLS')
  const [info] = await once(raw, 'tcpinfo')
  expect(info).toMatchObject({ trigger: 'close', localPort: port })
})

test('a server of HTTP takes other streams as ever', async () => {
  const server = instrumentServer(
    http.createServer((_request, response) => response.end()),
  )
  const stream = new PassThrough()
  server.emit('connection', stream)
  stream.destroy()
})

test('what is no server is refused', () => {
  for (const value of [null, {}, new net.Socket(), http]) {
    expect(() => instrumentServer(value as unknown as net.Server)).toThrow(
      expect.objectContaining({
        code: 'ERR_TCP_INFO_NOT_TCP',
      } as Partial<TcpInfoError>),
    )
  }
})
