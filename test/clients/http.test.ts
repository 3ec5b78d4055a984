import { type EventEmitter, once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import path from 'node:path'
import type tls from 'node:tls'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  createConnection,
  HttpAgent,
  HttpsAgent,
  type Instrumented,
  type TcpInfo,
  TcpInfoSocket,
} from '../../lib/index.js'
import { certificate, trust } from '../support/certificate.mjs'
import { freePort, listen, listening, wait } from '../support/net.js'

const BODY = Buffer.alloc(300_000, 'x')
const LOCAL = '127.0.0.1'

const answer: http.RequestListener = (request, response) => {
  request.resume()
  request.on('end', () => response.end(BODY))
}

const httpPort = (): Promise<number> => listening(http.createServer(answer))
const httpsPort = (): Promise<number> =>
  listening(https.createServer(certificate, answer))

interface Exchange {
  readonly socket: Instrumented<net.Socket>
  readonly length: number
}

/** One request to its end, with the socket that the user holds. */
async function get(
  options: http.RequestOptions | https.RequestOptions,
  client: typeof http | typeof https = http,
): Promise<Exchange> {
  const request = client.get({ host: LOCAL, ...options })
  const [socket] = (await once(request, 'socket')) as [Instrumented<net.Socket>]
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let length = 0
  for await (const chunk of response) length += chunk.length
  return { socket, length }
}

class InstrumentedAgent extends http.Agent {
  override createConnection = createConnection as never
}

function assigned(options?: http.AgentOptions): http.Agent {
  const agent = new http.Agent(options)
  agent.createConnection = createConnection as never
  return agent
}

describe.each([
  ['agent.createConnection = …', assigned],
  [
    'class extends http.Agent',
    (options?: http.AgentOptions) => new InstrumentedAgent(options),
  ],
  ['HttpAgent', (options?: http.AgentOptions) => new HttpAgent(options)],
])('%s', (_, makeAgent) => {
  test('the final record reaches req.socket', async () => {
    const port = await httpPort()
    const agent = makeAgent()
    const request = http.get({ host: LOCAL, port, agent })
    const [socket] = (await once(request, 'socket')) as [TcpInfoSocket]
    expect(socket).toBeInstanceOf(TcpInfoSocket)
    const [response] = await once(request, 'response')
    response.resume()
    const [info] = (await once(socket, 'tcpinfo')) as [TcpInfo]
    expect(info.trigger).toBe('close')
    expect(info.remotePort).toBe(port)
    expect(info.bytesReceived).toBeGreaterThan(BODY.length)
    expect(info.bytesReceived).toBeLessThan(BODY.length + 1000)
    expect(info.connectDurationMs).toBeGreaterThan(0)
    await once(socket, 'close')
    expect(socket.tcpInfo).toBe(info)
  })

  test('several requests over a kept connection, captured on demand', async () => {
    const agent = makeAgent({ keepAlive: true })
    const port = await httpPort()
    const first = await get({ port, agent })
    const after = first.socket.captureTcpInfo()
    await wait(5)
    const second = await get({ port, agent })
    expect(second.socket).toBe(first.socket)
    expect(second.socket.captureTcpInfo()?.bytesReceived).toBeGreaterThan(
      (after?.bytesReceived ?? 0) + BODY.length,
    )
    agent.destroy()
    await once(first.socket, 'close')
    expect(first.socket.tcpInfo?.trigger).toBe('close')
  })

  test('a refusal is the same error, with a record', async () => {
    const port = await freePort()
    const outcome = async (agent: http.Agent) => {
      const request = http.get({ host: LOCAL, port, agent })
      const [error] = await once(request, 'error')
      const { code, syscall, address, message } = error
      return { request, seen: { code, syscall, address, message } }
    }
    const stock = await outcome(new http.Agent())
    const ours = await outcome(makeAgent())
    expect(ours.seen).toEqual(stock.seen)
    const socket = ours.request.socket as TcpInfoSocket
    expect(socket.tcpInfo?.state).toBe('CLOSED')
  })
})

/** Waits for the client's first words. */
const talking = (answer: (peer: net.Socket) => void): Promise<number> =>
  listen((peer) => peer.once('data', () => answer(peer)))

const failingLookup: net.LookupFunction = (host, _, callback) => {
  const error = new Error(`getaddrinfo ENOTFOUND ${host}`)
  callback(Object.assign(error, { code: 'ENOTFOUND' }), '', 0)
}

const SOCKET_EVENTS = [
  'lookup',
  'connect',
  'ready',
  'secureConnect',
  'session',
  'timeout',
  'end',
  'error',
  'close',
]

describe('HttpsAgent', () => {
  test('the final record reaches the TLSSocket', async () => {
    const port = await httpsPort()
    const agent = new HttpsAgent()
    const request = https.get({ host: LOCAL, port, agent, ...trust })
    const [socket] = (await once(request, 'socket')) as [
      Instrumented<tls.TLSSocket>,
    ]
    const [response] = await once(request, 'response')
    expect(socket.authorized).toBe(true)
    response.resume()
    const [info] = (await once(socket, 'tcpinfo')) as [TcpInfo]
    expect(info.remotePort).toBe(port)
    expect(info.bytesReceived).toBeGreaterThan(BODY.length)
    expect(info.connectDurationMs).toBeGreaterThan(0)
    await once(socket, 'close')
    expect(socket.tcpInfo).toBe(info)
  })

  test('resumes sessions as the stock agent does', async () => {
    const port = await httpsPort()
    const resumed = async (agent: https.Agent): Promise<boolean[]> => {
      const seen: boolean[] = []
      for (let i = 0; i < 3; i++) {
        const { socket } = await get({ port, agent, ...trust }, https)
        seen.push((socket as unknown as tls.TLSSocket).isSessionReused())
        await wait(5)
      }
      return seen
    }
    const stock = await resumed(new https.Agent())
    expect(stock).toContain(true)
    expect(await resumed(new HttpsAgent())).toEqual(stock)
  })

  test.each([
    ['no options', {}],
    ['a servername', { servername: 'other.example' }],
    ['no servername', { servername: '' }],
    ['protocols', { ALPNProtocols: ['x', 'http/1.1'] }],
    ['an old version', { maxVersion: 'TLSv1.2' as const }],
  ])('the handshake is the stock agent’s: %s', async (_, of) => {
    const server = https.createServer(
      { ...certificate, ALPNProtocols: ['http/1.1', 'x'] },
      answer,
    )
    const port = await listening(server)
    const handshake = async (agent: https.Agent): Promise<unknown> => {
      const seen = once(server, 'secureConnection')
      const options = { host: 'localhost', rejectUnauthorized: false, ...of }
      const { socket } = await get({ port, agent, ...options }, https)
      const [peer] = (await seen) as [tls.TLSSocket]
      return [peer, socket as unknown as tls.TLSSocket].map((side) => ({
        servername: (side as { servername?: unknown }).servername,
        alpn: side.alpnProtocol,
        version: side.getProtocol(),
        cipher: side.getCipher(),
        authorized: side.authorized,
        authorizationError: side.authorizationError,
      }))
    }
    const stock = await handshake(new https.Agent())
    expect(await handshake(new HttpsAgent())).toEqual(stock)
  })

  const failing: [
    string,
    https.RequestOptions & tls.ConnectionOptions,
    (() => Promise<number>)?,
  ][] = [
    ['not trusted', {}],
    ['another name', { ca: certificate.cert, servername: 'other.example' }],
    ['bad option', { minVersion: 'TLSv9' as 'TLSv1' }],
    ['no common protocol', { ...trust, ALPNProtocols: ['x'] }],
    ['no common version', { ...trust, maxVersion: 'TLSv1.1' }],
    ['refused', {}, freePort],
    ['name not found', { host: 'name.invalid', lookup: failingLookup }],
    [
      'reset in the handshake',
      {},
      () => talking((peer) => peer.resetAndDestroy()),
    ],
    ['closed in the handshake', {}, () => talking((peer) => peer.end())],
    [
      'no TLS',
      {},
      () => talking((peer) => peer.end('HTTP/1.1 400 No\r\n\r\n')),
    ],
    ['too slow', { timeout: 50 }, () => listen()],
  ]
  test.each(failing)(
    'errors and events are the stock agent’s: %s',
    async (_, options, open = httpsPort) => {
      const port = await open()
      const outcome = async (agent: https.Agent): Promise<unknown> => {
        const seen: unknown[] = []
        const watch = (
          name: string,
          emitter: EventEmitter,
          events: string[],
        ) => {
          for (const event of events) {
            emitter.on(event, (argument) => {
              const { code, message } = argument ?? {}
              seen.push([name, event, code, message])
            })
          }
        }
        try {
          const request = https.get({ host: LOCAL, port, agent, ...options })
          watch('request', request, ['socket', 'timeout', 'error', 'close'])
          request.on('socket', (socket) =>
            watch('socket', socket, SOCKET_EVENTS),
          )
          request.on('timeout', () => request.destroy())
          await new Promise((resolve) => request.on('close', resolve))
          const { socket } = request
          if (socket && !socket.closed) await once(socket, 'close')
        } catch (error) {
          const { code, message } = error as NodeJS.ErrnoException
          seen.push(['thrown', code, message])
        }
        return seen
      }
      const stock = await outcome(new https.Agent())
      expect(JSON.stringify(stock)).toMatch(/"(thrown|error)","[A-Z_]+"/)
      expect(await outcome(new HttpsAgent())).toEqual(stock)
    },
  )

  test('timeouts fire as with the stock agent', async () => {
    const port = await listening(net.createServer())
    const outcome = async (agent: https.Agent): Promise<string> => {
      const request = https.get({ host: LOCAL, port, agent, timeout: 50 })
      request.on('error', () => {})
      await once(request, 'timeout')
      request.destroy()
      return 'timeout'
    }
    expect(await outcome(new https.Agent({ timeout: 40 }))).toBe('timeout')
    expect(await outcome(new HttpsAgent({ timeout: 40 }))).toBe('timeout')
  })
})

test('HttpAgent keeps the agent’s own limits', async () => {
  const port = await httpPort()
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 })
  const exchanges = await Promise.all(
    Array.from({ length: 4 }, () => get({ port, agent })),
  )
  expect(new Set(exchanges.map(({ socket }) => socket)).size).toBe(1)
  expect(exchanges.map(({ length }) => length)).toEqual(
    Array(4).fill(BODY.length),
  )
  agent.destroy()
})

test('HttpAgent reaches a Unix socket path and says why there is nothing', async () => {
  const server = http.createServer(answer)
  onTestFinished(() => void server.close())
  const socketPath = path.join(
    process.env.TMPDIR ?? '/tmp',
    `tcpinfo-${process.pid}.sock`,
  )
  server.listen(socketPath)
  await once(server, 'listening')
  const { socket, length } = await get({ socketPath, agent: new HttpAgent() })
  expect(length).toBe(BODY.length)
  expect(socket.tcpInfo).toBeUndefined()
  if (!socket.destroyed) await once(socket, 'close')
  expect(socket.tcpInfoError?.code).toBe('ERR_TCP_INFO_NOT_TCP')
})

// Node 22 and later have proxyEnv.
const [major] = process.versions.node.split('.').map(Number) as [number]
test.skipIf(major < 24)(
  `HttpAgent goes through a proxy${major < 24 ? ' (skipped: proxyEnv is of Node 24)' : ''}`,
  async () => {
    const proxy = http.createServer((request, response) => {
      response.end(`by proxy: ${request.url}`)
    })
    const port = await listening(proxy)
    const agent = new HttpAgent({
      proxyEnv: { HTTP_PROXY: `http://${LOCAL}:${port}` },
    } as http.AgentOptions)
    const { socket, length } = await get({ port: 9, agent, path: '/x' })
    expect(length).toBe(`by proxy: http://${LOCAL}:9/x`.length)
    expect(socket.captureTcpInfo()?.remotePort).toBe(port)
    agent.destroy()
  },
)

test('createConnection takes a port and a host as the stock ones do', async () => {
  const http_ = await httpPort()
  const plain = new HttpAgent().createConnection as (
    ...args: unknown[]
  ) => net.Socket
  const listener = vi.fn()
  const socket = plain.call(new HttpAgent(), http_, LOCAL, listener)
  await once(socket, 'connect')
  expect(listener).toHaveBeenCalledTimes(1)
  socket.destroy()

  const agent = new HttpsAgent()
  const secure = agent.createConnection as (...args: unknown[]) => net.Socket
  const options = { rejectUnauthorized: false }
  const over = secure.call(agent, await httpsPort(), LOCAL, options)
  await once(over, 'secureConnect')
  expect(over.remoteAddress).toBe(LOCAL)
  over.destroy()
})
