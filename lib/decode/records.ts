/** The decoders. Generated from the tables by scripts/generate.ts. */

import { type Reading, type TcpInfo, TcpInfoRecord } from '../tcp-info.js'
import { darwin } from './darwin.js'
import { type Decoder, formulaOf, partialsOf, type Unfilled } from './fields.js'
import { linux } from './linux.js'
import { windows } from './windows.js'

const linuxState = formulaOf(linux, 'state')
const linuxRtoUs = formulaOf(linux, 'rtoUs')
const linuxCwndBytes = formulaOf(linux, 'cwndBytes')
const linuxSsthreshBytes = formulaOf(linux, 'ssthreshBytes')
const linuxBytesInFlight = formulaOf(linux, 'bytesInFlight')
const linuxSendQueueBytes = formulaOf(linux, 'sendQueueBytes')
const linuxInLossRecovery = formulaOf(linux, 'inLossRecovery')
const linuxSndWscale = formulaOf(linux, 'sndWscale')
const linuxRcvWscale = formulaOf(linux, 'rcvWscale')
const linuxAcceptQueue = formulaOf(linux, 'acceptQueue')
const linuxBacklog = formulaOf(linux, 'backlog')
const [linuxPartial1, linuxPartial2, linuxPartial3] = partialsOf(linux)

export const decodeLinux: Decoder = (reading) => {
  const { words, filled: length0 } = reading
  const first = reading.at >> 2
  const length1 =
    length0 >= 64 &&
    linuxPartial1?.(
      (words[first + 0] as number) & 255,
      words[first + 15] as number,
    )
      ? 0
      : length0
  const length2 =
    length0 >= 144 &&
    linuxPartial2?.(
      (words[first + 0] as number) & 255,
      words[first + 34] as number,
      words[first + 35] as number,
    )
      ? 0
      : length1
  const length3 =
    length0 >= 136 &&
    linuxPartial3?.(
      (words[first + 0] as number) & 255,
      words[first + 17] as number,
      (words[first + 31] as number) === 0
        ? (words[first + 30] as number)
        : (words[first + 30] as number) +
            (words[first + 31] as number) * 0x1_0000_0000,
      (words[first + 33] as number) === 0
        ? (words[first + 32] as number)
        : (words[first + 32] as number) +
            (words[first + 33] as number) * 0x1_0000_0000,
    )
      ? 0
      : length2
  if (length3 >= 244) return decodeWholeLinux(reading, words, first)
  const record: Unfilled = new TcpInfoRecord(reading)
  if (length0 >= 1)
    record.state = linuxState((words[first + 0] as number) & 255)
  if (length3 >= 72 && (words[first + 17] as number) !== 0)
    record.rttUs = words[first + 17] as number
  if (length3 >= 76 && (words[first + 17] as number) !== 0)
    record.rttVarUs = words[first + 18] as number
  if (
    length3 >= 152 &&
    (words[first + 37] as number) !== 0 &&
    (words[first + 37] as number) !== 4294967295
  )
    record.minRttUs = words[first + 37] as number
  if (length3 >= 96 && (words[first + 23] as number) !== 0)
    record.rcvRttUs = words[first + 23] as number
  if (length2 >= 12)
    record.rtoUs = linuxRtoUs(
      words[first + 2] as number,
      (words[first + 0] as number) & 255,
    )
  if (length3 >= 20 && (words[first + 4] as number) !== 0)
    record.sendMssBytes = words[first + 4] as number
  if (length2 >= 64 && (words[first + 15] as number) !== 0)
    record.pmtuBytes = words[first + 15] as number
  if (length3 >= 84 && (words[first + 4] as number) !== 0)
    record.cwndBytes = linuxCwndBytes(
      words[first + 20] as number,
      words[first + 4] as number,
    )
  if (length3 >= 84) record.cwndSegments = words[first + 20] as number
  if (length3 >= 80 && (words[first + 4] as number) !== 0)
    record.ssthreshBytes = linuxSsthreshBytes(
      words[first + 19] as number,
      words[first + 4] as number,
    )
  if (length3 >= 232) record.sndWndBytes = words[first + 57] as number
  if (length3 >= 236) record.rcvWndBytes = words[first + 58] as number
  if (length2 >= 216)
    record.bytesInFlight = linuxBytesInFlight(
      (words[first + 51] as number) === 0
        ? (words[first + 50] as number)
        : (words[first + 50] as number) +
            (words[first + 51] as number) * 0x1_0000_0000,
      (words[first + 53] as number) === 0
        ? (words[first + 52] as number)
        : (words[first + 52] as number) +
            (words[first + 53] as number) * 0x1_0000_0000,
      (words[first + 31] as number) === 0
        ? (words[first + 30] as number)
        : (words[first + 30] as number) +
            (words[first + 31] as number) * 0x1_0000_0000,
    )
  if (length2 >= 28) record.segmentsInFlight = words[first + 6] as number
  if (length2 >= 148) record.notSentBytes = words[first + 36] as number
  if (length2 >= 216)
    record.sendQueueBytes = linuxSendQueueBytes(
      words[first + 36] as number,
      (words[first + 51] as number) === 0
        ? (words[first + 50] as number)
        : (words[first + 50] as number) +
            (words[first + 51] as number) * 0x1_0000_0000,
      (words[first + 53] as number) === 0
        ? (words[first + 52] as number)
        : (words[first + 52] as number) +
            (words[first + 53] as number) * 0x1_0000_0000,
      (words[first + 31] as number) === 0
        ? (words[first + 30] as number)
        : (words[first + 30] as number) +
            (words[first + 31] as number) * 0x1_0000_0000,
    )
  if (length2 >= 208)
    record.bytesSent =
      (words[first + 51] as number) === 0
        ? (words[first + 50] as number)
        : (words[first + 50] as number) +
          (words[first + 51] as number) * 0x1_0000_0000
  if (length2 >= 136)
    record.bytesReceived =
      (words[first + 33] as number) === 0
        ? (words[first + 32] as number)
        : (words[first + 32] as number) +
          (words[first + 33] as number) * 0x1_0000_0000
  if (length2 >= 128)
    record.bytesAcked =
      (words[first + 31] as number) === 0
        ? (words[first + 30] as number)
        : (words[first + 30] as number) +
          (words[first + 31] as number) * 0x1_0000_0000
  if (length2 >= 216)
    record.bytesRetransmitted =
      (words[first + 53] as number) === 0
        ? (words[first + 52] as number)
        : (words[first + 52] as number) +
          (words[first + 53] as number) * 0x1_0000_0000
  if (length2 >= 140) record.segmentsOut = words[first + 34] as number
  if (length2 >= 144) record.segmentsIn = words[first + 35] as number
  if (length2 >= 160) record.dataSegmentsOut = words[first + 39] as number
  if (length2 >= 156) record.dataSegmentsIn = words[first + 38] as number
  if (length2 >= 104) record.segmentsRetransmitted = words[first + 25] as number
  if (length3 >= 220) record.spuriousRetransmits = words[first + 54] as number
  if (length2 >= 242) record.rtoCount = (words[first + 60] as number) & 65535
  if (length2 >= 244) record.rtoEpisodes = (words[first + 60] as number) >>> 16
  if (length2 >= 3)
    record.consecutiveRtos = ((words[first + 0] as number) >>> 16) & 255
  if (length3 >= 228) record.outOfOrderPacketsIn = words[first + 56] as number
  if (length3 >= 224) record.reorderingEvents = words[first + 55] as number
  if (length3 >= 2)
    record.inLossRecovery = linuxInLossRecovery(
      ((words[first + 0] as number) >>> 8) & 255,
      (words[first + 0] as number) & 255,
    )
  if (length3 >= 200) record.segmentsDeliveredCe = words[first + 49] as number
  if (length3 >= 176)
    record.busyUs =
      (words[first + 43] as number) === 0
        ? (words[first + 42] as number)
        : (words[first + 42] as number) +
          (words[first + 43] as number) * 0x1_0000_0000
  if (length3 >= 184)
    record.rwndLimitedUs =
      (words[first + 45] as number) === 0
        ? (words[first + 44] as number)
        : (words[first + 44] as number) +
          (words[first + 45] as number) * 0x1_0000_0000
  if (length3 >= 192)
    record.sndbufLimitedUs =
      (words[first + 47] as number) === 0
        ? (words[first + 46] as number)
        : (words[first + 46] as number) +
          (words[first + 47] as number) * 0x1_0000_0000
  if (
    length3 >= 112 &&
    ((words[first + 27] as number) === 0
      ? (words[first + 26] as number)
      : (words[first + 26] as number) +
        (words[first + 27] as number) * 0x1_0000_0000) !== 0 &&
    ((words[first + 27] as number) === 0
      ? (words[first + 26] as number)
      : (words[first + 26] as number) +
        (words[first + 27] as number) * 0x1_0000_0000) !== 18446744073709552000
  )
    record.pacingRateBytesPerSec =
      (words[first + 27] as number) === 0
        ? (words[first + 26] as number)
        : (words[first + 26] as number) +
          (words[first + 27] as number) * 0x1_0000_0000
  if (
    length2 >= 120 &&
    ((words[first + 29] as number) === 0
      ? (words[first + 28] as number)
      : (words[first + 28] as number) +
        (words[first + 29] as number) * 0x1_0000_0000) !== 0 &&
    ((words[first + 29] as number) === 0
      ? (words[first + 28] as number)
      : (words[first + 28] as number) +
        (words[first + 29] as number) * 0x1_0000_0000) !== 18446744073709552000
  )
    record.maxPacingRateBytesPerSec =
      (words[first + 29] as number) === 0
        ? (words[first + 28] as number)
        : (words[first + 28] as number) +
          (words[first + 29] as number) * 0x1_0000_0000
  if (
    length3 >= 168 &&
    ((words[first + 41] as number) === 0
      ? (words[first + 40] as number)
      : (words[first + 40] as number) +
        (words[first + 41] as number) * 0x1_0000_0000) !== 0
  )
    record.deliveryRateBytesPerSec =
      (words[first + 41] as number) === 0
        ? (words[first + 40] as number)
        : (words[first + 40] as number) +
          (words[first + 41] as number) * 0x1_0000_0000
  if (
    length3 >= 168 &&
    ((words[first + 41] as number) === 0
      ? (words[first + 40] as number)
      : (words[first + 40] as number) +
        (words[first + 41] as number) * 0x1_0000_0000) !== 0
  )
    record.deliveryRateAppLimited =
      (((words[first + 1] as number) >>> 24) & 1 & 1) !== 0
  if (length3 >= 6)
    record.timestamps = (((words[first + 1] as number) >>> 8) & 255 & 1) !== 0
  if (length3 >= 6)
    record.sack = (((words[first + 1] as number) >>> 8) & 255 & 2) !== 0
  if (length3 >= 6)
    record.windowScaling =
      (((words[first + 1] as number) >>> 8) & 255 & 4) !== 0
  if (length3 >= 6)
    record.ecnNegotiated =
      (((words[first + 1] as number) >>> 8) & 255 & 8) !== 0
  if (length3 >= 7)
    record.sndWscale = linuxSndWscale(
      ((words[first + 1] as number) >>> 16) & 15,
      ((words[first + 1] as number) >>> 8) & 255,
    )
  if (length3 >= 7)
    record.rcvWscale = linuxRcvWscale(
      ((words[first + 1] as number) >>> 20) & 15,
      ((words[first + 1] as number) >>> 8) & 255,
    )
  if (length3 >= 160 && (words[first + 39] as number) !== 0)
    record.dataSentAgoMs = words[first + 11] as number
  if (length3 >= 156 && (words[first + 38] as number) !== 0)
    record.dataReceivedAgoMs = words[first + 13] as number
  if (length3 >= 144 && (words[first + 35] as number) !== 0)
    record.ackReceivedAgoMs = words[first + 14] as number
  if (length0 >= 28)
    record.acceptQueue = linuxAcceptQueue(
      words[first + 6] as number,
      (words[first + 0] as number) & 255,
    )
  if (length0 >= 32)
    record.backlog = linuxBacklog(
      words[first + 7] as number,
      (words[first + 0] as number) & 255,
    )
  return record
}

function decodeWholeLinux(
  reading: Reading,
  words: Uint32Array,
  first: number,
): TcpInfo {
  const record: Unfilled = new TcpInfoRecord(reading)
  record.state = linuxState((words[first + 0] as number) & 255)
  if ((words[first + 17] as number) !== 0)
    record.rttUs = words[first + 17] as number
  if ((words[first + 17] as number) !== 0)
    record.rttVarUs = words[first + 18] as number
  if (
    (words[first + 37] as number) !== 0 &&
    (words[first + 37] as number) !== 4294967295
  )
    record.minRttUs = words[first + 37] as number
  if ((words[first + 23] as number) !== 0)
    record.rcvRttUs = words[first + 23] as number
  record.rtoUs = linuxRtoUs(
    words[first + 2] as number,
    (words[first + 0] as number) & 255,
  )
  if ((words[first + 4] as number) !== 0)
    record.sendMssBytes = words[first + 4] as number
  if ((words[first + 15] as number) !== 0)
    record.pmtuBytes = words[first + 15] as number
  if ((words[first + 4] as number) !== 0)
    record.cwndBytes = linuxCwndBytes(
      words[first + 20] as number,
      words[first + 4] as number,
    )
  record.cwndSegments = words[first + 20] as number
  if ((words[first + 4] as number) !== 0)
    record.ssthreshBytes = linuxSsthreshBytes(
      words[first + 19] as number,
      words[first + 4] as number,
    )
  record.sndWndBytes = words[first + 57] as number
  record.rcvWndBytes = words[first + 58] as number
  record.bytesInFlight = linuxBytesInFlight(
    (words[first + 51] as number) === 0
      ? (words[first + 50] as number)
      : (words[first + 50] as number) +
          (words[first + 51] as number) * 0x1_0000_0000,
    (words[first + 53] as number) === 0
      ? (words[first + 52] as number)
      : (words[first + 52] as number) +
          (words[first + 53] as number) * 0x1_0000_0000,
    (words[first + 31] as number) === 0
      ? (words[first + 30] as number)
      : (words[first + 30] as number) +
          (words[first + 31] as number) * 0x1_0000_0000,
  )
  record.segmentsInFlight = words[first + 6] as number
  record.notSentBytes = words[first + 36] as number
  record.sendQueueBytes = linuxSendQueueBytes(
    words[first + 36] as number,
    (words[first + 51] as number) === 0
      ? (words[first + 50] as number)
      : (words[first + 50] as number) +
          (words[first + 51] as number) * 0x1_0000_0000,
    (words[first + 53] as number) === 0
      ? (words[first + 52] as number)
      : (words[first + 52] as number) +
          (words[first + 53] as number) * 0x1_0000_0000,
    (words[first + 31] as number) === 0
      ? (words[first + 30] as number)
      : (words[first + 30] as number) +
          (words[first + 31] as number) * 0x1_0000_0000,
  )
  record.bytesSent =
    (words[first + 51] as number) === 0
      ? (words[first + 50] as number)
      : (words[first + 50] as number) +
        (words[first + 51] as number) * 0x1_0000_0000
  record.bytesReceived =
    (words[first + 33] as number) === 0
      ? (words[first + 32] as number)
      : (words[first + 32] as number) +
        (words[first + 33] as number) * 0x1_0000_0000
  record.bytesAcked =
    (words[first + 31] as number) === 0
      ? (words[first + 30] as number)
      : (words[first + 30] as number) +
        (words[first + 31] as number) * 0x1_0000_0000
  record.bytesRetransmitted =
    (words[first + 53] as number) === 0
      ? (words[first + 52] as number)
      : (words[first + 52] as number) +
        (words[first + 53] as number) * 0x1_0000_0000
  record.segmentsOut = words[first + 34] as number
  record.segmentsIn = words[first + 35] as number
  record.dataSegmentsOut = words[first + 39] as number
  record.dataSegmentsIn = words[first + 38] as number
  record.segmentsRetransmitted = words[first + 25] as number
  record.spuriousRetransmits = words[first + 54] as number
  record.rtoCount = (words[first + 60] as number) & 65535
  record.rtoEpisodes = (words[first + 60] as number) >>> 16
  record.consecutiveRtos = ((words[first + 0] as number) >>> 16) & 255
  record.outOfOrderPacketsIn = words[first + 56] as number
  record.reorderingEvents = words[first + 55] as number
  record.inLossRecovery = linuxInLossRecovery(
    ((words[first + 0] as number) >>> 8) & 255,
    (words[first + 0] as number) & 255,
  )
  record.segmentsDeliveredCe = words[first + 49] as number
  record.busyUs =
    (words[first + 43] as number) === 0
      ? (words[first + 42] as number)
      : (words[first + 42] as number) +
        (words[first + 43] as number) * 0x1_0000_0000
  record.rwndLimitedUs =
    (words[first + 45] as number) === 0
      ? (words[first + 44] as number)
      : (words[first + 44] as number) +
        (words[first + 45] as number) * 0x1_0000_0000
  record.sndbufLimitedUs =
    (words[first + 47] as number) === 0
      ? (words[first + 46] as number)
      : (words[first + 46] as number) +
        (words[first + 47] as number) * 0x1_0000_0000
  if (
    ((words[first + 27] as number) === 0
      ? (words[first + 26] as number)
      : (words[first + 26] as number) +
        (words[first + 27] as number) * 0x1_0000_0000) !== 0 &&
    ((words[first + 27] as number) === 0
      ? (words[first + 26] as number)
      : (words[first + 26] as number) +
        (words[first + 27] as number) * 0x1_0000_0000) !== 18446744073709552000
  )
    record.pacingRateBytesPerSec =
      (words[first + 27] as number) === 0
        ? (words[first + 26] as number)
        : (words[first + 26] as number) +
          (words[first + 27] as number) * 0x1_0000_0000
  if (
    ((words[first + 29] as number) === 0
      ? (words[first + 28] as number)
      : (words[first + 28] as number) +
        (words[first + 29] as number) * 0x1_0000_0000) !== 0 &&
    ((words[first + 29] as number) === 0
      ? (words[first + 28] as number)
      : (words[first + 28] as number) +
        (words[first + 29] as number) * 0x1_0000_0000) !== 18446744073709552000
  )
    record.maxPacingRateBytesPerSec =
      (words[first + 29] as number) === 0
        ? (words[first + 28] as number)
        : (words[first + 28] as number) +
          (words[first + 29] as number) * 0x1_0000_0000
  if (
    ((words[first + 41] as number) === 0
      ? (words[first + 40] as number)
      : (words[first + 40] as number) +
        (words[first + 41] as number) * 0x1_0000_0000) !== 0
  )
    record.deliveryRateBytesPerSec =
      (words[first + 41] as number) === 0
        ? (words[first + 40] as number)
        : (words[first + 40] as number) +
          (words[first + 41] as number) * 0x1_0000_0000
  if (
    ((words[first + 41] as number) === 0
      ? (words[first + 40] as number)
      : (words[first + 40] as number) +
        (words[first + 41] as number) * 0x1_0000_0000) !== 0
  )
    record.deliveryRateAppLimited =
      (((words[first + 1] as number) >>> 24) & 1 & 1) !== 0
  record.timestamps = (((words[first + 1] as number) >>> 8) & 255 & 1) !== 0
  record.sack = (((words[first + 1] as number) >>> 8) & 255 & 2) !== 0
  record.windowScaling = (((words[first + 1] as number) >>> 8) & 255 & 4) !== 0
  record.ecnNegotiated = (((words[first + 1] as number) >>> 8) & 255 & 8) !== 0
  record.sndWscale = linuxSndWscale(
    ((words[first + 1] as number) >>> 16) & 15,
    ((words[first + 1] as number) >>> 8) & 255,
  )
  record.rcvWscale = linuxRcvWscale(
    ((words[first + 1] as number) >>> 20) & 15,
    ((words[first + 1] as number) >>> 8) & 255,
  )
  if ((words[first + 39] as number) !== 0)
    record.dataSentAgoMs = words[first + 11] as number
  if ((words[first + 38] as number) !== 0)
    record.dataReceivedAgoMs = words[first + 13] as number
  if ((words[first + 35] as number) !== 0)
    record.ackReceivedAgoMs = words[first + 14] as number
  record.acceptQueue = linuxAcceptQueue(
    words[first + 6] as number,
    (words[first + 0] as number) & 255,
  )
  record.backlog = linuxBacklog(
    words[first + 7] as number,
    (words[first + 0] as number) & 255,
  )
  return record
}

const windowsState = formulaOf(windows, 'state')

export const decodeWindows: Decoder = (reading) => {
  const { words, filled: length0 } = reading
  const first = reading.at >> 2

  if (length0 >= 152) return decodeWholeWindows(reading, words, first)
  const record: Unfilled = new TcpInfoRecord(reading)
  if (length0 >= 4) record.state = windowsState(words[first + 0] as number)
  if (length0 >= 24 && (words[first + 5] as number) !== 0)
    record.rttUs = words[first + 5] as number
  if (
    length0 >= 28 &&
    (words[first + 6] as number) !== 0 &&
    (words[first + 6] as number) !== 4294967295
  )
    record.minRttUs = words[first + 6] as number
  if (length0 >= 8 && (words[first + 1] as number) !== 0)
    record.sendMssBytes = words[first + 1] as number
  if (length0 >= 36) record.cwndBytes = words[first + 8] as number
  if (length0 >= 40) record.sndWndBytes = words[first + 9] as number
  if (length0 >= 44) record.rcvWndBytes = words[first + 10] as number
  if (length0 >= 48) record.rcvBufBytes = words[first + 11] as number
  if (length0 >= 32) record.bytesInFlight = words[first + 7] as number
  if (length0 >= 56)
    record.bytesSent =
      (words[first + 13] as number) === 0
        ? (words[first + 12] as number)
        : (words[first + 12] as number) +
          (words[first + 13] as number) * 0x1_0000_0000
  if (length0 >= 64)
    record.bytesReceived =
      (words[first + 15] as number) === 0
        ? (words[first + 14] as number)
        : (words[first + 14] as number) +
          (words[first + 15] as number) * 0x1_0000_0000
  if (length0 >= 72) record.bytesRetransmitted = words[first + 17] as number
  if (length0 >= 68) record.bytesReordered = words[first + 16] as number
  if (length0 >= 76) record.fastRetransmits = words[first + 18] as number
  if (length0 >= 85) record.synRetransmits = (words[first + 21] as number) & 255
  if (length0 >= 84) record.rtoEpisodes = words[first + 20] as number
  if (length0 >= 152) record.ptoEpisodes = words[first + 37] as number
  if (length0 >= 80) record.dupAcksIn = words[first + 19] as number
  if (length0 >= 140) record.outOfOrderPacketsIn = words[first + 34] as number
  if (length0 >= 148) record.eceAcksIn = words[first + 36] as number
  if (length0 >= 96) record.rwndLimitedUs = (words[first + 23] as number) * 1000
  if (length0 >= 112)
    record.cwndLimitedUs = (words[first + 27] as number) * 1000
  if (length0 >= 128) record.appLimitedUs = (words[first + 31] as number) * 1000
  if (length0 >= 17)
    record.timestamps = ((words[first + 4] as number) & 255 & 255) !== 0
  if (length0 >= 141)
    record.ecnNegotiated = ((words[first + 35] as number) & 255 & 255) !== 0
  if (length0 >= 16)
    record.connectionAgeMs =
      (words[first + 3] as number) === 0
        ? (words[first + 2] as number)
        : (words[first + 2] as number) +
          (words[first + 3] as number) * 0x1_0000_0000
  return record
}

function decodeWholeWindows(
  reading: Reading,
  words: Uint32Array,
  first: number,
): TcpInfo {
  const record: Unfilled = new TcpInfoRecord(reading)
  record.state = windowsState(words[first + 0] as number)
  if ((words[first + 5] as number) !== 0)
    record.rttUs = words[first + 5] as number
  if (
    (words[first + 6] as number) !== 0 &&
    (words[first + 6] as number) !== 4294967295
  )
    record.minRttUs = words[first + 6] as number
  if ((words[first + 1] as number) !== 0)
    record.sendMssBytes = words[first + 1] as number
  record.cwndBytes = words[first + 8] as number
  record.sndWndBytes = words[first + 9] as number
  record.rcvWndBytes = words[first + 10] as number
  record.rcvBufBytes = words[first + 11] as number
  record.bytesInFlight = words[first + 7] as number
  record.bytesSent =
    (words[first + 13] as number) === 0
      ? (words[first + 12] as number)
      : (words[first + 12] as number) +
        (words[first + 13] as number) * 0x1_0000_0000
  record.bytesReceived =
    (words[first + 15] as number) === 0
      ? (words[first + 14] as number)
      : (words[first + 14] as number) +
        (words[first + 15] as number) * 0x1_0000_0000
  record.bytesRetransmitted = words[first + 17] as number
  record.bytesReordered = words[first + 16] as number
  record.fastRetransmits = words[first + 18] as number
  record.synRetransmits = (words[first + 21] as number) & 255
  record.rtoEpisodes = words[first + 20] as number
  record.ptoEpisodes = words[first + 37] as number
  record.dupAcksIn = words[first + 19] as number
  record.outOfOrderPacketsIn = words[first + 34] as number
  record.eceAcksIn = words[first + 36] as number
  record.rwndLimitedUs = (words[first + 23] as number) * 1000
  record.cwndLimitedUs = (words[first + 27] as number) * 1000
  record.appLimitedUs = (words[first + 31] as number) * 1000
  record.timestamps = ((words[first + 4] as number) & 255 & 255) !== 0
  record.ecnNegotiated = ((words[first + 35] as number) & 255 & 255) !== 0
  record.connectionAgeMs =
    (words[first + 3] as number) === 0
      ? (words[first + 2] as number)
      : (words[first + 2] as number) +
        (words[first + 3] as number) * 0x1_0000_0000
  return record
}

const darwinState = formulaOf(darwin, 'state')
const darwinInLossRecovery = formulaOf(darwin, 'inLossRecovery')
const darwinTimestamps = formulaOf(darwin, 'timestamps')
const darwinSack = formulaOf(darwin, 'sack')
const darwinWindowScaling = formulaOf(darwin, 'windowScaling')
const darwinEcnNegotiated = formulaOf(darwin, 'ecnNegotiated')
const darwinSndWscale = formulaOf(darwin, 'sndWscale')
const darwinRcvWscale = formulaOf(darwin, 'rcvWscale')
const [darwinPartial1] = partialsOf(darwin)

export const decodeDarwin: Decoder = (reading) => {
  const { words, filled: length0 } = reading
  const first = reading.at >> 2
  const length1 =
    length0 >= 20 && darwinPartial1?.(words[first + 4] as number) ? 0 : length0
  if (length1 >= 112) return decodeWholeDarwin(reading, words, first)
  const record: Unfilled = new TcpInfoRecord(reading)
  if (length0 >= 1)
    record.state = darwinState((words[first + 0] as number) & 255)
  if (length1 >= 48 && (words[first + 11] as number) !== 0)
    record.rttUs = (words[first + 11] as number) * 1000
  if (length1 >= 52 && (words[first + 11] as number) !== 0)
    record.rttVarUs = (words[first + 12] as number) * 1000
  if (length1 >= 44 && (words[first + 10] as number) !== 0)
    record.latestRttUs = (words[first + 10] as number) * 1000
  if (length1 >= 16 && (words[first + 3] as number) !== 0)
    record.rtoUs = (words[first + 3] as number) * 1000
  if (length1 >= 20 && (words[first + 4] as number) !== 0)
    record.sendMssBytes = words[first + 4] as number
  if (length1 >= 28) record.cwndBytes = words[first + 6] as number
  if (length1 >= 24 && (words[first + 5] as number) !== 1073725440)
    record.ssthreshBytes = words[first + 5] as number
  if (length1 >= 32) record.sndWndBytes = words[first + 7] as number
  if (length1 >= 40) record.rcvWndBytes = words[first + 9] as number
  if (length1 >= 36) record.sendQueueBytes = words[first + 8] as number
  if (length1 >= 72)
    record.bytesSent =
      (words[first + 17] as number) === 0
        ? (words[first + 16] as number)
        : (words[first + 16] as number) +
          (words[first + 17] as number) * 0x1_0000_0000
  if (length1 >= 96)
    record.bytesReceived =
      (words[first + 23] as number) === 0
        ? (words[first + 22] as number)
        : (words[first + 22] as number) +
          (words[first + 23] as number) * 0x1_0000_0000
  if (length1 >= 80)
    record.bytesRetransmitted =
      (words[first + 19] as number) === 0
        ? (words[first + 18] as number)
        : (words[first + 18] as number) +
          (words[first + 19] as number) * 0x1_0000_0000
  if (length1 >= 104)
    record.outOfOrderBytesIn =
      (words[first + 25] as number) === 0
        ? (words[first + 24] as number)
        : (words[first + 24] as number) +
          (words[first + 25] as number) * 0x1_0000_0000
  if (length1 >= 64)
    record.dataSegmentsOut =
      (words[first + 15] as number) === 0
        ? (words[first + 14] as number)
        : (words[first + 14] as number) +
          (words[first + 15] as number) * 0x1_0000_0000
  if (length1 >= 88)
    record.dataSegmentsIn =
      (words[first + 21] as number) === 0
        ? (words[first + 20] as number)
        : (words[first + 20] as number) +
          (words[first + 21] as number) * 0x1_0000_0000
  if (length1 >= 112)
    record.segmentsRetransmitted =
      (words[first + 27] as number) === 0
        ? (words[first + 26] as number)
        : (words[first + 26] as number) +
          (words[first + 27] as number) * 0x1_0000_0000
  if (length1 >= 12)
    record.inLossRecovery = darwinInLossRecovery(
      words[first + 2] as number,
      (words[first + 0] as number) & 255,
    )
  if (length1 >= 8)
    record.timestamps = darwinTimestamps(
      words[first + 1] as number,
      (words[first + 0] as number) & 255,
    )
  if (length1 >= 8)
    record.sack = darwinSack(
      words[first + 1] as number,
      (words[first + 0] as number) & 255,
    )
  if (length1 >= 8)
    record.windowScaling = darwinWindowScaling(
      words[first + 1] as number,
      (words[first + 0] as number) & 255,
    )
  if (length1 >= 8)
    record.ecnNegotiated = darwinEcnNegotiated(
      words[first + 1] as number,
      (words[first + 0] as number) & 255,
    )
  if (length1 >= 8)
    record.sndWscale = darwinSndWscale(
      ((words[first + 0] as number) >>> 8) & 255,
      words[first + 1] as number,
    )
  if (length1 >= 8)
    record.rcvWscale = darwinRcvWscale(
      ((words[first + 0] as number) >>> 16) & 255,
      words[first + 1] as number,
    )
  return record
}

function decodeWholeDarwin(
  reading: Reading,
  words: Uint32Array,
  first: number,
): TcpInfo {
  const record: Unfilled = new TcpInfoRecord(reading)
  record.state = darwinState((words[first + 0] as number) & 255)
  if ((words[first + 11] as number) !== 0)
    record.rttUs = (words[first + 11] as number) * 1000
  if ((words[first + 11] as number) !== 0)
    record.rttVarUs = (words[first + 12] as number) * 1000
  if ((words[first + 10] as number) !== 0)
    record.latestRttUs = (words[first + 10] as number) * 1000
  if ((words[first + 3] as number) !== 0)
    record.rtoUs = (words[first + 3] as number) * 1000
  if ((words[first + 4] as number) !== 0)
    record.sendMssBytes = words[first + 4] as number
  record.cwndBytes = words[first + 6] as number
  if ((words[first + 5] as number) !== 1073725440)
    record.ssthreshBytes = words[first + 5] as number
  record.sndWndBytes = words[first + 7] as number
  record.rcvWndBytes = words[first + 9] as number
  record.sendQueueBytes = words[first + 8] as number
  record.bytesSent =
    (words[first + 17] as number) === 0
      ? (words[first + 16] as number)
      : (words[first + 16] as number) +
        (words[first + 17] as number) * 0x1_0000_0000
  record.bytesReceived =
    (words[first + 23] as number) === 0
      ? (words[first + 22] as number)
      : (words[first + 22] as number) +
        (words[first + 23] as number) * 0x1_0000_0000
  record.bytesRetransmitted =
    (words[first + 19] as number) === 0
      ? (words[first + 18] as number)
      : (words[first + 18] as number) +
        (words[first + 19] as number) * 0x1_0000_0000
  record.outOfOrderBytesIn =
    (words[first + 25] as number) === 0
      ? (words[first + 24] as number)
      : (words[first + 24] as number) +
        (words[first + 25] as number) * 0x1_0000_0000
  record.dataSegmentsOut =
    (words[first + 15] as number) === 0
      ? (words[first + 14] as number)
      : (words[first + 14] as number) +
        (words[first + 15] as number) * 0x1_0000_0000
  record.dataSegmentsIn =
    (words[first + 21] as number) === 0
      ? (words[first + 20] as number)
      : (words[first + 20] as number) +
        (words[first + 21] as number) * 0x1_0000_0000
  record.segmentsRetransmitted =
    (words[first + 27] as number) === 0
      ? (words[first + 26] as number)
      : (words[first + 26] as number) +
        (words[first + 27] as number) * 0x1_0000_0000
  record.inLossRecovery = darwinInLossRecovery(
    words[first + 2] as number,
    (words[first + 0] as number) & 255,
  )
  record.timestamps = darwinTimestamps(
    words[first + 1] as number,
    (words[first + 0] as number) & 255,
  )
  record.sack = darwinSack(
    words[first + 1] as number,
    (words[first + 0] as number) & 255,
  )
  record.windowScaling = darwinWindowScaling(
    words[first + 1] as number,
    (words[first + 0] as number) & 255,
  )
  record.ecnNegotiated = darwinEcnNegotiated(
    words[first + 1] as number,
    (words[first + 0] as number) & 255,
  )
  record.sndWscale = darwinSndWscale(
    ((words[first + 0] as number) >>> 8) & 255,
    words[first + 1] as number,
  )
  record.rcvWscale = darwinRcvWscale(
    ((words[first + 0] as number) >>> 16) & 255,
    words[first + 1] as number,
  )
  return record
}
