/**
 * What TcpInfoSocket, instrument() and register share: read, remember, tell. One
 * Capture belongs to one socket that owns a connection; a TLSSocket laid over
 * another socket shares that one's.
 *
 * Nothing here may disturb the program: no exception leaves a Capture, nothing
 * keeps the event loop alive, and listeners run from process.nextTick. (A
 * listener that throws inside `_destroy` would keep the descriptor open.)
 */

import { channel } from 'node:diagnostics_channel'
import type * as net from 'node:net'
import { durationMs, monotonicMs } from './clock.js'
import { NATIVE_STRUCT } from './decode/index.js'
import {
  type Endpoints,
  keepsPeer,
  type Peer,
  peerOf,
  peerOfError,
  readEndpoints,
} from './endpoints.js'
import {
  CLOSED,
  ENDED_UNOPENED,
  type Failure,
  NEVER_OPENED,
  TcpInfoError,
  unexpected,
} from './errors.js'
import {
  descriptorOf,
  handleOf,
  isPipe,
  isSocket,
  type StreamHandle,
} from './handle.js'
import { generalFailure, Snapshot, takeSnapshot } from './snapshot.js'
import type { TcpInfo, TcpInfoTrigger } from './tcp-info.js'

/**
 * What the diagnostics channel `tcpinfo-socket:capture` carries: a record was taken of
 * a socket that is instrumented, or watched by the preload.
 */
export interface TcpInfoMessage {
  /** The socket that owns the connection. (TLS may be laid over it.) */
  readonly socket: net.Socket
  /** The record; its `trigger` says why. (It is made when somebody looks at it.) */
  readonly info: TcpInfo
}

/** For subscribers that only count, or look at one of many. */
class Message implements TcpInfoMessage {
  readonly socket: net.Socket
  readonly #snapshot: Snapshot

  constructor(socket: net.Socket, snapshot: Snapshot) {
    this.socket = socket
    this.#snapshot = snapshot
  }

  get info(): TcpInfo {
    return this.#snapshot.info
  }
}

const captures = channel('tcpinfo-socket:capture')

/**
 * What the diagnostics channel `tcpinfo-socket:open` carries: a TCP connection is
 * established, or one that was established before is instrumented.
 */
export interface TcpOpenMessage {
  /** The socket that owns the connection. */
  readonly socket: net.Socket
  /** As in its records; `undefined` of one that was not opened here. @unit ms */
  readonly connectDurationMs: number | undefined
}

const opens = channel('tcpinfo-socket:open')

/** What all copies of this package in a thread (ESM, CommonJS) have in common. */
interface Shared {
  /** Whether listeners of 'tcpinfo', or subscribers, are being called. */
  emitting: boolean
  /** Called when the final record of a socket is about to be told. */
  onFinalTold: ((socket: net.Socket) => void) | undefined
}

const SHARED = Symbol.for('tcpinfo-socket.shared.1')
const holder = captures as typeof captures & { [SHARED]?: Shared }
holder[SHARED] ??= { emitting: false, onFinalTold: undefined }
export const shared: Shared = holder[SHARED]

type OnFinal = (
  final: Snapshot | undefined,
  handle: StreamHandle | null | undefined,
) => void

export class Capture {
  /** The socket that owns the connection. */
  readonly owner: net.Socket
  readonly #sockets: net.Socket[]
  #snapshot: Snapshot | undefined
  /**
   * The newest read that gave something, and of which handle: not of another
   * address that was tried, nor of an earlier connection.
   */
  #latest: Snapshot | undefined
  #latestOf: StreamHandle | null | undefined
  #failure: Failure | undefined
  #error: TcpInfoError | undefined
  #listening = false
  #watchesAttempts = false
  /** An attempt in vain, until it shows that it was not the last one. */
  #failedAttempt: Snapshot | undefined
  #failedAttemptOf: StreamHandle | null | undefined
  #connectStartedAt: number | undefined
  #connectDurationMs: number | undefined
  #endpoints: Endpoints | undefined
  #peer: Peer | undefined
  /** The handle whose final record was taken, until the socket drops it. */
  #finished: StreamHandle | undefined
  /** The final record until the tick in which it is told. */
  #pendingFinal: Snapshot | undefined
  #watchers: OnFinal[] | undefined

  constructor(owner: net.Socket) {
    this.owner = owner
    this.#sockets = [owner]
  }

  /** Whether the final record waits for the tick in which it is told. */
  get hasPendingFinal(): boolean {
    return this.#pendingFinal !== undefined
  }

  /** The newest record. */
  get info(): TcpInfo | undefined {
    return this.#snapshot?.info
  }

  /** Why the newest read gave none. */
  get error(): TcpInfoError | undefined {
    const failure =
      this.#failure ?? (this.#snapshot ? undefined : generalFailure())
    if (!failure) return undefined
    this.#error ??= new TcpInfoError(failure)
    return this.#error
  }

  /** From now on the event reaches this socket too. */
  share(socket: net.Socket): void {
    this.#sockets.push(socket)
  }

  /** `onFinal` is to be called on the tick after each close, record or not. */
  watch(onFinal: OnFinal): void {
    this.#watchers ??= []
    this.#watchers.push(onFinal)
  }

  unwatch(onFinal: OnFinal): void {
    this.#watchers = this.#watchers?.filter((each) => each !== onFinal)
  }

  /** Learns what can be learnt while the connection is young. */
  begin(
    connectStartedAt?: number,
    connecting: boolean = this.owner.pending,
  ): void {
    this.#forgetConnection()
    this.#connectStartedAt = connectStartedAt
    this.#failure = undefined
    this.#error = undefined
    try {
      if (connecting) this.#listen()
      if (NATIVE_STRUCT?.mayForget) {
        for (const event of ['end', 'finish']) {
          this.owner.off(event, forwardKeepLatest)
          this.owner.on(event, forwardKeepLatest)
        }
      }
    } catch {
      // A socket that takes no listeners has records that know less.
    }
    if (connecting) return
    if (!keepsPeer()) this.#learnEndpoints()
    if (NATIVE_STRUCT?.mayForget) this.keepLatest()
    this.#tellOpen()
  }

  #tellOpen(): void {
    if (!opens.hasSubscribers) return
    const handle = handleOf(this.owner)
    if (handle && isPipe(handle)) return
    const message: TcpOpenMessage = {
      socket: this.owner,
      connectDurationMs: this.#connectDurationMs,
    }
    opens.publish(message)
  }

  #listen(): void {
    if (this.#listening) this.#stopListening()
    this.#listening = true
    // Before the user's own listeners, so that they see what it learns.
    this.owner.prependListener('connect', forwardConnect)
    if (captures.hasSubscribers || !keepsPeer()) {
      this.#watchesAttempts = true
      this.owner.on('connectionAttempt', forwardAttempt)
      this.owner.on('connectionAttemptFailed', forwardAttemptFailed)
      this.owner.on('connectionAttemptTimeout', forwardAttemptFailed)
    }
  }

  /** Soon, or after a reset, the kernel may not answer any more. */
  keepLatest(): void {
    const result = this.#take('demand')
    if (result instanceof Snapshot) this.#remember(result)
  }

  #remember(snapshot: Snapshot): void {
    this.#latest = snapshot
    this.#latestOf = handleOf(this.owner)
  }

  /** The last attempt is the one that succeeds, if any does. */
  onAttempt(address: string, port: number): void {
    this.#tellFailedAttempt()
    this.#peer = peerOf(address, port)
  }

  /** Its handle never reaches _destroy: the next attempt's takes its place. */
  onAttemptFailed(): void {
    if (!captures.hasSubscribers) return
    const result = this.#take('attempt')
    if (!(result instanceof Snapshot)) return
    this.#failedAttempt = result
    this.#failedAttemptOf = handleOf(this.owner)
  }

  #tellFailedAttempt(): void {
    if (this.#failedAttempt && captures.hasSubscribers) {
      process.nextTick(publish, this.owner, this.#failedAttempt)
    }
    this.#failedAttempt = undefined
    this.#failedAttemptOf = undefined
  }

  onConnect(): void {
    this.#stopListening()
    if (this.#connectStartedAt !== undefined) {
      this.#connectDurationMs = durationMs(
        this.#connectStartedAt,
        monotonicMs(),
      )
    }
    // Before Node 20.12 there is no event that tells the peer.
    if (!this.#peer && !keepsPeer()) this.#learnEndpoints()
    if (NATIVE_STRUCT?.mayForget) this.keepLatest()
    this.#tellOpen()
  }

  #stopListening(): void {
    this.#listening = false
    try {
      this.owner.off('connect', forwardConnect)
      if (!this.#watchesAttempts) return
      this.#watchesAttempts = false
      this.owner.off('connectionAttempt', forwardAttempt)
      this.owner.off('connectionAttemptFailed', forwardAttemptFailed)
      this.owner.off('connectionAttemptTimeout', forwardAttemptFailed)
    } catch {
      // The user's: an `off` of a subclass, or a listener of 'removeListener'.
    }
  }

  #forgetConnection(): void {
    this.#connectStartedAt = undefined
    this.#connectDurationMs = undefined
    this.#endpoints = undefined
    this.#peer = undefined
    this.#latest = undefined
    this.#latestOf = undefined
  }

  /** While the connection is open, for a system that tells the peer only then. */
  #learnEndpoints(): void {
    const handle = handleOf(this.owner)
    const descriptor = handle ? descriptorOf(handle) : -1
    if (descriptor >= 0) this.endpointsOf(descriptor)
  }

  /** Reads now; once the connection is over, the last answer stands. */
  onDemand(): TcpInfo | undefined {
    const handle = handleOf(this.owner)
    // After a failed handshake a TLSSocket keeps its handle for a while.
    const isOver = handle ? handle === this.#finished : this.owner.destroyed
    if (isOver && (this.#snapshot || this.#failure)) return this.info
    return this.#read('demand') ? this.info : undefined
  }

  /** To be called by `_destroy` before anything is torn down. */
  onDestroy(error: Error | null): void {
    try {
      this.#onDestroy(error)
    } catch (cause) {
      // The socket must be closed, whatever it is that failed.
      this.#failure = unexpected(cause)
    }
  }

  #onDestroy(error: Error | null): void {
    const handle = handleOf(this.owner)
    // Once for each connection, whoever else calls _destroy.
    if (handle && handle === this.#finished) return
    // The last attempt is told of as the final record.
    if (handle === this.#failedAttemptOf) this.#failedAttempt = undefined
    this.#tellFailedAttempt()
    if (error) this.#peer ??= peerOfError(error)
    const isRead = this.#read('close', codeOf(error))
    this.#watchers?.forEach((watcher) => {
      process.nextTick(watcher, isRead ? this.#snapshot : undefined, handle)
    })
    this.#finished = handle ?? undefined
    // A stock socket that was instrumented may connect again without begin().
    this.#forgetConnection()
  }

  /**
   * The process ends with the socket open. Listeners could throw and so change
   * its exit code; what subscribers throw is thrown on a tick that never comes.
   */
  onExit(): void {
    const handle = handleOf(this.owner)
    if (handle === this.#failedAttemptOf) this.#failedAttempt = undefined
    const isOver = !handle || handle === this.#finished
    const result = isOver ? this.#pendingFinal : this.#take('exit')
    this.#pendingFinal = undefined
    // Somebody may emit 'exit' by hand and go on: then that was the final record.
    this.#finished = handle ?? undefined
    if (this.#failedAttempt) publish(this.owner, this.#failedAttempt)
    this.#failedAttempt = undefined
    if (result instanceof Snapshot) publish(this.owner, result)
  }

  #read(trigger: TcpInfoTrigger, errorCode?: string): boolean {
    let result = this.#take(trigger, errorCode)
    if (
      !(result instanceof Snapshot) &&
      trigger === 'close' &&
      this.#latest &&
      this.#latestOf === handleOf(this.owner)
    ) {
      result = this.#latest.asFinal(errorCode)
    }
    this.#error = undefined
    if (!(result instanceof Snapshot)) {
      const ended = result === CLOSED || result === NEVER_OPENED
      this.#failure = ended && trigger === 'close' ? ENDED_UNOPENED : result
      return false
    }
    this.#failure = undefined
    this.#snapshot = result
    this.#remember(result)
    // What a listener of the event captures, of whatever socket, is not announced:
    // it, or two that capture each other's, would be called for ever.
    if (trigger === 'close' || !shared.emitting) {
      if (trigger === 'close') this.#pendingFinal = result
      for (const socket of this.#sockets) {
        process.nextTick(emit, this, socket, result)
      }
    }
    return true
  }

  #take(trigger: TcpInfoTrigger, errorCode?: string): Snapshot | Failure {
    return takeSnapshot(this.owner, trigger, this, errorCode)
  }

  get connectDurationMs(): number | undefined {
    return this.#connectDurationMs
  }

  endpointsOf(descriptor: number): Endpoints {
    if (this.#endpoints) return this.#endpoints
    const endpoints = readEndpoints(descriptor, this.#peer)
    // Without a peer it is not connected yet: a descriptor can be bound before.
    if (endpoints.areKnown && !this.owner.connecting) {
      this.#endpoints = endpoints
    }
    return endpoints
  }

  emit(socket: net.Socket, snapshot: Snapshot): void {
    // Not to keep it alive. (A TLSSocket drops it later after a failed handshake.)
    if (handleOf(this.owner) === null) this.#finished = undefined
    if (socket === this.owner) {
      if (snapshot === this.#pendingFinal) {
        this.#pendingFinal = undefined
        shared.onFinalTold?.(socket)
      }
      if (captures.hasSubscribers) publish(socket, snapshot)
    }
    if (!hasListener(socket)) return
    shared.emitting = true
    try {
      socket.emit('tcpinfo', snapshot.info)
    } finally {
      shared.emitting = false
    }
  }
}

/**
 * Whether a socket has no handle any more, and no final record on its way. (Of one
 * that went to another process or thread nothing tells.)
 */
export function isGone(socket: net.Socket): boolean {
  return (
    !socket.connecting &&
    !handleOf(socket) &&
    !captureOf(socket)?.hasPendingFinal
  )
}

/** Whether a record of a socket without a Capture would reach anybody. */
export function isAnybodyTold(socket: net.Socket): boolean {
  return captures.hasSubscribers || hasListener(socket)
}

/** Whether there is anything to do for an open connection before its end. */
export function needsBeginning(): boolean {
  return (
    opens.hasSubscribers || !keepsPeer() || NATIVE_STRUCT?.mayForget === true
  )
}

// One function for all sockets, not one for each.

function forwardAttempt(this: net.Socket, address: string, port: number): void {
  captureOf(this)?.onAttempt(address, port)
}

function forwardConnect(this: net.Socket): void {
  captureOf(this)?.onConnect()
}

function forwardAttemptFailed(this: net.Socket): void {
  captureOf(this)?.onAttemptFailed()
}

function forwardKeepLatest(this: net.Socket): void {
  captureOf(this)?.keepLatest()
}

function emit(capture: Capture, socket: net.Socket, snapshot: Snapshot): void {
  capture.emit(socket, snapshot)
}

/** (Anything can be thrown at a socket.) */
function codeOf(error: unknown): string | undefined {
  try {
    const code = (error as { code?: unknown } | null | undefined)?.code
    return typeof code === 'string' ? code : undefined
  } catch {
    return undefined
  }
}

function hasListener(socket: net.Socket): boolean {
  try {
    return socket.listenerCount('tcpinfo') > 0
  } catch {
    return false // a subclass that knows its own events only
  }
}

function publish(socket: net.Socket, snapshot: Snapshot): void {
  const message: TcpInfoMessage = new Message(socket, snapshot)
  shared.emitting = true
  try {
    captures.publish(message)
  } finally {
    shared.emitting = false
  }
}

/**
 * Where a socket keeps its Capture. The name is shared by all copies of this
 * package in the process (ESM, CommonJS, another version), so that no connection
 * is captured twice; its number is to change with what they call of a Capture.
 */
export const CAPTURE: unique symbol = Symbol.for('tcpinfo-socket.capture.1')

export function captureOf(socket: unknown): Capture | undefined {
  return isSocket(socket)
    ? (socket as net.Socket & { [CAPTURE]?: Capture })[CAPTURE]
    : undefined
}

/**
 * Reads any socket now, with what its Capture, if it has one, knows beside the
 * kernel. Nothing is remembered.
 */
export function readNow(socket: unknown): Snapshot | Failure {
  return takeSnapshot(socket, 'demand', captureOf(socket))
}

/** Gives a socket that somebody else made a Capture, which nothing calls yet. */
export function adopt(socket: net.Socket): Capture {
  const capture = new Capture(socket)
  define(socket, CAPTURE, { value: capture })
  return capture
}

/**
 * Not enumerable, no exception from a socket that takes no properties, and nothing
 * from a polluted Object.prototype.
 */
export function define(
  socket: net.Socket,
  name: string | symbol,
  descriptor: PropertyDescriptor,
): void {
  Reflect.defineProperty(socket, name, {
    __proto__: null,
    configurable: true,
    ...descriptor,
  } as PropertyDescriptor)
}
