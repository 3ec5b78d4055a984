// Prints how many bytes a row of a summary takes, all its histograms included.

import { TcpInfoSummary } from '../../lib/summary.ts'

const ROWS = 1000

function resident() {
  for (let i = 0; i < 4; i += 1) globalThis.gc()
  return process.memoryUsage.rss()
}

function fill() {
  const summary = new TcpInfoSummary({ maxKeys: ROWS })
  for (let row = 0; row < ROWS; row += 1) {
    for (let power = 0; power < 28; power += 1) {
      const value = 2 ** power
      summary.add({
        trigger: 'close',
        platform: process.platform,
        capturedAt: 1,
        remoteAddress: `host ${row}`,
        rttUs: value,
        connectDurationMs: value / 1000,
        deliveryRateBytesPerSec: value * 1000,
        deliveryRateAppLimited: false,
      })
    }
  }
  return summary
}

const kept = [fill()]
const before = resident()
kept.push(fill())
process.stdout.write(String((resident() - before) / ROWS))
