import { describe, expect, test } from 'vitest'
import { retransmitRatioOf, wasEstablished } from '../lib/derived.js'
import type { TcpInfo } from '../lib/tcp-info.js'

describe('whether it was a connection', () => {
  test.each([
    ['of macOS', { state: 'ESTABLISHED', bytesSent: 5000 }, true],
    ['under way', { state: 'SYN_SENT', sendMssBytes: 536 }, false],
    ['that listens', { state: 'LISTEN' }, false],
    ['refused', { state: 'CLOSED', bytesAcked: 0 }, false],
    ['reset', { state: 'CLOSED', rttUs: 5520 }, true],
    ['closed on macOS', { state: 'CLOSED', connectDurationMs: 3 }, true],
    ['of no known state', {}, false],
    ['of no known state, with data', { bytesReceived: 1 }, true],
  ] as const)('one %s', (_, members, isOne) => {
    expect(wasEstablished(members as unknown as TcpInfo)).toBe(isOne)
  })
})

describe('the retransmit ratio', () => {
  test.each([
    ['of bytes', { bytesSent: 200, bytesRetransmitted: 3 }, 0.015],
    [
      'of bytes, though segments are known',
      {
        ...{ bytesSent: 200, bytesRetransmitted: 0 },
        ...{ dataSegmentsOut: 1, segmentsRetransmitted: 3 },
      },
      0,
    ],
    ['of segments', { dataSegmentsOut: 100, segmentsRetransmitted: 5 }, 0.05],
    ['with SYNs', { dataSegmentsOut: 1, segmentsRetransmitted: 3 }, 1],
    [
      'without data',
      { dataSegmentsOut: 0, segmentsRetransmitted: 3 },
      undefined,
    ],
    ['without bytes', { bytesSent: 0, bytesRetransmitted: 0 }, undefined],
    ['of nothing', {}, undefined],
  ] as const)('%s', (_, counters, ratio) => {
    expect(retransmitRatioOf(counters)).toBe(ratio)
  })
})
