/**
 * The only file that knows what net.Socket and http.Agent hide. Relied on, all the same in
 * Node 20, 22, 24 and 26:
 *
 * - `socket._handle` (lib/net.js): the libuv handle; null before connect() and
 *   after destroy(), replaced for each address that a connection attempt tries.
 *   Hence what is remembered of a connection is keyed on the handle, or
 *   forgotten at its end.
 * - `handle.fd` (src/stream_base.cc): the descriptor; -1 while there is none, and
 *   always on Windows. A TLSSocket's handle forwards to that of its connection.
 * - `handle.bytesRead` and `handle.bytesWritten` (src/stream_base.cc): what the
 *   getters of net.Socket give (lib/net.js) when nothing waits inside the stream.
 * - `hasRef`, `ref` and `unref` of a TCP handle (src/handle_wrap.cc), by which the
 *   addon finds its SOCKET on Windows; `_parent` of TLSWrap (lib/_tls_wrap.js),
 *   the handle under it.
 * - `socket._parent` (lib/internal/tls/wrap.js): the socket that a TLSSocket was
 *   laid over, if it did not make its own connection.
 * - `net.Stream` (lib/net.js): net.Socket.
 * - `agent.addRequest` and `agent.scheduling` (lib/_http_agent.js): see agents.ts.
 * - `agent.options.proxyEnv` (lib/_http_agent.js), where Node has proxies (22 and
 *   later): test/clients/guard.test.ts goes through one.
 *
 * test/socket/internals.test.ts fails when Node changes one of these.
 */

import type * as http from 'node:http'
import * as net from 'node:net'
import { binding } from './binding.js'

/** A libuv stream as Node wraps it. */
export interface StreamHandle {
  readonly fd?: unknown
  /** TCP handles, and TLS over them, have it; pipes have not. */
  readonly getpeername?: unknown
  readonly _parent?: unknown
  readonly bytesRead?: number
  readonly bytesWritten?: number
}

const { Server } = net

/**
 * net.Socket by its old name, and pinned: those who replace net.Socket by a class of
 * their own leave `net.Stream` alone, and net.connect() and servers go on making
 * sockets of Node's.
 */
export const Socket: typeof net.Socket =
  (net as { Stream?: typeof net.Socket }).Stream ?? net.Socket

/** (A proxy can throw when it is asked what it is.) */
export function isSocket(value: unknown): value is net.Socket {
  try {
    return value instanceof Socket
  } catch {
    return false
  }
}

/**
 * null: no handle now. undefined: not a thing that ever has one. (Others have a
 * `_handle` too, and dgram warns of a deprecation when one looks at it.)
 */
export function handleOf(socket: unknown): StreamHandle | null | undefined {
  try {
    return socket instanceof Socket || socket instanceof Server
      ? (socket as { _handle?: StreamHandle | null })._handle
      : undefined
  } catch {
    return undefined // a getter or a proxy that throws
  }
}

/**
 * Whether a connected socket still has the handle it had: handleOf(), asked of very
 * many. (A function of its own, that V8 compiles for the few shapes that these have:
 * through handleOf each look costs 150 ns more.)
 */
export function hasHandle(socket: net.Socket, handle: StreamHandle): boolean {
  return (socket as { _handle?: unknown })._handle === handle
}

/** What descriptorOf gives when there is no telling. */
export const UNREADABLE = -2

/** The descriptor; -1 when there is none. */
export function descriptorOf(handle: StreamHandle): number {
  try {
    const { fd } = handle
    if (!Number.isInteger(fd)) return UNREADABLE
    return binding?.socketOf ? socketOf(handle) : (fd as number)
  } catch {
    return UNREADABLE
  }
}

// What net.Socket counts; a server counts nothing. Of the handle where possible,
// since the socket's own getters cost a tenth of a read.

export function bytesReadOf(
  socket: unknown,
  handle: StreamHandle,
): number | undefined {
  if (!(socket instanceof Socket)) return undefined
  return handle.bytesRead ?? (socket as net.Socket).bytesRead
}

export function bytesWrittenOf(
  socket: unknown,
  handle: StreamHandle,
): number | undefined {
  if (!(socket instanceof Socket)) return undefined
  const { writableLength } = socket as net.Socket
  const dispatched = writableLength === 0 ? handle.bytesWritten : undefined
  return dispatched ?? (socket as net.Socket).bytesWritten
}

/**
 * Whether a socket has the same descriptor for as long as it has the same handle:
 * Node drops a handle when it closes it. (On Windows the search itself proves that
 * what was found is still the handle's.)
 */
export const keepsDescriptor = binding?.socketOf === undefined

function socketOf(handle: StreamHandle): number {
  return isTcp(handle) ? (binding?.socketOf?.(underTls(handle)) ?? -1) : -1
}

function underTls(handle: unknown): unknown {
  return isA('TLSWrap', handle) ? underTls(handle._parent) : handle
}

/** (TLS over a stream in JavaScript has no TCP handle.) */
export function isTcp(handle: StreamHandle): boolean {
  return isA('TCP', underTls(handle))
}

/** Of Bun's handles, and of those that are closed, not all have the class's name. */
export function mayBeTcp(handle: StreamHandle): boolean {
  return handle.getpeername !== undefined
}

/** A named pipe or a Unix domain socket. */
export function isPipe(handle: StreamHandle): boolean {
  return isA('Pipe', underTls(handle))
}

/** Whether a handle is one of Node's own, or of Deno's, that have a descriptor. */
export function isNative(handle: StreamHandle): boolean {
  return ['TCP', 'TLSWrap', 'TCPWrap'].some((name) => isA(name, handle))
}

/** Deno keeps the descriptors to itself. */
export const hidesDescriptors = 'deno' in process.versions

function isA(name: string, handle: unknown): handle is StreamHandle {
  return (handle as object | undefined)?.constructor?.name === name
}

export function isServer(socket: unknown): socket is net.Server {
  return socket instanceof Server
}

/**
 * Whether `net.connect` itself tells the diagnostics channel net.client.socket of
 * the sockets it makes. So it was until a release of Node 22; since then
 * Socket.prototype.connect does, for all sockets.
 */
export const connectAnnounces = /ClientSocketChannel/.test(String(net.connect))

/** The socket whose connection a TLSSocket uses, when that is another one. */
export function underlyingOf(socket: net.Socket): net.Socket | undefined {
  const { _parent: parent } = socket as net.Socket & { _parent?: unknown }
  return parent instanceof Socket ? parent : undefined
}

/** Which of its free connections `addRequest` takes. */
export function nextOf(
  agent: http.Agent,
  free: readonly net.Socket[],
): net.Socket | undefined {
  const { scheduling } = agent as http.Agent & { scheduling?: unknown }
  return free.at(scheduling === 'fifo' ? 0 : -1)
}

/** Whether an agent goes through a proxy. */
export function usesProxy(agent: http.Agent): boolean {
  const { options } = agent as { options?: { proxyEnv?: unknown } }
  return Boolean(options?.proxyEnv)
}
