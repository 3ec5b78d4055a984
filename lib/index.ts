/**
 * What `tcpinfo-socket` itself exports.
 *
 * @module tcpinfo-socket
 */

export { HttpAgent, HttpsAgent, type StaleCheckOptions } from './agents.js'
export type { TcpInfoMessage, TcpOpenMessage } from './capture.js'
// Two names for one function, as in node:net.
export { connect, connect as createConnection } from './connect.js'
export type { RawTcpInfo } from './decode/fields.js'
export {
  deltaBetween,
  type TcpInfoCounter,
  type TcpInfoDelta,
} from './delta.js'
export { TcpInfoError, type TcpInfoErrorCode } from './errors.js'
export { type Instrumented, instrument } from './instrument.js'
export {
  csvHeader,
  fromJsonLine,
  type TcpInfoLine,
  toCsvLine,
  toJsonLine,
} from './lines.js'
export {
  readTcpInfo,
  readTcpState,
  support,
  type TcpInfoSupport,
} from './read.js'
export { deltaOfRequest } from './request.js'
export {
  type SampleOptions,
  type Sampling,
  sample,
  type TcpInfoSample,
} from './sampler.js'
export { createServer, instrumentServer } from './server.js'
export {
  type TcpInfoMembers,
  TcpInfoSocket,
  type TcpInfoSocketEvents,
} from './socket.js'
export {
  type TcpInfoQuantiles,
  TcpInfoSummary,
  type TcpInfoSummaryOptions,
  type TcpInfoSummaryRow,
} from './summary.js'
export type { TcpInfo, TcpInfoTrigger } from './tcp-info.js'
export type { TcpState } from './tcp-state.js'
export {
  explain,
  type TcpInfoClosedBy,
  type TcpInfoClosedHow,
  type TcpInfoLimit,
  type TcpInfoShares,
  type TcpInfoVerdict,
} from './verdict/index.js'
