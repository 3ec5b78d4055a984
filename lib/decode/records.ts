/** The decoders. Generated from the tables by scripts/generate.ts. */

import { darwin } from './darwin.js'
import { type Decoder, formulaOf, partialOf } from './fields.js'
import { linux } from './linux.js'
import { windows } from './windows.js'

const linuxState = formulaOf(linux, 'state')
const linuxRttVarUs = formulaOf(linux, 'rttVarUs')
const linuxRtoUs = formulaOf(linux, 'rtoUs')
const linuxCwndBytes = formulaOf(linux, 'cwndBytes')
const linuxSsthreshBytes = formulaOf(linux, 'ssthreshBytes')
const linuxBytesInFlight = formulaOf(linux, 'bytesInFlight')
const linuxSendQueueBytes = formulaOf(linux, 'sendQueueBytes')
const linuxInLossRecovery = formulaOf(linux, 'inLossRecovery')
const linuxDeliveryRateAppLimited = formulaOf(linux, 'deliveryRateAppLimited')
const linuxTimestamps = formulaOf(linux, 'timestamps')
const linuxSack = formulaOf(linux, 'sack')
const linuxWindowScaling = formulaOf(linux, 'windowScaling')
const linuxEcnNegotiated = formulaOf(linux, 'ecnNegotiated')
const linuxSndWscale = formulaOf(linux, 'sndWscale')
const linuxRcvWscale = formulaOf(linux, 'rcvWscale')
const linuxDataSentAgoMs = formulaOf(linux, 'dataSentAgoMs')
const linuxDataReceivedAgoMs = formulaOf(linux, 'dataReceivedAgoMs')
const linuxAckReceivedAgoMs = formulaOf(linux, 'ackReceivedAgoMs')
const linuxAcceptQueue = formulaOf(linux, 'acceptQueue')
const linuxBacklog = formulaOf(linux, 'backlog')
const linuxPartial = partialOf(linux)

export const decodeLinux: Decoder = (record, bytes, words, at, filled) => {
  const first = at >> 2
  const length =
    filled >= 64 &&
    linuxPartial(bytes[at + 0] as number, words[first + 15] as number)
      ? 0
      : filled
  if (filled >= 1) record.state = linuxState(bytes[at + 0] as number)
  if (length >= 72 && (words[first + 17] as number) !== 0)
    record.rttUs = words[first + 17] as number
  if (length >= 76)
    record.rttVarUs = linuxRttVarUs(
      words[first + 18] as number,
      words[first + 17] as number,
    )
  if (
    length >= 152 &&
    (words[first + 37] as number) !== 0 &&
    (words[first + 37] as number) !== 4294967295
  )
    record.minRttUs = words[first + 37] as number
  if (length >= 96 && (words[first + 23] as number) !== 0)
    record.rcvRttUs = words[first + 23] as number
  if (length >= 12)
    record.rtoUs = linuxRtoUs(
      words[first + 2] as number,
      bytes[at + 0] as number,
    )
  if (length >= 20 && (words[first + 4] as number) !== 0)
    record.sendMssBytes = words[first + 4] as number
  if (length >= 64 && (words[first + 15] as number) !== 0)
    record.pmtuBytes = words[first + 15] as number
  if (length >= 84)
    record.cwndBytes = linuxCwndBytes(
      words[first + 20] as number,
      words[first + 4] as number,
    )
  if (length >= 84) record.cwndSegments = words[first + 20] as number
  if (length >= 80)
    record.ssthreshBytes = linuxSsthreshBytes(
      words[first + 19] as number,
      words[first + 4] as number,
    )
  if (length >= 232) record.sndWndBytes = words[first + 57] as number
  if (length >= 236) record.rcvWndBytes = words[first + 58] as number
  if (length >= 216)
    record.bytesInFlight = linuxBytesInFlight(
      (words[first + 50] as number) +
        (words[first + 51] as number) * 0x1_0000_0000,
      (words[first + 52] as number) +
        (words[first + 53] as number) * 0x1_0000_0000,
      (words[first + 30] as number) +
        (words[first + 31] as number) * 0x1_0000_0000,
    )
  if (length >= 28) record.segmentsInFlight = words[first + 6] as number
  if (length >= 148) record.notSentBytes = words[first + 36] as number
  if (length >= 216)
    record.sendQueueBytes = linuxSendQueueBytes(
      words[first + 36] as number,
      (words[first + 50] as number) +
        (words[first + 51] as number) * 0x1_0000_0000,
      (words[first + 52] as number) +
        (words[first + 53] as number) * 0x1_0000_0000,
      (words[first + 30] as number) +
        (words[first + 31] as number) * 0x1_0000_0000,
    )
  if (length >= 208)
    record.bytesSent =
      (words[first + 50] as number) +
      (words[first + 51] as number) * 0x1_0000_0000
  if (length >= 136)
    record.bytesReceived =
      (words[first + 32] as number) +
      (words[first + 33] as number) * 0x1_0000_0000
  if (length >= 128)
    record.bytesAcked =
      (words[first + 30] as number) +
      (words[first + 31] as number) * 0x1_0000_0000
  if (length >= 216)
    record.bytesRetransmitted =
      (words[first + 52] as number) +
      (words[first + 53] as number) * 0x1_0000_0000
  if (length >= 140) record.segmentsOut = words[first + 34] as number
  if (length >= 144) record.segmentsIn = words[first + 35] as number
  if (length >= 160) record.dataSegmentsOut = words[first + 39] as number
  if (length >= 156) record.dataSegmentsIn = words[first + 38] as number
  if (length >= 104) record.segmentsRetransmitted = words[first + 25] as number
  if (length >= 242) record.rtoCount = (words[first + 60] as number) & 0xffff
  if (length >= 244) record.rtoEpisodes = (words[first + 60] as number) >>> 16
  if (length >= 3) record.consecutiveRtos = bytes[at + 2] as number
  if (length >= 228) record.outOfOrderPacketsIn = words[first + 56] as number
  if (length >= 224) record.reorderingEvents = words[first + 55] as number
  if (length >= 2)
    record.inLossRecovery = linuxInLossRecovery(
      bytes[at + 1] as number,
      bytes[at + 0] as number,
    )
  if (length >= 200) record.segmentsDeliveredCe = words[first + 49] as number
  if (length >= 176)
    record.busyUs =
      (words[first + 42] as number) +
      (words[first + 43] as number) * 0x1_0000_0000
  if (length >= 184)
    record.rwndLimitedUs =
      (words[first + 44] as number) +
      (words[first + 45] as number) * 0x1_0000_0000
  if (length >= 192)
    record.sndbufLimitedUs =
      (words[first + 46] as number) +
      (words[first + 47] as number) * 0x1_0000_0000
  if (
    length >= 112 &&
    (words[first + 26] as number) +
      (words[first + 27] as number) * 0x1_0000_0000 !==
      0 &&
    (words[first + 26] as number) +
      (words[first + 27] as number) * 0x1_0000_0000 !==
      18446744073709552000
  )
    record.pacingRateBytesPerSec =
      (words[first + 26] as number) +
      (words[first + 27] as number) * 0x1_0000_0000
  if (
    length >= 120 &&
    (words[first + 28] as number) +
      (words[first + 29] as number) * 0x1_0000_0000 !==
      0 &&
    (words[first + 28] as number) +
      (words[first + 29] as number) * 0x1_0000_0000 !==
      18446744073709552000
  )
    record.maxPacingRateBytesPerSec =
      (words[first + 28] as number) +
      (words[first + 29] as number) * 0x1_0000_0000
  if (
    length >= 168 &&
    (words[first + 40] as number) +
      (words[first + 41] as number) * 0x1_0000_0000 !==
      0
  )
    record.deliveryRateBytesPerSec =
      (words[first + 40] as number) +
      (words[first + 41] as number) * 0x1_0000_0000
  if (length >= 168)
    record.deliveryRateAppLimited = linuxDeliveryRateAppLimited(
      (bytes[at + 7] as number) & 1,
      (words[first + 40] as number) +
        (words[first + 41] as number) * 0x1_0000_0000,
    )
  if (length >= 72)
    record.timestamps = linuxTimestamps(
      bytes[at + 5] as number,
      bytes[at + 0] as number,
      words[first + 17] as number,
    )
  if (length >= 72)
    record.sack = linuxSack(
      bytes[at + 5] as number,
      bytes[at + 0] as number,
      words[first + 17] as number,
    )
  if (length >= 72)
    record.windowScaling = linuxWindowScaling(
      bytes[at + 5] as number,
      bytes[at + 0] as number,
      words[first + 17] as number,
    )
  if (length >= 72)
    record.ecnNegotiated = linuxEcnNegotiated(
      bytes[at + 5] as number,
      bytes[at + 0] as number,
      words[first + 17] as number,
    )
  if (length >= 7)
    record.sndWscale = linuxSndWscale(
      (bytes[at + 6] as number) & 15,
      bytes[at + 5] as number,
    )
  if (length >= 7)
    record.rcvWscale = linuxRcvWscale(
      ((bytes[at + 6] as number) >>> 4) & 15,
      bytes[at + 5] as number,
    )
  if (length >= 160)
    record.dataSentAgoMs = linuxDataSentAgoMs(
      words[first + 11] as number,
      words[first + 39] as number,
    )
  if (length >= 156)
    record.dataReceivedAgoMs = linuxDataReceivedAgoMs(
      words[first + 13] as number,
      words[first + 38] as number,
    )
  if (length >= 144)
    record.ackReceivedAgoMs = linuxAckReceivedAgoMs(
      words[first + 14] as number,
      words[first + 35] as number,
    )
  if (filled >= 28)
    record.acceptQueue = linuxAcceptQueue(
      words[first + 6] as number,
      bytes[at + 0] as number,
    )
  if (filled >= 32)
    record.backlog = linuxBacklog(
      words[first + 7] as number,
      bytes[at + 0] as number,
    )
}

const windowsState = formulaOf(windows, 'state')

export const decodeWindows: Decoder = (record, bytes, words, at, filled) => {
  const first = at >> 2
  const length = filled
  if (length >= 4) record.state = windowsState(words[first + 0] as number)
  if (length >= 24 && (words[first + 5] as number) !== 0)
    record.rttUs = words[first + 5] as number
  if (
    length >= 28 &&
    (words[first + 6] as number) !== 0 &&
    (words[first + 6] as number) !== 4294967295
  )
    record.minRttUs = words[first + 6] as number
  if (length >= 8 && (words[first + 1] as number) !== 0)
    record.sendMssBytes = words[first + 1] as number
  if (length >= 36) record.cwndBytes = words[first + 8] as number
  if (length >= 40) record.sndWndBytes = words[first + 9] as number
  if (length >= 44) record.rcvWndBytes = words[first + 10] as number
  if (length >= 48) record.rcvBufBytes = words[first + 11] as number
  if (length >= 32) record.bytesInFlight = words[first + 7] as number
  if (length >= 56)
    record.bytesSent =
      (words[first + 12] as number) +
      (words[first + 13] as number) * 0x1_0000_0000
  if (length >= 64)
    record.bytesReceived =
      (words[first + 14] as number) +
      (words[first + 15] as number) * 0x1_0000_0000
  if (length >= 72) record.bytesRetransmitted = words[first + 17] as number
  if (length >= 68) record.bytesReordered = words[first + 16] as number
  if (length >= 76) record.fastRetransmits = words[first + 18] as number
  if (length >= 85) record.synRetransmits = bytes[at + 84] as number
  if (length >= 84) record.rtoEpisodes = words[first + 20] as number
  if (length >= 152) record.ptoEpisodes = words[first + 37] as number
  if (length >= 80) record.dupAcksIn = words[first + 19] as number
  if (length >= 140) record.outOfOrderPacketsIn = words[first + 34] as number
  if (length >= 148) record.eceAcksIn = words[first + 36] as number
  if (length >= 96) record.rwndLimitedUs = (words[first + 23] as number) * 1000
  if (length >= 112) record.cwndLimitedUs = (words[first + 27] as number) * 1000
  if (length >= 128) record.appLimitedUs = (words[first + 31] as number) * 1000
  if (length >= 17) record.timestamps = (bytes[at + 16] as number) !== 0
  if (length >= 141) record.ecnNegotiated = (bytes[at + 140] as number) !== 0
  if (length >= 16)
    record.connectionAgeMs =
      (words[first + 2] as number) +
      (words[first + 3] as number) * 0x1_0000_0000
}

const darwinState = formulaOf(darwin, 'state')
const darwinRttVarUs = formulaOf(darwin, 'rttVarUs')
const darwinInLossRecovery = formulaOf(darwin, 'inLossRecovery')
const darwinTimestamps = formulaOf(darwin, 'timestamps')
const darwinSack = formulaOf(darwin, 'sack')
const darwinWindowScaling = formulaOf(darwin, 'windowScaling')
const darwinEcnNegotiated = formulaOf(darwin, 'ecnNegotiated')
const darwinSndWscale = formulaOf(darwin, 'sndWscale')
const darwinRcvWscale = formulaOf(darwin, 'rcvWscale')

export const decodeDarwin: Decoder = (record, bytes, words, at, filled) => {
  const first = at >> 2
  const length = filled
  if (length >= 1) record.state = darwinState(bytes[at + 0] as number)
  if (length >= 48 && (words[first + 11] as number) !== 0)
    record.rttUs = (words[first + 11] as number) * 1000
  if (length >= 52)
    record.rttVarUs = darwinRttVarUs(
      words[first + 12] as number,
      words[first + 11] as number,
    )
  if (length >= 44 && (words[first + 10] as number) !== 0)
    record.latestRttUs = (words[first + 10] as number) * 1000
  if (length >= 16 && (words[first + 3] as number) !== 0)
    record.rtoUs = (words[first + 3] as number) * 1000
  if (length >= 20 && (words[first + 4] as number) !== 0)
    record.sendMssBytes = words[first + 4] as number
  if (length >= 28) record.cwndBytes = words[first + 6] as number
  if (length >= 24 && (words[first + 5] as number) !== 1073725440)
    record.ssthreshBytes = words[first + 5] as number
  if (length >= 32) record.sndWndBytes = words[first + 7] as number
  if (length >= 40) record.rcvWndBytes = words[first + 9] as number
  if (length >= 36) record.sendQueueBytes = words[first + 8] as number
  if (length >= 72)
    record.bytesSent =
      (words[first + 16] as number) +
      (words[first + 17] as number) * 0x1_0000_0000
  if (length >= 96)
    record.bytesReceived =
      (words[first + 22] as number) +
      (words[first + 23] as number) * 0x1_0000_0000
  if (length >= 80)
    record.bytesRetransmitted =
      (words[first + 18] as number) +
      (words[first + 19] as number) * 0x1_0000_0000
  if (length >= 104)
    record.outOfOrderBytesIn =
      (words[first + 24] as number) +
      (words[first + 25] as number) * 0x1_0000_0000
  if (length >= 64)
    record.dataSegmentsOut =
      (words[first + 14] as number) +
      (words[first + 15] as number) * 0x1_0000_0000
  if (length >= 88)
    record.dataSegmentsIn =
      (words[first + 20] as number) +
      (words[first + 21] as number) * 0x1_0000_0000
  if (length >= 112)
    record.segmentsRetransmitted =
      (words[first + 26] as number) +
      (words[first + 27] as number) * 0x1_0000_0000
  if (length >= 12)
    record.inLossRecovery = darwinInLossRecovery(
      words[first + 2] as number,
      bytes[at + 0] as number,
    )
  if (length >= 8)
    record.timestamps = darwinTimestamps(
      words[first + 1] as number,
      bytes[at + 0] as number,
    )
  if (length >= 8)
    record.sack = darwinSack(
      words[first + 1] as number,
      bytes[at + 0] as number,
    )
  if (length >= 8)
    record.windowScaling = darwinWindowScaling(
      words[first + 1] as number,
      bytes[at + 0] as number,
    )
  if (length >= 8)
    record.ecnNegotiated = darwinEcnNegotiated(
      words[first + 1] as number,
      bytes[at + 0] as number,
    )
  if (length >= 8)
    record.sndWscale = darwinSndWscale(
      bytes[at + 1] as number,
      words[first + 1] as number,
    )
  if (length >= 8)
    record.rcvWscale = darwinRcvWscale(
      bytes[at + 2] as number,
      words[first + 1] as number,
    )
}
