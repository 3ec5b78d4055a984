/**
 * The clocks, pinned: a program may replace them, in its tests say, by some that
 * stand still, jump or give no number. A duration out of two clocks is none.
 */

import { performance } from 'node:perf_hooks'

/** As performance.now(), which nobody sets. @unit ms */
export const monotonicMs = performance.now.bind(performance)

/**
 * The system's clock, which can be set. (A read has it from the addon: at a third of
 * the cost.) @unit ms since the epoch
 */
export const { now: wallClockMs } = Date

/**
 * From one time to another by {@link monotonicMs}; nothing where that is none, by a
 * clock that was replaced before this package was loaded. @unit ms
 */
export function durationMs(from: number, to: number): number | undefined {
  const duration = to - from
  return duration >= 0 && duration < Infinity ? duration : undefined
}

/** From one time to another by the system's clock, which can be set back. @unit ms */
export function elapsedMs(from: number, to: number): number {
  return Math.max(0, to - from)
}
