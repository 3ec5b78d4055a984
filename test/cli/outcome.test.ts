/** What the other systems' records look like, which no test here can make. */

import { expect, test } from 'vitest'
import {
  failureText,
  jsonOf,
  stringify,
  textOf,
} from '../../lib/cli/outcome.js'
import type { Outcome } from '../../lib/cli/transfer.js'
import type { TcpInfo } from '../../lib/index.js'

const endpoints = {
  localAddress: '10.0.0.2',
  localPort: 50_000,
  remoteAddress: '2001:db8::1',
  remotePort: 443,
}

function outcome(info: Partial<TcpInfo> | undefined): Outcome {
  return {
    target: 'example.com:443',
    peer: '[2001:db8::1]:443',
    isNamed: true,
    isTls: false,
    isBeforeTls: false,
    status: undefined,
    connectMs: 12.345678,
    ageMs: 2345.678901,
    bytesRead: 3,
    bytesWritten: 4,
    info: info as TcpInfo | undefined,
    failure: undefined,
  }
}

test('Windows', () => {
  const text = textOf(
    outcome({
      ...endpoints,
      platform: 'win32',
      source: 'SIO_TCP_INFO v1',
      state: 'ESTABLISHED',
      connectionAgeMs: 61_000,
      rttUs: 12_345,
      minRttUs: 900,
      sendMssBytes: 1460,
      cwndBytes: 65_000,
      sndWndBytes: 1_048_576,
      rcvWndBytes: 262_144,
      bytesSent: 1023,
      bytesReceived: 5_000_000_000,
      bytesRetransmitted: 2920,
      fastRetransmits: 1,
      synRetransmits: 1,
      rtoEpisodes: 2,
      timestamps: false,
      ecnNegotiated: false,
      appBytesRead: 5_000_000_000,
      appBytesWritten: 1024,
    }),
  )
  expect(text).toBe(`\
10.0.0.2:50000 -> [2001:db8::1]:443 (SIO_TCP_INFO v1, win32)

Connection       state             ESTABLISHED
                 time to connect   12.3 ms (with the name lookup)
                 age               61 s (by the kernel's clock)
Bytes            kernel received   5,000,000,000 (4.7 GiB)
                 program read      5,000,000,000 (4.7 GiB)
                 kernel sent       1,023
                 program wrote     1,024 (1.0 KiB)
Retransmissions  SYN segments      1
                 bytes             2,920 (2.9 KiB)
                 fast retransmits  1
                 timeout episodes  2
Round trip       smoothed          12.3 ms
                 smallest          0.9 ms
Windows          congestion        63.5 KiB
                 the peer's        1.0 MiB
                 ours              256.0 KiB
Path             segment size      1,460 bytes
                 options           none
`)
})

test('macOS, on a connection too fast for its clock', () => {
  const text = textOf(
    outcome({
      ...endpoints,
      platform: 'darwin',
      source: 'TCP_CONNECTION_INFO',
      state: 'ESTABLISHED',
      sendMssBytes: 1440,
      cwndBytes: 14_400,
      sndWndBytes: 65_535,
      rcvWndBytes: 131_072,
      bytesSent: 4,
      bytesReceived: 3,
      bytesRetransmitted: 0,
      segmentsRetransmitted: 0,
      dataSegmentsOut: 1,
      dataSegmentsIn: 2,
      timestamps: true,
      sack: true,
      windowScaling: true,
      ecnNegotiated: true,
      appBytesRead: 3,
      appBytesWritten: 4,
      connectDurationMs: 0.123456,
    }),
  )
  expect(text).toBe(`\
10.0.0.2:50000 -> [2001:db8::1]:443 (TCP_CONNECTION_INFO, darwin)

Connection       state             ESTABLISHED
                 time to connect   0.123 ms (with the name lookup)
                 age               2.35 s (by the clock of this command)
Bytes            kernel received   3
                 program read      3
                 kernel sent       4
                 program wrote     4
Segments         received          2 with data
                 sent              1 with data
Retransmissions  segments          0
                 bytes             0
Round trip       smoothed          -
Windows          congestion        14.1 KiB
                 the peer's        64.0 KiB
                 ours              128.0 KiB
Path             segment size      1,440 bytes
                 options           timestamps, SACK, window scaling, ECN
`)
})

test('JSON: what is absent is left out, 64-bit numbers are strings', () => {
  const info: Partial<TcpInfo> = Object.assign(
    Object.create({ raw: { small: 1, wide: 2n } }),
    { state: 'ESTABLISHED', rttUs: undefined },
  )
  expect(stringify(jsonOf(outcome(info)))).toBe(
    '{"target":"example.com:443","ageMs":2345.679,' +
      '"tcpInfo":{"state":"ESTABLISHED"},"raw":{"small":1,"wide":"2"}}\n',
  )
})

test('a server cannot write control characters to the terminal', () => {
  const failure = { exit: 6, code: 'X', message: 'bad \u001b[2J\r\nname' }
  expect(failureText('a:1', failure)).toBe('tcpinfo: a:1: bad  [2J name\n')
})
