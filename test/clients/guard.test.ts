// The agents look at a kept connection before they use it again. Each scenario is
// one in which the stock agent's request fails, and is run with it too.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type net from 'node:net'
import type { Duplex } from 'node:stream'
import {
  afterAll,
  beforeAll,
  describe,
  expect,
  onTestFinished,
  test,
} from 'vitest'
import { HttpAgent, HttpsAgent, readTcpState } from '../../lib/index.js'
import { script } from '../support/child.js'
import { wait } from '../support/net.js'

const LOCAL = '127.0.0.1'
const [major] = process.versions.node.split('.').map(Number) as [number]

let server: ChildProcess
let httpPort: number
let httpsPort: number

beforeAll(async () => {
  server = fork(script('closing-server.mjs'), {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  const [line] = await once(server.stdout as NodeJS.ReadableStream, 'data')
  ;[httpPort, httpsPort] = String(line).split(' ').map(Number) as [
    number,
    number,
  ]
})
afterAll(() => server.disconnect())

type Options = http.AgentOptions & {
  readonly scheduling?: 'fifo' | 'lifo'
  readonly maxTotalSockets?: number
  readonly staleCheck?: boolean
  readonly proxyEnv?: Record<string, string>
}

/** An agent of each protocol, and the stock one. */
interface Protocol {
  readonly client: typeof http | typeof https
  readonly port: () => number
  readonly ours: (options?: Options) => http.Agent
  readonly stock: (options?: Options) => http.Agent
}

function kept<A extends http.Agent>(
  Agent: new (options: Options) => A,
): (options?: Options) => A {
  return (options) => {
    const agent = new Agent({ keepAlive: true, ...options })
    onTestFinished(() => agent.destroy())
    return agent
  }
}

const HTTP: Protocol = {
  client: http,
  port: () => httpPort,
  ours: kept(HttpAgent),
  stock: kept(http.Agent),
}
const HTTPS: Protocol = {
  client: https,
  port: () => httpsPort,
  ours: kept(HttpsAgent),
  stock: kept(https.Agent),
}

interface Outcome {
  readonly id: string
  /** 200, or the code of the error. */
  readonly result: unknown
  readonly reused: boolean
  readonly socket: net.Socket
}

interface Send {
  readonly protocol?: Protocol
  readonly close?: 'fin' | 'rst' | undefined
  readonly after?: number
  readonly options?: http.RequestOptions
  readonly body?: string
}

let sent = 0

/** One request, to its end or its error. */
function send(agent: http.Agent, how: Send = {}): Promise<Outcome> {
  const { protocol = HTTP, close, after = 0, options, body } = how
  const id = String(++sent)
  return new Promise((resolve) => {
    const request = protocol.client.request({
      host: LOCAL,
      port: protocol.port(),
      agent,
      rejectUnauthorized: false,
      method: body === undefined ? 'GET' : 'POST',
      ...options,
      headers: {
        'x-id': id,
        'x-after': after,
        ...(close && { 'x-close': close }),
      },
    } as https.RequestOptions)
    const done = (result: unknown): void => {
      const { reusedSocket: reused, socket } = request
      resolve({ id, result, reused, socket: socket as net.Socket })
    }
    request.on('error', (error: NodeJS.ErrnoException) => done(error.code))
    request.on('response', (response) => {
      response.resume()
      // The connection goes back to the agent after 'end'.
      response.on('end', () => setImmediate(done, response.statusCode))
    })
    request.end(body)
  })
}

/** Which requests came to the server, and how often. */
async function arrivals(...outcomes: readonly Outcome[]): Promise<number[]> {
  const url = `http://${LOCAL}:${httpPort}/log`
  const log = (await (await fetch(url)).json()) as string[]
  return outcomes.map(({ id }) => log.filter((other) => other === id).length)
}

/** Stands still, the event loop too, until the server's close is in the kernel. */
function blockUntilClosed(...sockets: readonly net.Socket[]): void {
  const clock = new Int32Array(new SharedArrayBuffer(4))
  const deadline = Date.now() + 10_000
  while (sockets.some((socket) => readTcpState(socket) === 'ESTABLISHED')) {
    if (Date.now() > deadline) throw new Error('the server did not close')
    Atomics.wait(clock, 0, 0, 1)
  }
}

describe.each([
  ['http', HTTP],
  ['https', HTTPS],
])('%s', (_, protocol) => {
  describe.each(['fin', 'rst'] as const)('%s', (close) => {
    /** What becomes of a request when the kept connection has been closed. */
    async function reuse(agent: http.Agent, how?: Send) {
      const first = await send(agent, { protocol, close, after: 20 })
      expect(first.result).toBe(200)
      blockUntilClosed(first.socket)
      const second = await send(agent, { protocol, ...how })
      const sameSocket = second.socket === first.socket
      return { ...second, sameSocket, agent }
    }

    test('while the loop stood still: another connection', async () => {
      const stock = await reuse(protocol.stock())
      expect(stock).toMatchObject({ result: 'ECONNRESET', sameSocket: true })
      const ours = await reuse(protocol.ours())
      expect(ours).toMatchObject({
        result: 200,
        reused: false,
        sameSocket: false,
      })
      expect(await arrivals(ours)).toEqual([1])
      expect(ours.agent.sockets).toEqual({})
      expect(Object.values(ours.agent.freeSockets)).toEqual([[ours.socket]])
      expect(ours.agent).toHaveProperty('totalSocketCount', 1)
    })

    test('a request with a body is sent once and whole', async () => {
      const how = { body: 'x'.repeat(200_000) }
      const stock = await reuse(protocol.stock(), how)
      expect(stock.result).not.toBe(200)
      const ours = await reuse(protocol.ours(), how)
      expect(ours.result).toBe(200)
      expect(await arrivals(ours)).toEqual([1])
    })

    test('staleCheck is an own option', () => {
      const prototype = Object.prototype as { staleCheck?: boolean }
      prototype.staleCheck = false
      onTestFinished(() => void delete prototype.staleCheck)
      expect(protocol.ours()).toHaveProperty('staleCheck', true)
      const stated = protocol.ours({ staleCheck: false })
      expect(stated).toHaveProperty('staleCheck', false)
    })

    test('staleCheck: false', async () => {
      const off = await reuse(protocol.ours({ staleCheck: false }))
      expect(off).toMatchObject({ result: 'ECONNRESET', reused: true })
    })

    test.each([
      ['maxSockets', { maxSockets: 1 }],
      ['maxTotalSockets', { maxTotalSockets: 1 }],
      ['maxFreeSockets', { maxFreeSockets: 1 }],
    ])('%s of 1, and requests that wait', async (_, limit) => {
      const run = async (agent: http.Agent) => {
        const first = await send(agent, { protocol, close, after: 20 })
        blockUntilClosed(first.socket)
        const all = Promise.all(
          Array.from({ length: 4 }, () => send(agent, { protocol })),
        )
        let most = 0
        const count = (): void => {
          const { totalSocketCount } = agent as unknown as Counted
          most = Math.max(most, totalSocketCount)
        }
        count()
        agent.on('free', count)
        return { outcomes: await all, most }
      }
      const stock = await run(protocol.stock(limit))
      expect(stock.outcomes.map(({ result }) => result)).toContain('ECONNRESET')
      const { outcomes, most } = await run(protocol.ours(limit))
      expect(outcomes.map(({ result }) => result)).toEqual(Array(4).fill(200))
      expect(await arrivals(...outcomes)).toEqual([1, 1, 1, 1])
      if (!('maxFreeSockets' in limit)) expect(most).toBe(1)
    })

    /** Two kept connections, the one freed last first; one is closed. */
    async function two(agent: http.Agent, closed: 'older' | 'newer' | 'both') {
      const close2 = (which: string) =>
        closed === which || closed === 'both' ? close : undefined
      const [older, newer] = await Promise.all([
        send(agent, { protocol, close: close2('older'), after: 200 }),
        send(agent, { protocol, close: close2('newer'), after: 200 }),
      ])
      const free = Object.values(agent.freeSockets)[0] as net.Socket[]
      if (free[0] !== older.socket) free.reverse()
      expect(free).toEqual([older.socket, newer.socket])
      blockUntilClosed(
        ...(closed === 'newer' ? [] : [older.socket]),
        ...(closed === 'older' ? [] : [newer.socket]),
      )
      const { result, socket, reused } = await send(agent, { protocol })
      const which = socket === older.socket ? 'older' : 'newer'
      return { result, used: reused ? which : 'fresh', agent }
    }

    test.each([
      ['lifo', 'newer', 'older'],
      ['fifo', 'older', 'newer'],
    ] as const)('%s: the %s is closed, the %s used', async (...row) => {
      const [scheduling, closed, used] = row
      const stock = await two(protocol.stock({ scheduling }), closed)
      expect(stock).toMatchObject({ result: 'ECONNRESET', used: closed })
      const ours = await two(protocol.ours({ scheduling }), closed)
      expect(ours).toMatchObject({ result: 200, used })
      expect(ours.agent).toHaveProperty('totalSocketCount', 1)
    })

    test.each(['lifo', 'fifo'] as const)('%s: both are closed', async (s) => {
      const stock = await two(protocol.stock({ scheduling: s }), 'both')
      expect(stock.result).toBe('ECONNRESET')
      const ours = await two(protocol.ours({ scheduling: s }), 'both')
      expect(ours).toMatchObject({ result: 200, used: 'fresh' })
      expect(ours.agent).toHaveProperty('totalSocketCount', 1)
      expect(Object.values(ours.agent.freeSockets)).toHaveLength(1)
    })

    test('what the user sees of a dropped connection', async () => {
      const agent = protocol.ours()
      const first = await send(agent, { protocol, close, after: 20 })
      blockUntilClosed(first.socket)
      const events: string[] = []
      first.socket.on('tcpinfo', ({ state }) => events.push(state))
      first.socket.on('error', () => events.push('error'))
      first.socket.on('close', () => events.push('close'))
      agent.on('free', () => events.push('free'))
      const second = send(agent, { protocol })
      expect(first.socket.destroyed).toBe(true)
      await second
      const state = close === 'fin' ? 'CLOSE_WAIT' : 'CLOSED'
      expect(events).toEqual([state, 'close', 'free'])
    })
  })

  test('a connection that lives is used again', async () => {
    const agent = protocol.ours()
    const first = await send(agent, { protocol })
    await wait(5)
    const second = await send(agent, { protocol })
    expect(second).toMatchObject({ reused: true, socket: first.socket })
  })

  test('servers that close while clients ask: all settles, nothing twice', async () => {
    const run = async (agent: http.Agent) => {
      const outcomes: Outcome[] = []
      const clock = new Int32Array(new SharedArrayBuffer(4))
      for (let round = 0; round < 30; round++) {
        Atomics.wait(clock, 0, 0, 2 + (round % 10))
        const close = round % 2 ? 'fin' : 'rst'
        const how: Send = { protocol, close, after: 5 }
        outcomes.push(
          ...(await Promise.all(
            Array.from({ length: 4 }, () => send(agent, how)),
          )),
        )
      }
      const failed = outcomes.filter(({ result }) => result !== 200).length
      return { failed, most: Math.max(...(await arrivals(...outcomes))) }
    }
    const stock = await run(protocol.stock())
    expect(stock.failed).toBeGreaterThan(20)
    const ours = await run(protocol.ours())
    expect(ours.most).toBe(1)
    // (bench/guard.mjs counts. Some closes are still on their way.)
    expect(ours.failed).toBeLessThan(stock.failed)
  })
})

interface Counted {
  readonly totalSocketCount: number
}

test('maxTotalSockets: a dropped connection makes room for another origin', async () => {
  const agent = kept(HttpAgent)({ maxTotalSockets: 1 })
  const first = await send(agent, { close: 'fin', after: 20 })
  const elsewhere = send(agent, { options: { host: 'localhost', family: 4 } })
  blockUntilClosed(first.socket)
  const outcomes = await Promise.all([send(agent), elsewhere])
  expect(outcomes.map(({ result }) => result)).toEqual([200, 200])
  expect(await arrivals(...outcomes)).toEqual([1, 1])
})

test.each([
  ['HttpAgent', kept(HttpAgent), 200],
  ['http.Agent', kept(http.Agent), 'ECONNRESET'],
])('destroyed by the program just now: %s', async (_, agentOf, result) => {
  const agent = agentOf()
  const [, newer] = await Promise.all([send(agent), send(agent)])
  const free = Object.values(agent.freeSockets)[0]
  expect(free?.at(-1)).toBe(newer.socket)
  newer.socket.destroy()
  expect((await send(agent)).result).toBe(result)
})

test('an idle time of the agent, too', async () => {
  const agent = kept(HttpAgent)({ timeout: 20 })
  const first = await send(agent)
  if (!first.socket.destroyed) await once(first.socket, 'close')
  expect(agent.freeSockets).toEqual({})
  expect(await send(agent)).toMatchObject({ result: 200, reused: false })
})

test('subclasses that override the documented hooks', async () => {
  const calls: string[] = []
  class Calling extends HttpAgent {
    override keepSocketAlive(socket: Duplex) {
      calls.push('keepSocketAlive')
      return super.keepSocketAlive(socket)
    }
    override reuseSocket(socket: Duplex, request: http.ClientRequest): void {
      calls.push('reuseSocket')
      super.reuseSocket(socket, request)
    }
  }
  // As agents do that decide for themselves.
  class Deciding extends HttpAgent {
    override keepSocketAlive() {
      return true as never
    }
  }
  for (const agent of [kept(Calling)(), kept(Deciding)()]) {
    const first = await send(agent)
    await wait(5)
    const second = await send(agent, { close: 'fin', after: 20 })
    expect(second.socket).toBe(first.socket)
    blockUntilClosed(second.socket)
    expect(await send(agent)).toMatchObject({ result: 200, reused: false })
  }
  const kept2 = 'keepSocketAlive'
  expect(calls).toEqual([kept2, 'reuseSocket', kept2, kept2])
})

test.skipIf(major < 24)(
  `through a proxy${major < 24 ? ' (skipped: proxyEnv is of Node 24)' : ''}`,
  async () => {
    const proxy = `http://${LOCAL}:${httpPort}`
    const proxyEnv = { HTTP_PROXY: proxy, HTTPS_PROXY: proxy }
    for (const protocol of [HTTP, HTTPS]) {
      for (const [agent, result] of [
        [protocol.stock({ proxyEnv }), 'ECONNRESET'],
        [protocol.ours({ proxyEnv }), 200],
      ] as const) {
        const options = { host: 'origin.invalid' }
        const how: Send = { protocol, close: 'fin', after: 20, options }
        const first = await send(agent, how)
        expect(first.result).toBe(200)
        blockUntilClosed(first.socket)
        expect((await send(agent, how)).result).toBe(result)
      }
    }
  },
)

// Last, as the process then takes Node's internals as not known.
test('a state that can’t be read: the connection is used', async () => {
  const agent = kept(HttpAgent)()
  const hideDescriptor = ({ socket }: Outcome): void => {
    const { _handle } = socket as unknown as { _handle: object }
    Object.defineProperty(_handle, 'fd', { value: undefined })
  }
  const first = await send(agent)
  hideDescriptor(first)
  expect(() => readTcpState(first.socket)).toThrow(/descriptor/)
  await wait(5)
  const second = await send(agent, { close: 'fin', after: 20 })
  expect(second).toMatchObject({ result: 200, socket: first.socket })
  // (Nobody can tell when it is closed.)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300)
  expect((await send(agent)).result).toBe('ECONNRESET')
})
