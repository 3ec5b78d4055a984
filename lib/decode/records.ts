/** The decoders. Generated from the tables by scripts/generate.ts. */

import { TcpInfo, type TcpInfoParts } from '../tcp-info.js'
import { darwin } from './darwin.js'
import { formulaOf, partialOf } from './fields.js'
import { linux } from './linux.js'
import { windows } from './windows.js'

type Writable = { -readonly [K in keyof TcpInfo]: TcpInfo[K] }

const linuxState = formulaOf(linux, 'state')
const linuxRttUs = formulaOf(linux, 'rttUs')
const linuxRttVarUs = formulaOf(linux, 'rttVarUs')
const linuxMinRttUs = formulaOf(linux, 'minRttUs')
const linuxRcvRttUs = formulaOf(linux, 'rcvRttUs')
const linuxRtoUs = formulaOf(linux, 'rtoUs')
const linuxSendMssBytes = formulaOf(linux, 'sendMssBytes')
const linuxPmtuBytes = formulaOf(linux, 'pmtuBytes')
const linuxCwndBytes = formulaOf(linux, 'cwndBytes')
const linuxSsthreshBytes = formulaOf(linux, 'ssthreshBytes')
const linuxBytesInFlight = formulaOf(linux, 'bytesInFlight')
const linuxSendQueueBytes = formulaOf(linux, 'sendQueueBytes')
const linuxInLossRecovery = formulaOf(linux, 'inLossRecovery')
const linuxPacingRateBytesPerSec = formulaOf(linux, 'pacingRateBytesPerSec')
const linuxMaxPacingRateBytesPerSec = formulaOf(
  linux,
  'maxPacingRateBytesPerSec',
)
const linuxDeliveryRateBytesPerSec = formulaOf(linux, 'deliveryRateBytesPerSec')
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

export class LinuxTcpInfo extends TcpInfo {
  static {
    Object.defineProperty(LinuxTcpInfo, 'name', { value: 'TcpInfo' })
  }

  constructor(
    parts: TcpInfoParts,
    bytes: Uint8Array,
    words: Uint32Array,
    at: number,
    filled: number,
  ) {
    super(parts)
    const first = at >> 2
    const length =
      filled >= 64 &&
      linuxPartial(bytes[at + 0] as number, words[first + 15] as number)
        ? 0
        : filled
    ;(this as Writable).state =
      filled >= 1 ? linuxState(bytes[at + 0] as number) : undefined
    ;(this as Writable).rttUs =
      length >= 72 ? linuxRttUs(words[first + 17] as number) : undefined
    ;(this as Writable).rttVarUs =
      length >= 76
        ? linuxRttVarUs(
            words[first + 18] as number,
            words[first + 17] as number,
          )
        : undefined
    ;(this as Writable).minRttUs =
      length >= 152 ? linuxMinRttUs(words[first + 37] as number) : undefined
    ;(this as Writable).latestRttUs = undefined
    ;(this as Writable).rcvRttUs =
      length >= 96 ? linuxRcvRttUs(words[first + 23] as number) : undefined
    ;(this as Writable).rtoUs =
      length >= 12
        ? linuxRtoUs(words[first + 2] as number, bytes[at + 0] as number)
        : undefined
    ;(this as Writable).sendMssBytes =
      length >= 20 ? linuxSendMssBytes(words[first + 4] as number) : undefined
    ;(this as Writable).pmtuBytes =
      length >= 64 ? linuxPmtuBytes(words[first + 15] as number) : undefined
    ;(this as Writable).cwndBytes =
      length >= 84
        ? linuxCwndBytes(
            words[first + 20] as number,
            words[first + 4] as number,
          )
        : undefined
    ;(this as Writable).cwndSegments =
      length >= 84 ? (words[first + 20] as number) : undefined
    ;(this as Writable).ssthreshBytes =
      length >= 80
        ? linuxSsthreshBytes(
            words[first + 19] as number,
            words[first + 4] as number,
          )
        : undefined
    ;(this as Writable).sndWndBytes =
      length >= 232 ? (words[first + 57] as number) : undefined
    ;(this as Writable).rcvWndBytes =
      length >= 236 ? (words[first + 58] as number) : undefined
    ;(this as Writable).rcvBufBytes = undefined
    ;(this as Writable).bytesInFlight =
      length >= 216
        ? linuxBytesInFlight(
            (words[first + 50] as number) +
              (words[first + 51] as number) * 0x1_0000_0000,
            (words[first + 52] as number) +
              (words[first + 53] as number) * 0x1_0000_0000,
            (words[first + 30] as number) +
              (words[first + 31] as number) * 0x1_0000_0000,
          )
        : undefined
    ;(this as Writable).segmentsInFlight =
      length >= 28 ? (words[first + 6] as number) : undefined
    ;(this as Writable).notSentBytes =
      length >= 148 ? (words[first + 36] as number) : undefined
    ;(this as Writable).sendQueueBytes =
      length >= 216
        ? linuxSendQueueBytes(
            words[first + 36] as number,
            (words[first + 50] as number) +
              (words[first + 51] as number) * 0x1_0000_0000,
            (words[first + 52] as number) +
              (words[first + 53] as number) * 0x1_0000_0000,
            (words[first + 30] as number) +
              (words[first + 31] as number) * 0x1_0000_0000,
          )
        : undefined
    ;(this as Writable).bytesSent =
      length >= 208
        ? (words[first + 50] as number) +
          (words[first + 51] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).bytesReceived =
      length >= 136
        ? (words[first + 32] as number) +
          (words[first + 33] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).bytesAcked =
      length >= 128
        ? (words[first + 30] as number) +
          (words[first + 31] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).bytesRetransmitted =
      length >= 216
        ? (words[first + 52] as number) +
          (words[first + 53] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).bytesReordered = undefined
    ;(this as Writable).outOfOrderBytesIn = undefined
    ;(this as Writable).segmentsOut =
      length >= 140 ? (words[first + 34] as number) : undefined
    ;(this as Writable).segmentsIn =
      length >= 144 ? (words[first + 35] as number) : undefined
    ;(this as Writable).dataSegmentsOut =
      length >= 160 ? (words[first + 39] as number) : undefined
    ;(this as Writable).dataSegmentsIn =
      length >= 156 ? (words[first + 38] as number) : undefined
    ;(this as Writable).segmentsRetransmitted =
      length >= 104 ? (words[first + 25] as number) : undefined
    ;(this as Writable).fastRetransmits = undefined
    ;(this as Writable).synRetransmits = undefined
    ;(this as Writable).rtoCount =
      length >= 242 ? (words[first + 60] as number) & 0xffff : undefined
    ;(this as Writable).rtoEpisodes =
      length >= 244 ? (words[first + 60] as number) >>> 16 : undefined
    ;(this as Writable).consecutiveRtos =
      length >= 3 ? (bytes[at + 2] as number) : undefined
    ;(this as Writable).ptoEpisodes = undefined
    ;(this as Writable).dupAcksIn = undefined
    ;(this as Writable).outOfOrderPacketsIn =
      length >= 228 ? (words[first + 56] as number) : undefined
    ;(this as Writable).reorderingEvents =
      length >= 224 ? (words[first + 55] as number) : undefined
    ;(this as Writable).inLossRecovery =
      length >= 2
        ? linuxInLossRecovery(bytes[at + 1] as number, bytes[at + 0] as number)
        : undefined
    ;(this as Writable).segmentsDeliveredCe =
      length >= 200 ? (words[first + 49] as number) : undefined
    ;(this as Writable).eceAcksIn = undefined
    ;(this as Writable).busyUs =
      length >= 176
        ? (words[first + 42] as number) +
          (words[first + 43] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).rwndLimitedUs =
      length >= 184
        ? (words[first + 44] as number) +
          (words[first + 45] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).cwndLimitedUs = undefined
    ;(this as Writable).sndbufLimitedUs =
      length >= 192
        ? (words[first + 46] as number) +
          (words[first + 47] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).appLimitedUs = undefined
    ;(this as Writable).pacingRateBytesPerSec =
      length >= 112
        ? linuxPacingRateBytesPerSec(
            (words[first + 26] as number) +
              (words[first + 27] as number) * 0x1_0000_0000,
          )
        : undefined
    ;(this as Writable).maxPacingRateBytesPerSec =
      length >= 120
        ? linuxMaxPacingRateBytesPerSec(
            (words[first + 28] as number) +
              (words[first + 29] as number) * 0x1_0000_0000,
          )
        : undefined
    ;(this as Writable).deliveryRateBytesPerSec =
      length >= 168
        ? linuxDeliveryRateBytesPerSec(
            (words[first + 40] as number) +
              (words[first + 41] as number) * 0x1_0000_0000,
          )
        : undefined
    ;(this as Writable).deliveryRateAppLimited =
      length >= 168
        ? linuxDeliveryRateAppLimited(
            (bytes[at + 7] as number) & 1,
            (words[first + 40] as number) +
              (words[first + 41] as number) * 0x1_0000_0000,
          )
        : undefined
    ;(this as Writable).timestamps =
      length >= 72
        ? linuxTimestamps(
            bytes[at + 5] as number,
            bytes[at + 0] as number,
            words[first + 17] as number,
          )
        : undefined
    ;(this as Writable).sack =
      length >= 72
        ? linuxSack(
            bytes[at + 5] as number,
            bytes[at + 0] as number,
            words[first + 17] as number,
          )
        : undefined
    ;(this as Writable).windowScaling =
      length >= 72
        ? linuxWindowScaling(
            bytes[at + 5] as number,
            bytes[at + 0] as number,
            words[first + 17] as number,
          )
        : undefined
    ;(this as Writable).ecnNegotiated =
      length >= 72
        ? linuxEcnNegotiated(
            bytes[at + 5] as number,
            bytes[at + 0] as number,
            words[first + 17] as number,
          )
        : undefined
    ;(this as Writable).sndWscale =
      length >= 7
        ? linuxSndWscale(
            (bytes[at + 6] as number) & 15,
            bytes[at + 5] as number,
          )
        : undefined
    ;(this as Writable).rcvWscale =
      length >= 7
        ? linuxRcvWscale(
            ((bytes[at + 6] as number) >>> 4) & 15,
            bytes[at + 5] as number,
          )
        : undefined
    ;(this as Writable).dataSentAgoMs =
      length >= 160
        ? linuxDataSentAgoMs(
            words[first + 11] as number,
            words[first + 39] as number,
          )
        : undefined
    ;(this as Writable).dataReceivedAgoMs =
      length >= 156
        ? linuxDataReceivedAgoMs(
            words[first + 13] as number,
            words[first + 38] as number,
          )
        : undefined
    ;(this as Writable).ackReceivedAgoMs =
      length >= 144
        ? linuxAckReceivedAgoMs(
            words[first + 14] as number,
            words[first + 35] as number,
          )
        : undefined
    ;(this as Writable).connectionAgeMs = undefined
    ;(this as Writable).acceptQueue =
      filled >= 28
        ? linuxAcceptQueue(words[first + 6] as number, bytes[at + 0] as number)
        : undefined
    ;(this as Writable).backlog =
      filled >= 32
        ? linuxBacklog(words[first + 7] as number, bytes[at + 0] as number)
        : undefined
  }
}

const windowsState = formulaOf(windows, 'state')
const windowsRttUs = formulaOf(windows, 'rttUs')
const windowsMinRttUs = formulaOf(windows, 'minRttUs')
const windowsSendMssBytes = formulaOf(windows, 'sendMssBytes')
const windowsRwndLimitedUs = formulaOf(windows, 'rwndLimitedUs')
const windowsCwndLimitedUs = formulaOf(windows, 'cwndLimitedUs')
const windowsAppLimitedUs = formulaOf(windows, 'appLimitedUs')
const windowsTimestamps = formulaOf(windows, 'timestamps')
const windowsEcnNegotiated = formulaOf(windows, 'ecnNegotiated')

export class WindowsTcpInfo extends TcpInfo {
  static {
    Object.defineProperty(WindowsTcpInfo, 'name', { value: 'TcpInfo' })
  }

  constructor(
    parts: TcpInfoParts,
    bytes: Uint8Array,
    words: Uint32Array,
    at: number,
    filled: number,
  ) {
    super(parts)
    const first = at >> 2
    const length = filled
    ;(this as Writable).state =
      length >= 4 ? windowsState(words[first + 0] as number) : undefined
    ;(this as Writable).rttUs =
      length >= 24 ? windowsRttUs(words[first + 5] as number) : undefined
    ;(this as Writable).rttVarUs = undefined
    ;(this as Writable).minRttUs =
      length >= 28 ? windowsMinRttUs(words[first + 6] as number) : undefined
    ;(this as Writable).latestRttUs = undefined
    ;(this as Writable).rcvRttUs = undefined
    ;(this as Writable).rtoUs = undefined
    ;(this as Writable).sendMssBytes =
      length >= 8 ? windowsSendMssBytes(words[first + 1] as number) : undefined
    ;(this as Writable).pmtuBytes = undefined
    ;(this as Writable).cwndBytes =
      length >= 36 ? (words[first + 8] as number) : undefined
    ;(this as Writable).cwndSegments = undefined
    ;(this as Writable).ssthreshBytes = undefined
    ;(this as Writable).sndWndBytes =
      length >= 40 ? (words[first + 9] as number) : undefined
    ;(this as Writable).rcvWndBytes =
      length >= 44 ? (words[first + 10] as number) : undefined
    ;(this as Writable).rcvBufBytes =
      length >= 48 ? (words[first + 11] as number) : undefined
    ;(this as Writable).bytesInFlight =
      length >= 32 ? (words[first + 7] as number) : undefined
    ;(this as Writable).segmentsInFlight = undefined
    ;(this as Writable).notSentBytes = undefined
    ;(this as Writable).sendQueueBytes = undefined
    ;(this as Writable).bytesSent =
      length >= 56
        ? (words[first + 12] as number) +
          (words[first + 13] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).bytesReceived =
      length >= 64
        ? (words[first + 14] as number) +
          (words[first + 15] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).bytesAcked = undefined
    ;(this as Writable).bytesRetransmitted =
      length >= 72 ? (words[first + 17] as number) : undefined
    ;(this as Writable).bytesReordered =
      length >= 68 ? (words[first + 16] as number) : undefined
    ;(this as Writable).outOfOrderBytesIn = undefined
    ;(this as Writable).segmentsOut = undefined
    ;(this as Writable).segmentsIn = undefined
    ;(this as Writable).dataSegmentsOut = undefined
    ;(this as Writable).dataSegmentsIn = undefined
    ;(this as Writable).segmentsRetransmitted = undefined
    ;(this as Writable).fastRetransmits =
      length >= 76 ? (words[first + 18] as number) : undefined
    ;(this as Writable).synRetransmits =
      length >= 85 ? (bytes[at + 84] as number) : undefined
    ;(this as Writable).rtoCount = undefined
    ;(this as Writable).rtoEpisodes =
      length >= 84 ? (words[first + 20] as number) : undefined
    ;(this as Writable).consecutiveRtos = undefined
    ;(this as Writable).ptoEpisodes =
      length >= 152 ? (words[first + 37] as number) : undefined
    ;(this as Writable).dupAcksIn =
      length >= 80 ? (words[first + 19] as number) : undefined
    ;(this as Writable).outOfOrderPacketsIn =
      length >= 140 ? (words[first + 34] as number) : undefined
    ;(this as Writable).reorderingEvents = undefined
    ;(this as Writable).inLossRecovery = undefined
    ;(this as Writable).segmentsDeliveredCe = undefined
    ;(this as Writable).eceAcksIn =
      length >= 148 ? (words[first + 36] as number) : undefined
    ;(this as Writable).busyUs = undefined
    ;(this as Writable).rwndLimitedUs =
      length >= 96
        ? windowsRwndLimitedUs(words[first + 23] as number)
        : undefined
    ;(this as Writable).cwndLimitedUs =
      length >= 112
        ? windowsCwndLimitedUs(words[first + 27] as number)
        : undefined
    ;(this as Writable).sndbufLimitedUs = undefined
    ;(this as Writable).appLimitedUs =
      length >= 128
        ? windowsAppLimitedUs(words[first + 31] as number)
        : undefined
    ;(this as Writable).pacingRateBytesPerSec = undefined
    ;(this as Writable).maxPacingRateBytesPerSec = undefined
    ;(this as Writable).deliveryRateBytesPerSec = undefined
    ;(this as Writable).deliveryRateAppLimited = undefined
    ;(this as Writable).timestamps =
      length >= 17 ? windowsTimestamps(bytes[at + 16] as number) : undefined
    ;(this as Writable).sack = undefined
    ;(this as Writable).windowScaling = undefined
    ;(this as Writable).ecnNegotiated =
      length >= 141
        ? windowsEcnNegotiated(bytes[at + 140] as number)
        : undefined
    ;(this as Writable).sndWscale = undefined
    ;(this as Writable).rcvWscale = undefined
    ;(this as Writable).dataSentAgoMs = undefined
    ;(this as Writable).dataReceivedAgoMs = undefined
    ;(this as Writable).ackReceivedAgoMs = undefined
    ;(this as Writable).connectionAgeMs =
      length >= 16
        ? (words[first + 2] as number) +
          (words[first + 3] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).acceptQueue = undefined
    ;(this as Writable).backlog = undefined
  }
}

const darwinState = formulaOf(darwin, 'state')
const darwinRttUs = formulaOf(darwin, 'rttUs')
const darwinRttVarUs = formulaOf(darwin, 'rttVarUs')
const darwinLatestRttUs = formulaOf(darwin, 'latestRttUs')
const darwinRtoUs = formulaOf(darwin, 'rtoUs')
const darwinSendMssBytes = formulaOf(darwin, 'sendMssBytes')
const darwinSsthreshBytes = formulaOf(darwin, 'ssthreshBytes')
const darwinInLossRecovery = formulaOf(darwin, 'inLossRecovery')
const darwinTimestamps = formulaOf(darwin, 'timestamps')
const darwinSack = formulaOf(darwin, 'sack')
const darwinWindowScaling = formulaOf(darwin, 'windowScaling')
const darwinEcnNegotiated = formulaOf(darwin, 'ecnNegotiated')
const darwinSndWscale = formulaOf(darwin, 'sndWscale')
const darwinRcvWscale = formulaOf(darwin, 'rcvWscale')

export class DarwinTcpInfo extends TcpInfo {
  static {
    Object.defineProperty(DarwinTcpInfo, 'name', { value: 'TcpInfo' })
  }

  constructor(
    parts: TcpInfoParts,
    bytes: Uint8Array,
    words: Uint32Array,
    at: number,
    filled: number,
  ) {
    super(parts)
    const first = at >> 2
    const length = filled
    ;(this as Writable).state =
      length >= 1 ? darwinState(bytes[at + 0] as number) : undefined
    ;(this as Writable).rttUs =
      length >= 48 ? darwinRttUs(words[first + 11] as number) : undefined
    ;(this as Writable).rttVarUs =
      length >= 52
        ? darwinRttVarUs(
            words[first + 12] as number,
            words[first + 11] as number,
          )
        : undefined
    ;(this as Writable).minRttUs = undefined
    ;(this as Writable).latestRttUs =
      length >= 44 ? darwinLatestRttUs(words[first + 10] as number) : undefined
    ;(this as Writable).rcvRttUs = undefined
    ;(this as Writable).rtoUs =
      length >= 16 ? darwinRtoUs(words[first + 3] as number) : undefined
    ;(this as Writable).sendMssBytes =
      length >= 20 ? darwinSendMssBytes(words[first + 4] as number) : undefined
    ;(this as Writable).pmtuBytes = undefined
    ;(this as Writable).cwndBytes =
      length >= 28 ? (words[first + 6] as number) : undefined
    ;(this as Writable).cwndSegments = undefined
    ;(this as Writable).ssthreshBytes =
      length >= 24 ? darwinSsthreshBytes(words[first + 5] as number) : undefined
    ;(this as Writable).sndWndBytes =
      length >= 32 ? (words[first + 7] as number) : undefined
    ;(this as Writable).rcvWndBytes =
      length >= 40 ? (words[first + 9] as number) : undefined
    ;(this as Writable).rcvBufBytes = undefined
    ;(this as Writable).bytesInFlight = undefined
    ;(this as Writable).segmentsInFlight = undefined
    ;(this as Writable).notSentBytes = undefined
    ;(this as Writable).sendQueueBytes =
      length >= 36 ? (words[first + 8] as number) : undefined
    ;(this as Writable).bytesSent =
      length >= 72
        ? (words[first + 16] as number) +
          (words[first + 17] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).bytesReceived =
      length >= 96
        ? (words[first + 22] as number) +
          (words[first + 23] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).bytesAcked = undefined
    ;(this as Writable).bytesRetransmitted =
      length >= 80
        ? (words[first + 18] as number) +
          (words[first + 19] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).bytesReordered = undefined
    ;(this as Writable).outOfOrderBytesIn =
      length >= 104
        ? (words[first + 24] as number) +
          (words[first + 25] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).segmentsOut = undefined
    ;(this as Writable).segmentsIn = undefined
    ;(this as Writable).dataSegmentsOut =
      length >= 64
        ? (words[first + 14] as number) +
          (words[first + 15] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).dataSegmentsIn =
      length >= 88
        ? (words[first + 20] as number) +
          (words[first + 21] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).segmentsRetransmitted =
      length >= 112
        ? (words[first + 26] as number) +
          (words[first + 27] as number) * 0x1_0000_0000
        : undefined
    ;(this as Writable).fastRetransmits = undefined
    ;(this as Writable).synRetransmits = undefined
    ;(this as Writable).rtoCount = undefined
    ;(this as Writable).rtoEpisodes = undefined
    ;(this as Writable).consecutiveRtos = undefined
    ;(this as Writable).ptoEpisodes = undefined
    ;(this as Writable).dupAcksIn = undefined
    ;(this as Writable).outOfOrderPacketsIn = undefined
    ;(this as Writable).reorderingEvents = undefined
    ;(this as Writable).inLossRecovery =
      length >= 12
        ? darwinInLossRecovery(words[first + 2] as number)
        : undefined
    ;(this as Writable).segmentsDeliveredCe = undefined
    ;(this as Writable).eceAcksIn = undefined
    ;(this as Writable).busyUs = undefined
    ;(this as Writable).rwndLimitedUs = undefined
    ;(this as Writable).cwndLimitedUs = undefined
    ;(this as Writable).sndbufLimitedUs = undefined
    ;(this as Writable).appLimitedUs = undefined
    ;(this as Writable).pacingRateBytesPerSec = undefined
    ;(this as Writable).maxPacingRateBytesPerSec = undefined
    ;(this as Writable).deliveryRateBytesPerSec = undefined
    ;(this as Writable).deliveryRateAppLimited = undefined
    ;(this as Writable).timestamps =
      length >= 8
        ? darwinTimestamps(words[first + 1] as number, bytes[at + 0] as number)
        : undefined
    ;(this as Writable).sack =
      length >= 8
        ? darwinSack(words[first + 1] as number, bytes[at + 0] as number)
        : undefined
    ;(this as Writable).windowScaling =
      length >= 8
        ? darwinWindowScaling(
            words[first + 1] as number,
            bytes[at + 0] as number,
          )
        : undefined
    ;(this as Writable).ecnNegotiated =
      length >= 8
        ? darwinEcnNegotiated(
            words[first + 1] as number,
            bytes[at + 0] as number,
          )
        : undefined
    ;(this as Writable).sndWscale =
      length >= 8
        ? darwinSndWscale(bytes[at + 1] as number, words[first + 1] as number)
        : undefined
    ;(this as Writable).rcvWscale =
      length >= 8
        ? darwinRcvWscale(bytes[at + 2] as number, words[first + 1] as number)
        : undefined
    ;(this as Writable).dataSentAgoMs = undefined
    ;(this as Writable).dataReceivedAgoMs = undefined
    ;(this as Writable).ackReceivedAgoMs = undefined
    ;(this as Writable).connectionAgeMs = undefined
    ;(this as Writable).acceptQueue = undefined
    ;(this as Writable).backlog = undefined
  }
}
