/** Connections for reports: recorded ones, and constructed ones of other systems. */

import { readFileSync } from 'node:fs'
import { fromJsonLine } from '../../lib/lines.js'
import type { ReportConnection } from '../../lib/report/html.js'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { explain } from '../../lib/verdict/index.js'
import { construct, type Platform, type Values } from '../decode/fixtures.js'
import { recordOf } from '../support/record.js'

export const START = Date.UTC(2026, 0, 2, 3, 4, 5)

/** Recorded by test/support/record-transfer.mjs on Linux 6.18: as `tcpinfo` does it. */
export function recorded(): ReportConnection[] {
  const url = new URL('../fixtures/lossy-transfer.jsonl', import.meta.url)
  const records = new Map<string, TcpInfo[]>()
  for (const line of readFileSync(url, 'utf8').trimEnd().split('\n')) {
    const { connection, info } = fromJsonLine(line)
    records.set(connection, [...(records.get(connection) ?? []), info])
  }
  return [...records].map(([id, infos]) => ({
    id,
    records: infos,
    verdict: explain(infos),
  }))
}

type Row = Values & { readonly atMs: number }

function constructed(
  platform: Platform,
  length: number,
  rows: readonly Row[],
): TcpInfo[] {
  return rows.map(({ atMs, ...values }) => ({
    ...recordOf(platform, construct(platform, length, values)),
    raw: {},
    capturedAt: START + Number(atMs),
    remoteAddress: '2001:db8::7',
    remotePort: 443,
  }))
}

const seconds = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => index)

/** An hour old; loses once, and the counter of retransmitted bytes wraps. */
export function ofWindows(): ReportConnection {
  const rows = seconds(12).map((second) => ({
    atMs: second * 1000,
    State: 4,
    Mss: 1460,
    ConnectionTimeMs: 3_600_000 + second * 1000,
    RttUs: 30_000 + second * 100,
    MinRttUs: 29_000,
    BytesInFlight: 14_600,
    Cwnd: 65_000 + second * 1460,
    SndWnd: 131_072,
    BytesOut: BigInt(2 ** 37) + BigInt(second * 500_000),
    BytesIn: second * 2000,
    BytesRetrans: second < 6 ? 2 ** 32 - 1000 : 1920,
    TimeoutEpisodes: second < 6 ? 0 : 1,
  }))
  return {
    id: 'windows',
    records: constructed('win32', 88, rows),
    verdict: undefined,
  }
}

export function ofMacos(): ReportConnection {
  const rows = seconds(12).map((second) => ({
    atMs: second * 1000,
    tcpi_state: 4,
    tcpi_flags: second === 4 ? 1 : 0,
    tcpi_maxseg: 1448,
    tcpi_srtt: 25,
    tcpi_snd_cwnd: 14_480,
    tcpi_snd_wnd: 131_072,
    tcpi_txpackets: 10 + second * 100,
    tcpi_txbytes: 14_480 + second * 144_800,
    tcpi_rxbytes: second * 1000,
    tcpi_txretransmitpackets: second < 4 ? 1 : 8,
  }))
  return {
    id: 'macos',
    records: constructed('darwin', 112, rows),
    verdict: undefined,
  }
}

/** Refused: its SYN went out anew six times, and nothing else. */
export function refused(): ReportConnection {
  const rows = [{ atMs: 0, tcpi_state: 2, tcpi_total_retrans: 6 }]
  return {
    id: 'refused',
    records: constructed('linux', 232, rows),
    verdict: undefined,
  }
}

/** Nine tenths of what it sent were sent again. */
export function veryLossy(): ReportConnection {
  const rows = [0, 10].map((sent) => ({
    atMs: sent * 100,
    tcpi_state: 1,
    tcpi_bytes_sent: BigInt(sent * 1000),
    tcpi_bytes_retrans: BigInt(sent * 900),
    tcpi_data_segs_out: sent,
    tcpi_total_retrans: sent * 0.9,
  }))
  return {
    id: 'very lossy',
    records: constructed('linux', 232, rows),
    verdict: undefined,
  }
}
