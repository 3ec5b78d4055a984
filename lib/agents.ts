/**
 * Agents whose connections are instrumented, and which look at an idle connection
 * before they use it again.
 *
 * A server closes idle connections. While its FIN or RST waits in the kernel for
 * a turn of the event loop, the stock agent still takes that connection as good,
 * and the request fails with ECONNRESET (nodejs/node#47130). So the kernel is
 * asked, and a connection that is over is dropped before the agent chooses.
 *
 * The documented hook `reuseSocket(socket, request)` comes too late: the choice is
 * made. It is made in `addRequest`, undocumented, the same in Node 20, 22, 24 and
 * 26 as far as it matters here (lib/_http_agent.js): it calls `getName` and takes
 * a connection from `freeSockets[name]`; if there is none it makes one or queues
 * the request. We only mark where it begins, so as to know which call of `getName`
 * is its own. The rest is documented: `getName`, `keepSocketAlive`, `freeSockets`
 * and the event `'agentRemove'`. A Node that did it in another way would have the
 * stock behaviour. (No rest parameters: they cost 1 % of requests over loopback.)
 */

import * as http from 'node:http'
import * as https from 'node:https'
import type * as net from 'node:net'
import type { Duplex } from 'node:stream'
import { monotonicMs, wallClockMs } from './clock.js'
import { connect } from './connect.js'
import { ownOptions } from './errors.js'
import { nextOf, usesProxy } from './handle.js'
import { canInstrument, instrumentSince } from './instrument.js'
import { takeState } from './snapshot.js'

/** Since when a connection is idle, by the cheapest clock. */
const FREE_SINCE = Symbol('tcpinfo-socket.freeSince')

/** (On the socket: a weak map costs another 1 % of requests over loopback.) */
type Pooled = Duplex & { [FREE_SINCE]?: number }

type Callback = (error: Error | null, stream: Duplex) => void
type NameOptions<A extends http.Agent> = Parameters<A['getName']>[0]
/** What it returns differs among versions of @types/node. */
type Kept = ReturnType<http.Agent['keepSocketAlive']>
type Made = Duplex | null | undefined

/** What our agents take besides the options of Node's. */
export interface StaleCheckOptions {
  /**
   * Whether the state of an idle connection is read before it is used again, and
   * the connection dropped if the peer has closed it. Default: `true`.
   */
  staleCheck?: boolean | undefined
}

/**
 * http.Agent whose connections are TcpInfoSockets, and which drops an idle one that
 * the server has closed before it is used again. In all else an http.Agent.
 */
export class HttpAgent extends http.Agent {
  /** The option of this name. */
  readonly staleCheck: boolean

  /** @param options those of http.Agent, and `staleCheck` */
  constructor(options?: http.AgentOptions & StaleCheckOptions) {
    super(options)
    this.staleCheck = isChecking(options)
  }

  /** @hidden */
  override createConnection(
    options: http.ClientRequestArgs,
    callback?: Callback,
    ...others: unknown[]
  ): Made {
    const args = [options, callback, ...others]
    // With a proxy the base class decides where to connect.
    return usesProxy(this)
      ? instrumentedBy(super.createConnection, this, args)
      : connect(...(args as [net.NetConnectOpts]))
  }

  /** What Node calls for each request. Undocumented. @hidden */
  addRequest(
    request: unknown,
    options: unknown,
    port?: unknown,
    address?: unknown,
  ): void {
    choosing = this
    // @ts-expect-error undocumented
    super.addRequest(request, options, port, address)
  }

  /** @hidden */
  override getName(options?: NameOptions<http.Agent>): string {
    return checked(this, super.getName(options))
  }

  /** @hidden */
  override keepSocketAlive(socket: Duplex): Kept {
    noteFree(socket)
    return super.keepSocketAlive(socket)
  }
}

/**
 * https.Agent whose TLSSockets are instrumented, and which drops an idle one that the
 * server has closed before it is used again. In all else an https.Agent.
 */
export class HttpsAgent extends https.Agent {
  /** The option of this name. */
  readonly staleCheck: boolean

  /** @param options those of https.Agent, and `staleCheck` */
  constructor(options?: https.AgentOptions & StaleCheckOptions) {
    super(options)
    this.staleCheck = isChecking(options)
  }

  /** @hidden */
  override createConnection(
    options: https.RequestOptions,
    callback?: Callback,
    ...others: unknown[]
  ): Made {
    // Never a TLSSocket over a TcpInfoSocket that still connects: laid over a
    // socket that tries several addresses, stock Node crashes.
    const args = [options, callback, ...others]
    return instrumentedBy(super.createConnection, this, args)
  }

  /** What Node calls for each request. Undocumented. @hidden */
  addRequest(
    request: unknown,
    options: unknown,
    port?: unknown,
    address?: unknown,
  ): void {
    choosing = this
    // @ts-expect-error undocumented
    super.addRequest(request, options, port, address)
  }

  /** @hidden */
  override getName(options?: NameOptions<https.Agent>): string {
    return checked(this, super.getName(options))
  }

  /** @hidden */
  override keepSocketAlive(socket: Duplex): Kept {
    noteFree(socket)
    return super.keepSocketAlive(socket)
  }
}

function isChecking(options: StaleCheckOptions | undefined): boolean {
  return Boolean(ownOptions(options ?? {}).staleCheck ?? true)
}

/** Calls a stock createConnection and instruments what it makes. */
function instrumentedBy(
  create: (options: never, callback?: Callback) => Made,
  agent: http.Agent,
  args: readonly unknown[],
): Made {
  const startedAt = monotonicMs()
  const instrumented = <S extends Made>(stream: S): S =>
    canInstrument(stream) ? instrumentSince(stream, startedAt) : stream
  // As net.connect it takes a port and a host too, and the callback comes last.
  const told = args.map((each) =>
    typeof each === 'function'
      ? (error: Error | null, stream: Duplex) =>
          each(error, instrumented(stream))
      : each,
  )
  return instrumented(Reflect.apply(create, agent, told))
}

/** The agent that Node has just asked for a connection. */
let choosing: http.Agent | undefined

/**
 * A connection that was idle for less is not asked about: beside a request over
 * loopback a read of the state is dear, two looks at the clock are not. No FIN can
 * have waited for longer than the connection was idle, and the idle times after
 * which servers close are seconds.
 */
const UNCHECKED_MS = 2

function noteFree(socket: Pooled): void {
  socket[FREE_SINCE] = wallClockMs()
}

/** Drops what is over of a name's connections, when the agent is to take one. */
function checked(agent: HttpAgent | HttpsAgent, name: string): string {
  if (choosing !== agent) return name
  choosing = undefined
  const free = agent.staleCheck ? agent.freeSockets[name] : undefined
  if (!free) return name
  for (let left = free.length; left > 0; left--) {
    const next = nextOf(agent, free)
    if (!next || !isOver(next)) break
    next.destroy()
    // At once and not at 'close', so that another may be made in its place.
    next.emit('agentRemove')
  }
  return name
}

/** No, where there is no telling. */
function isOver(socket: Pooled): boolean {
  if (socket.destroyed) return true
  const idleMs = wallClockMs() - (socket[FREE_SINCE] ?? 0)
  // Below 0 somebody has set the clock.
  if (idleMs >= 0 && idleMs < UNCHECKED_MS) return false
  const state = takeState(socket)
  return typeof state === 'string' && state !== 'ESTABLISHED'
}
