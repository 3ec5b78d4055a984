/**
 * `TCP_INFO_v0`, `_v1` and `_v2` of Windows, each a prefix of the next: the
 * Windows SDK's mstcpip.h. Tables only.
 */

import { WINDOWS_STATES } from '../tcp-state.js'
import {
  type Layout,
  type NativeField,
  nonZero,
  same,
  stateOf,
} from './fields.js'

const US_PER_MS = 1000

// biome-ignore format: one row per member
const native: readonly NativeField[] = [
  { name: 'State', offset: 0, type: 'u32', since: 'v0' },
  { name: 'Mss', offset: 4, type: 'u32', since: 'v0' },
  { name: 'ConnectionTimeMs', offset: 8, type: 'u64', since: 'v0' },
  { name: 'TimestampsEnabled', offset: 16, type: 'u8', since: 'v0' },
  { name: 'RttUs', offset: 20, type: 'u32', since: 'v0' },
  { name: 'MinRttUs', offset: 24, type: 'u32', since: 'v0' },
  { name: 'BytesInFlight', offset: 28, type: 'u32', since: 'v0' },
  { name: 'Cwnd', offset: 32, type: 'u32', since: 'v0' },
  { name: 'SndWnd', offset: 36, type: 'u32', since: 'v0' },
  { name: 'RcvWnd', offset: 40, type: 'u32', since: 'v0' },
  { name: 'RcvBuf', offset: 44, type: 'u32', since: 'v0' },
  { name: 'BytesOut', offset: 48, type: 'u64', since: 'v0' },
  { name: 'BytesIn', offset: 56, type: 'u64', since: 'v0' },
  { name: 'BytesReordered', offset: 64, type: 'u32', since: 'v0' },
  { name: 'BytesRetrans', offset: 68, type: 'u32', since: 'v0' },
  { name: 'FastRetrans', offset: 72, type: 'u32', since: 'v0' },
  { name: 'DupAcksIn', offset: 76, type: 'u32', since: 'v0' },
  { name: 'TimeoutEpisodes', offset: 80, type: 'u32', since: 'v0' },
  { name: 'SynRetrans', offset: 84, type: 'u8', since: 'v0' },
  { name: 'SndLimTransRwin', offset: 88, type: 'u32', since: 'v1' },
  { name: 'SndLimTimeRwin', offset: 92, type: 'u32', since: 'v1' },
  { name: 'SndLimBytesRwin', offset: 96, type: 'u64', since: 'v1' },
  { name: 'SndLimTransCwnd', offset: 104, type: 'u32', since: 'v1' },
  { name: 'SndLimTimeCwnd', offset: 108, type: 'u32', since: 'v1' },
  { name: 'SndLimBytesCwnd', offset: 112, type: 'u64', since: 'v1' },
  { name: 'SndLimTransSnd', offset: 120, type: 'u32', since: 'v1' },
  { name: 'SndLimTimeSnd', offset: 124, type: 'u32', since: 'v1' },
  { name: 'SndLimBytesSnd', offset: 128, type: 'u64', since: 'v1' },
  { name: 'OutOfOrderPktsIn', offset: 136, type: 'u32', since: 'v2' },
  { name: 'EcnNegotiated', offset: 140, type: 'u8', since: 'v2' },
  { name: 'EceAcksIn', offset: 144, type: 'u32', since: 'v2' },
  { name: 'PtoEpisodes', offset: 148, type: 'u32', since: 'v2' },
]

export const windows: Layout = {
  native,
  states: WINDOWS_STATES,
  rules: {
    state: stateOf('State', WINDOWS_STATES),
    connectionAgeMs: same('ConnectionTimeMs'),
    rttUs: nonZero('RttUs'),
    // The initial value is not documented; both of these can't be a sample.
    minRttUs: { of: ['MinRttUs'], absent: [0, 0xffffffff] },
    sendMssBytes: nonZero('Mss'),
    cwndBytes: same('Cwnd'),
    sndWndBytes: same('SndWnd'),
    rcvWndBytes: same('RcvWnd'),
    rcvBufBytes: same('RcvBuf'),
    bytesInFlight: same('BytesInFlight'),
    bytesSent: same('BytesOut'),
    bytesReceived: same('BytesIn'),
    bytesRetransmitted: same('BytesRetrans'),
    bytesReordered: same('BytesReordered'),
    fastRetransmits: same('FastRetrans'),
    synRetransmits: same('SynRetrans'),
    rtoEpisodes: same('TimeoutEpisodes'),
    ptoEpisodes: same('PtoEpisodes'),
    dupAcksIn: same('DupAcksIn'),
    outOfOrderPacketsIn: same('OutOfOrderPktsIn'),
    eceAcksIn: same('EceAcksIn'),
    rwndLimitedUs: { of: ['SndLimTimeRwin'], times: US_PER_MS },
    cwndLimitedUs: { of: ['SndLimTimeCwnd'], times: US_PER_MS },
    appLimitedUs: { of: ['SndLimTimeSnd'], times: US_PER_MS },
    timestamps: { of: ['TimestampsEnabled'], flag: 0xff },
    ecnNegotiated: { of: ['EcnNegotiated'], flag: 0xff },
  },
}
