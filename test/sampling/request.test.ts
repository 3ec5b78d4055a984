import { EventEmitter, once } from 'node:events'
import http, { IncomingMessage, ServerResponse } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import {
  deltaOfRequest,
  HttpAgent,
  readTcpInfo,
  type TcpInfoSocket,
} from '../../lib/index.js'
import { jsonOf, runNode, script } from '../support/child.js'
import { freePort } from '../support/net.js'

const BODY = Buffer.alloc(100_000, 'x')

async function serve(
  onRequest: http.RequestListener = (_, response) => response.end(BODY),
): Promise<number> {
  const server = http.createServer(onRequest).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function get(port: number, agent: http.Agent) {
  const request = http.get({ port, host: '127.0.0.1', agent })
  const delta = deltaOfRequest(request)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let bytes = response.rawHeaders.length
  for await (const chunk of response) bytes += chunk.length
  return { delta: await delta, bytes }
}

test('each request of a connection has its own share', async () => {
  const port = await serve()
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  for (let i = 0; i < 3; i++) {
    const { delta } = await get(port, agent)
    expect(delta?.counters.bytesReceived).toBeGreaterThan(BODY.length)
    expect(delta?.counters.bytesReceived).toBeLessThan(BODY.length + 400)
    expect(delta?.counters.appBytesRead).toBe(delta?.counters.bytesReceived)
    expect(delta?.durationMs).toBeGreaterThan(0)
  }
})

test('works with the stock agent, too', async () => {
  const port = await serve()
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  await get(port, agent)
  const { delta } = await get(port, agent)
  expect(delta?.counters.bytesReceived).toBeGreaterThan(BODY.length)
  expect(delta?.counters.bytesReceived).toBeLessThan(BODY.length + 400)
})

/** A connection that had a request and a record, and whose reads can be made fail. */
async function breakable(port: number) {
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  await get(port, agent)
  const [[socket]] = Object.values(agent.freeSockets) as [[TcpInfoSocket]]
  socket.captureTcpInfo()
  const state = { isBroken: false }
  Object.defineProperty(socket, 'writableLength', {
    get() {
      if (state.isBroken) throw new Error('of a getter')
      return 0
    },
  })
  return { agent, socket, state }
}

test('a request whose first read fails has no difference', async () => {
  const port = await serve()
  const { agent, socket, state } = await breakable(port)
  const request = http.get({ port, host: '127.0.0.1', agent })
  request.once('socket', (given) => {
    expect(given).toBe(socket)
    state.isBroken = true
  })
  const delta = deltaOfRequest(request)
  request.once('socket', () => {
    expect(() => readTcpInfo(socket)).toThrow('of a getter')
    state.isBroken = false
  })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  expect(await delta).toBeUndefined()
  expect(readTcpInfo(socket).bytesReceived).toBeGreaterThan(2 * BODY.length)
})

test('a request whose last read fails has no difference', async () => {
  const port = await serve()
  const { agent, state } = await breakable(port)
  const request = http.get({ port, host: '127.0.0.1', agent })
  const delta = deltaOfRequest(request)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume().once('end', () => {
    state.isBroken = true
  })
  expect(await delta).toBeUndefined()
  state.isBroken = false
})

test('a request whose connection is closed has what it was at last', async () => {
  const port = await serve((_, response) => {
    response.setHeader('connection', 'close')
    response.end(BODY)
  })
  const { delta } = await get(port, new HttpAgent())
  expect(delta?.counters.bytesReceived).toBeGreaterThan(BODY.length)
})

test('a refused request has received nothing', async () => {
  const port = await freePort()
  const request = http.get({ port, host: '127.0.0.1', agent: new HttpAgent() })
  const delta = deltaOfRequest(request)
  request.on('error', () => {})
  expect((await delta)?.counters.bytesReceived).toBe(0)
})

test('a request without a socket of the kernel has no difference', async () => {
  const request = http.get({ host: 'name.invalid', agent: new HttpAgent() })
  const delta = deltaOfRequest(request)
  request.on('error', () => {})
  expect(await delta).toBeUndefined()
})

test('an aborted request resolves, too', async () => {
  const port = await serve((_, response) => void response.write(BODY))
  const request = http.get({ port, host: '127.0.0.1', agent: new HttpAgent() })
  request.on('error', () => {})
  const delta = deltaOfRequest(request)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.on('error', () => {})
  await once(response, 'data')
  request.destroy()
  expect((await delta)?.counters.bytesReceived).toBeGreaterThan(0)
  expect((await delta)?.durationMs).toBeGreaterThan(0)
})

test('a request that is over already has no difference', async () => {
  const port = await serve()
  const request = http.get({ port, host: '127.0.0.1', agent: new HttpAgent() })
  request.on('response', (response: IncomingMessage) => response.resume())
  await once(request, 'close')
  expect(await deltaOfRequest(request)).toBeUndefined()
})

test.each([
  ['nothing', undefined],
  ['an object', {}],
  ['an emitter', new EventEmitter()],
  ['text', 'http://127.0.0.1'],
  ['a response', new IncomingMessage(new Socket())],
  [
    "a server's response",
    new ServerResponse(new IncomingMessage(new Socket())),
  ],
])('%s is no request', (_, value) => {
  expect(() => deltaOfRequest(value as http.ClientRequest)).toThrowError(
    expect.objectContaining({
      name: 'TcpInfoError',
      code: 'ERR_TCP_INFO_ARGUMENT',
    }),
  )
})

test.each([
  ['goes back', '(time -= 1)'],
  ['gives no number', 'NaN'],
  ['gives nothing', 'undefined'],
  ['stands at infinity', 'Infinity'],
])(
  'a clock that was replaced before and %s measures nothing',
  async (_, now) => {
    const program = `
    let time = 1e6
    performance.now = () => ${now}
    const http = require('node:http')
    const { deltaOfRequest, HttpAgent, sample } = require(${JSON.stringify(script('../../dist/index.cjs'))})
    const server = http.createServer((_, response) => response.end('x'))
    server.listen(0, '127.0.0.1', async () => {
      const { port } = server.address()
      const request = http.get({ port, agent: new HttpAgent() })
      const deltas = []
      request.on('socket', (socket) => {
        const sampling = sample(socket, { intervalMs: 1 })
        sampling.on('sample', ({ delta }) => deltas.push(delta.durationMs))
      })
      request.on('response', (response) => response.resume())
      const delta = await deltaOfRequest(request)
      server.close()
      const areTimes = [delta.durationMs, ...deltas].every((each) => !(each < 0))
      console.log(JSON.stringify({ bytes: delta.counters.bytesReceived > 0, areTimes }))
    })`
    const told = await jsonOf(runNode(['-e', program]))
    expect(told).toEqual({ bytes: true, areTimes: true })
  },
)
