/**
 * Watches every TCP socket of the process, whoever makes it:
 *
 * ```sh
 * node --import tcpinfo-socket/register app.js
 * ```
 *
 * Of each connection one final record goes to the subscribers of the diagnostics
 * channel `tcpinfo-socket:capture`, as a TcpInfoMessage. The socket that owns the
 * connection emits 'tcpinfo' to those who listen for it; instrument() gives the
 * members, and the event to TLS that is laid over, as ever.
 *
 * @module register
 */

// Two methods of net.Socket.prototype are wrapped, with Node's own signature: all
// clients come through `connect` (TLS, too, and those that Node's channel for clients
// leaves out), and all sockets end in `_destroy`. Accepted ones are told by Node's
// channel net.server.socket. The class itself stays: some call it without `new`, and
// inheritance must hold.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type * as net from 'node:net'
import {
  adopt,
  CAPTURE,
  captureOf,
  isAnybodyTold,
  isGone,
  needsBeginning,
  shared,
} from './capture.js'
import { monotonicMs } from './clock.js'
import { handleOf, isPipe, Socket, underlyingOf } from './handle.js'

const { prototype } = Socket

/** What ours call on, and whether ours are somewhere in the prototype. */
let { connect, _destroy } = prototype
let wrapsConnect = false
let wrapsDestroy = false

// A second copy of this package (CommonJS beside ESM, another version) leaves the
// watching to the first, whose way to stop is kept here.
const REGISTERED = Symbol.for('tcpinfo-socket.registered')
const registered = Socket as typeof Socket & { [REGISTERED]?: () => void }

let active = false

/** Those that have something to tell when the process ends before them. */
const open = new Set<net.Socket>()
const FEWEST = 64
let sweepAt = FEWEST

function remember(socket: net.Socket): void {
  if (open.size >= sweepAt) {
    // A socket that went to another process or thread is never destroyed here.
    for (const each of open) {
      if (isGone(each)) open.delete(each)
    }
    sweepAt = Math.max(FEWEST, 2 * open.size)
  }
  open.add(socket)
}

function watchConnect(this: net.Socket, ...args: unknown[]): net.Socket {
  if (active) safely(() => beforeConnect(this))
  return Reflect.apply(connect, this, args)
}

function beforeConnect(socket: net.Socket): void {
  const startedAt = monotonicMs()
  const capture = captureOf(socket) ?? adopt(socket)
  // A TcpInfoSocket's comes from its class, and has begun.
  if (Object.hasOwn(socket, CAPTURE)) capture.begin(startedAt, true)
  remember(socket)
}

/** Nothing that goes wrong here is the program's concern. */
function safely(watch: () => void): void {
  try {
    watch()
  } catch {
    // Something of the socket threw, which is not one of Node's then.
  }
}

function watchDestroy(
  this: net.Socket,
  error: Error | null,
  callback: (error?: Error | null) => void,
): void {
  if (active) safely(() => beforeDestroy(this, error))
  _destroy.call(this, error, callback)
}

function beforeDestroy(socket: net.Socket, error: Error | null): void {
  // TLS that is laid over another socket has that one's connection.
  if (underlyingOf(socket)) return
  const handle = handleOf(socket)
  // What neither connect() nor the channel has seen was made of a handle or a
  // descriptor, or was there before us.
  const isNew = !captureOf(socket) && handle && !isPipe(handle)
  const capture =
    isNew && isAnybodyTold(socket) ? adopt(socket) : captureOf(socket)
  if (!capture) {
    open.delete(socket)
    return
  }
  capture.onDestroy(error)
  // Until the tick in which the record is told, the process can end.
  if (capture.hasPendingFinal) open.add(socket)
  else open.delete(socket)
}

function watchAccepted(message: unknown): void {
  safely(() => afterAccept((message as { socket: net.Socket }).socket))
}

function afterAccept(socket: net.Socket): void {
  const handle = handleOf(socket)
  // The 'connection' listeners came first.
  if (!handle || isPipe(handle)) return
  if (needsBeginning() && !captureOf(socket)) adopt(socket).begin()
  remember(socket)
}

/** Unless it connects again. */
function forget(socket: net.Socket): void {
  if (!socket.connecting) open.delete(socket)
}

function watchExit(): void {
  // A copy: subscribers may connect.
  for (const socket of [...open]) {
    safely(() => (captureOf(socket) ?? adopt(socket)).onExit())
  }
}

/**
 * Begins to watch; importing this module does it. A second call does nothing. Where
 * somebody has frozen net.Socket, nothing is watched.
 */
export function register(): void {
  if (registered[REGISTERED]) return
  try {
    begin()
  } catch {
    // No reason to end the program. (Nor to warn: a stderr could not be made.)
    stop()
  }
}

function begin(): void {
  Object.defineProperty(Socket, REGISTERED, {
    __proto__: null,
    value: stop,
    configurable: true,
  } as PropertyDescriptor)
  active = true
  if (!wrapsConnect) {
    connect = prototype.connect
    prototype.connect = watchConnect as net.Socket['connect']
    wrapsConnect = true
  }
  if (!wrapsDestroy) {
    _destroy = prototype._destroy
    prototype._destroy = watchDestroy
    wrapsDestroy = true
  }
  shared.onFinalTold = forget
  subscribe('net.server.socket', watchAccepted)
  process.on('exit', watchExit)
}

/**
 * Stops watching, sockets that are open now included, and undoes the wrapping; a
 * method that somebody else has wrapped since then stays and only passes on.
 */
export function unregister(): void {
  registered[REGISTERED]?.()
}

function stop(): void {
  active = false
  Reflect.deleteProperty(Socket, REGISTERED)
  // Undone only where nobody has wrapped ours in turn, or frozen the class.
  if (prototype.connect === watchConnect) {
    wrapsConnect = !Reflect.set(prototype, 'connect', connect)
  }
  if (prototype._destroy === watchDestroy) {
    wrapsDestroy = !Reflect.set(prototype, '_destroy', _destroy)
  }
  shared.onFinalTold = undefined
  unsubscribe('net.server.socket', watchAccepted)
  process.off('exit', watchExit)
  open.clear()
}

register()
