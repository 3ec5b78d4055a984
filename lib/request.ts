import type * as http from 'node:http'
import type * as net from 'node:net'
import { argumentError } from './checks.js'
import { durationMs, monotonicMs } from './clock.js'
import { deltaBetween, type TcpInfoDelta } from './delta.js'
import { readTcpInfo } from './read.js'
import type { TcpInfo } from './tcp-info.js'

/**
 * What the connection of one HTTP request did for it: the difference between the
 * moment when the request got its socket (with a new one: since the connection
 * began) and the one when the request was over. Two reads, nothing in between.
 *
 * To be called before the request has its socket, so right after it was made.
 * Never rejects; `undefined` where the connection could not be read, as of a
 * request that never had one or that is over already, or of a socket that was
 * closed and is not instrumented.
 *
 * @throws {TcpInfoError} `ERR_TCP_INFO_ARGUMENT`, at once, for anything but a request
 */
export function deltaOfRequest(
  request: http.ClientRequest,
): Promise<TcpInfoDelta | undefined> {
  if (!isRequest(request)) {
    throw argumentError(
      'This is not a request as http.request() and http.get() give one.',
    )
  }
  // Its 'close' has been, and comes no more.
  if (request.closed) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    let socket: net.Socket | undefined
    let before: TcpInfo | undefined
    let isNew = false
    let beganMs = monotonicMs()
    const begin = (given: net.Socket): void => {
      socket = given
      beganMs = monotonicMs()
      isNew = given.connecting
      if (!isNew) before = recordOf(given)
    }
    if (request.socket) begin(request.socket)
    else request.once('socket', begin)
    request.once('close', () => {
      const after = socket && (isNew || before) && recordOf(socket)
      resolve(
        after &&
          deltaBetween(before, after, durationMs(beganMs, monotonicMs())),
      )
    })
  })
}

/**
 * (Wrappers of one, as of follow-redirects, are no http.ClientRequest. What a server
 * gets of one has a socket too, but nothing to end, and what it answers with begins
 * with a head.)
 */
function isRequest(value: unknown): value is http.ClientRequest {
  return (
    typeof value === 'object' &&
    value !== null &&
    'socket' in value &&
    !('writeHead' in value) &&
    typeof (value as Partial<http.ClientRequest>).once === 'function' &&
    typeof (value as Partial<http.ClientRequest>).end === 'function'
  )
}

function recordOf(socket: net.Socket): TcpInfo | undefined {
  try {
    return readTcpInfo(socket)
  } catch {
    return undefined
  }
}
