/** Makes one connection, uses it, closes it and tells how it went. */

import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { hostAndPort } from '../derived.js'
import {
  connect,
  HttpAgent,
  HttpsAgent,
  type TcpInfo,
  type TcpInfoMembers,
} from '../index.js'
import {
  type CommandFailure,
  DeadlineError,
  describeFailure,
  type Phase,
  withoutRecord,
} from './failure.js'
import type { Target } from './target.js'

export interface Outcome {
  readonly target: string
  /** The peer as it was addressed; the record has it only once connected. */
  readonly peer: string
  /** Whether it was addressed by a name, and so looked up first. */
  readonly isNamed: boolean
  /** Whether the program's counts are of what is inside TLS. */
  readonly isTls: boolean
  /** Whether TLS was still to be set up in the end: what was written went nowhere. */
  readonly isBeforeTls: boolean
  readonly status: number | undefined
  /** These four by our own clock and counts; no times if never connected. */
  readonly connectMs: number | undefined
  readonly ageMs: number | undefined
  readonly bytesRead: number
  readonly bytesWritten: number
  readonly info: TcpInfo | undefined
  readonly failure: CommandFailure | undefined
}

const DEMO_BYTES = 4 * 1024 * 1024
const DEMO_TIMEOUT_MS = 10_000

/**
 * How long a plain connection stays open. Some servers speak first (SSH, SMTP);
 * closing before that is read would reset the connection.
 */
const GREETING_MS = 200

/** Somebody who looks on while the connection is in use. */
export interface Onlooker {
  /** To `finish` is to close it in good order. */
  onSocket(socket: Socket, finish: () => void): void
  onResponse(response: IncomingMessage): void
}

/**
 * With an onlooker the connection is used to its end: the time limit is for the
 * beginning only, and a plain one stays open until the peer closes it.
 */
export async function probe(
  target: Target,
  timeoutMs: number,
  insecure: boolean,
  onlooker?: Onlooker,
): Promise<Outcome> {
  const exchange = new Exchange(target, timeoutMs, onlooker)
  if (target.url) {
    get(exchange, target.url, insecure)
  } else {
    greet(exchange)
  }
  return exchange.over
}

export async function demo(): Promise<Outcome> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {}) // the client's side reports it
    socket.once('data', () => socket.write(Buffer.alloc(DEMO_BYTES)))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { address: host, port } = server.address() as AddressInfo
  const exchange = new Exchange(
    { text: `${host}:${port}`, host, port },
    DEMO_TIMEOUT_MS,
  )
  const socket = exchange.use(connect({ host, port }))
  let missing = DEMO_BYTES
  socket.on('error', exchange.fail).on('data', (data) => {
    missing -= data.length
    if (missing === 0) exchange.finish()
  })
  socket.write(`send ${DEMO_BYTES}\n`)
  const outcome = await exchange.over
  server.close()
  return outcome
}

/** One GET over our agents, its answer read to the end. */
function get(exchange: Exchange, url: URL, insecure: boolean): void {
  // Kept alive, so that it is us who close, and the record shows the connection
  // as it was in use.
  const keepAlive = { keepAlive: true }
  const headers = { accept: '*/*', 'user-agent': 'tcpinfo' }
  const request =
    url.protocol === 'https:'
      ? https.get(url, {
          agent: new HttpsAgent(keepAlive),
          rejectUnauthorized: !insecure,
          headers,
        })
      : http.get(url, { agent: new HttpAgent(keepAlive), headers })
  request
    .on('socket', (socket) => exchange.use(socket as Socket))
    .on('error', exchange.fail)
    // To what we have not asked for: an answer all the same.
    .on('upgrade', ({ statusCode }) => {
      exchange.status = statusCode
      exchange.finish()
    })
    .on('response', (response) => {
      exchange.phase = 'body'
      exchange.status = response.statusCode
      if (exchange.onlooker) {
        exchange.stopTimer()
        exchange.onlooker.onResponse(response)
      }
      response.on('error', exchange.fail).resume()
      // Before Node's own listener, which may begin to close.
      response.prependOnceListener('end', exchange.finish)
    })
}

/** A plain connection: nothing is sent. */
function greet(exchange: Exchange): void {
  const { host, port } = exchange.target
  const socket = exchange.use(connect({ host, port, allowHalfOpen: true }))
  socket
    .on('error', exchange.fail)
    .on('end', exchange.finish)
    .on('connect', () => {
      exchange.stopTimer()
      if (!exchange.onlooker) setTimeout(exchange.finish, GREETING_MS)
    })
    .resume()
}

export type Socket = net.Socket & TcpInfoMembers

/** One connection from its beginning to its close. */
class Exchange {
  readonly over: Promise<Outcome>
  readonly target: Target
  readonly onlooker: Onlooker | undefined
  phase: Phase
  status: number | undefined

  readonly #isTls: boolean
  readonly #timer: NodeJS.Timeout
  readonly #startedAt = performance.now()
  #connectedAt: number | undefined
  #socket: Socket | undefined
  #peer: string
  #error: Error | undefined
  #finished = false
  #resolve!: (outcome: Outcome) => void

  constructor(target: Target, timeoutMs: number, onlooker?: Onlooker) {
    this.target = target
    this.onlooker = onlooker
    this.#peer = hostAndPort(target.host, target.port)
    this.#isTls = target.url?.protocol === 'https:'
    this.phase = net.isIP(target.host) ? 'connect' : 'lookup'
    this.over = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#timer = setTimeout(() => {
      const error = new DeadlineError(timeoutMs)
      this.fail(error)
      this.#socket?.destroy(error)
    }, timeoutMs)
  }

  stopTimer(): void {
    clearTimeout(this.#timer)
  }

  use<S extends Socket>(socket: S): S {
    this.#socket = socket
    socket
      .on('lookup', () => {
        this.phase = 'connect'
      })
      .on('connectionAttempt', (address, port) => {
        this.#peer = hostAndPort(address, port)
      })
      .on('connect', () => {
        this.#connectedAt = performance.now()
        this.phase = this.#isTls ? 'tls' : 'answer'
      })
      .on('secureConnect', () => {
        this.phase = 'answer'
      })
      .once('close', () => this.#end())
    this.onlooker?.onSocket(socket, this.finish)
    return socket
  }

  /** All that was wanted has arrived. */
  readonly finish = (): void => {
    this.#finished = true
    this.#socket?.destroy()
  }

  readonly fail = (error: Error): void => {
    this.#error ??= error
    // Without a socket there is no close to wait for.
    if (!this.#socket) this.#end()
  }

  #end(): void {
    this.stopTimer()
    const closedAt = performance.now()
    const socket = this.#socket
    const info = socket?.tcpInfo
    this.#resolve({
      target: this.target.text,
      peer: this.#peer,
      isNamed: net.isIP(this.target.host) === 0,
      isTls: this.#isTls,
      isBeforeTls: this.phase === 'tls',
      status: this.status,
      connectMs: since(this.#startedAt, this.#connectedAt),
      ageMs: since(this.#connectedAt, closedAt),
      bytesRead: socket?.bytesRead ?? 0,
      bytesWritten: socket?.bytesWritten ?? 0,
      info,
      failure: this.#failure(info),
    })
  }

  #failure(info: TcpInfo | undefined): CommandFailure | undefined {
    if (!this.#finished) {
      const error = this.#error ?? endedEarly()
      return describeFailure(error, this.phase, isRefusal(this.#socket, error))
    }
    const reason = info ? undefined : this.#socket?.tcpInfoError
    return reason && withoutRecord(reason)
  }
}

/** What Node calls it when it happens before the answer began. */
function endedEarly(): Error {
  return Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
}

/** Node's word for "this error is about the peer's certificate". */
function isRefusal(
  socket: net.Socket | undefined,
  { code, message }: NodeJS.ErrnoException,
): boolean {
  const { authorizationError } = (socket ?? {}) as {
    authorizationError?: unknown
  }
  return (
    authorizationError !== undefined && authorizationError === (code ?? message)
  )
}

function since(
  from: number | undefined,
  to: number | undefined,
): number | undefined {
  return from === undefined || to === undefined ? undefined : to - from
}
