/** Questions about any socket, instrumented or not. */

import type * as net from 'node:net'
import { captureOf, readNow } from './capture.js'
import { NATIVE_STRUCT } from './decode/index.js'
import {
  type Failure,
  failureOf,
  NOTHING_FILLED,
  TcpInfoError,
} from './errors.js'
import { generalFailure, probe, Snapshot, takeState } from './snapshot.js'
import type { TcpInfo } from './tcp-info.js'
import type { TcpState } from './tcp-state.js'

/**
 * Reads the kernel's statistics of any net.Socket or tls.TLSSocket now; of a
 * net.Server its state, accept queue and backlog. Emits nothing and remembers
 * nothing. Of a socket that is closed, the last record that was captured.
 *
 * @throws {TcpInfoError} when there is no record; `code` says which case it is
 */
export function readTcpInfo(socket: net.Socket | net.Server): TcpInfo {
  const result = readNow(socket)
  // (By its members, anything is a failure when Object.prototype is polluted.)
  if (result instanceof Snapshot) return result.info
  const last = lastOf(socket, result)
  if (last) return last
  throw new TcpInfoError(result)
}

/**
 * Reads the connection's state alone, at about the cost of the system call. Of a
 * socket that is closed, the state in the last record. `undefined` when the kernel
 * gives a state that has no name here.
 *
 * @throws {TcpInfoError} when it can't be read; `code` says which case it is
 */
export function readTcpState(
  socket: net.Socket | net.Server,
): TcpState | undefined {
  const result = takeState(socket)
  if (typeof result !== 'object') return result
  const last = lastOf(socket, result)
  if (last) return last.state
  throw new TcpInfoError(result)
}

/** Of a socket that is closed, what was captured. */
function lastOf(socket: unknown, { code }: Failure): TcpInfo | undefined {
  return code === 'ERR_TCP_INFO_CLOSED' ? captureOf(socket)?.info : undefined
}

/** What {@link support} tells. Plain data, but for `reason`. */
export interface TcpInfoSupport {
  /** Whether records can be had in this process. */
  readonly supported: boolean
  /** `process.platform`. */
  readonly platform: NodeJS.Platform
  /** `process.arch`. */
  readonly arch: string
  /** The kernel's interface: `TCP_INFO`, `SIO_TCP_INFO v1`, … */
  readonly source: string | undefined
  /** How many bytes of statistics this kernel gives: tells its version. */
  readonly structBytes: number | undefined
  /** Why not, if not. */
  readonly reason: TcpInfoError | undefined
}

/** What this operating system and this installation can do. Never throws. */
export function support(): TcpInfoSupport {
  const bytes = probe()
  const failure =
    generalFailure() ??
    (bytes < 0 ? failureOf(-bytes) : bytes === 0 ? NOTHING_FILLED : undefined)
  const structBytes = failure ? undefined : bytes
  return {
    supported: !failure,
    platform: process.platform,
    arch: process.arch,
    source:
      structBytes === undefined
        ? undefined
        : NATIVE_STRUCT?.sourceOf(structBytes),
    structBytes,
    reason: failure && new TcpInfoError(failure),
  }
}
