import * as http from 'node:http'
import * as https from 'node:https'
import type * as net from 'node:net'
import { performance } from 'node:perf_hooks'
import type { Duplex } from 'node:stream'
import { connect } from './connect.js'
import { canInstrument, instrumentSince } from './instrument.js'

type Callback = (error: Error | null, stream: Duplex) => void
type Made = Duplex | null | undefined

/** http.Agent whose connections are TcpInfoSockets. */
export class HttpAgent extends http.Agent {
  override createConnection(
    options: http.ClientRequestArgs,
    callback?: Callback,
  ): Made {
    // With a proxy (Node 22 and later) the base class decides where to connect.
    return (this as { options?: { proxyEnv?: unknown } }).options?.proxyEnv
      ? instrumentedBy(super.createConnection, this, options, callback)
      : connect(options as net.NetConnectOpts, callback as () => void)
  }
}

/** https.Agent whose TLSSockets are instrumented. */
export class HttpsAgent extends https.Agent {
  override createConnection(
    options: https.RequestOptions,
    callback?: Callback,
  ): Made {
    // Never a TLSSocket over a TcpInfoSocket that still connects: laid over a
    // socket that tries several addresses, stock Node crashes.
    return instrumentedBy(super.createConnection, this, options, callback)
  }
}

/** Calls a stock createConnection and instruments what it makes. */
function instrumentedBy<Options>(
  create: (options: Options, callback?: Callback) => Made,
  agent: http.Agent,
  options: Options,
  callback: Callback | undefined,
): Made {
  const startedAt = performance.now()
  const instrumented = <S extends Made>(stream: S): S =>
    canInstrument(stream) ? instrumentSince(stream, startedAt) : stream
  return instrumented(
    create.call(
      agent,
      options,
      callback && ((error, stream) => callback(error, instrumented(stream))),
    ),
  )
}
