/** What the counters of a connection did between two of its records. */

import { inRange } from './checks.js'
import { elapsedMs } from './clock.js'
import { COUNTERS } from './counters.js'
import type { Layout } from './decode/fields.js'
import { structOf } from './decode/index.js'
import { NOT_A_RECORD, TcpInfoError } from './errors.js'
import { recordIn, type TcpInfo } from './tcp-info.js'

/**
 * The name of a counter: a member of the record that only grows during a connection.
 * Those of a {@link TcpInfo} are marked so in docs/fields.md.
 */
export type TcpInfoCounter = (typeof COUNTERS)[number]

type PerCounter = { readonly [K in TcpInfoCounter]: number | undefined }

/** What happened between two records of one connection. Plain data. */
export interface TcpInfoDelta {
  /** How much time lies between the two records. @unit ms */
  readonly durationMs: number | undefined
  /**
   * By how much each counter grew, in the counter's own unit; `undefined` where
   * one of the records has no value, never below 0.
   */
  readonly counters: PerCounter
  /** The same for each second; `undefined` also where no time passed. */
  readonly perSecond: PerCounter
}

/**
 * The difference of two records of one connection. Without an earlier one, since
 * the connection began: then there is a duration only where the kernel tells the
 * connection's age. Counters that the kernel keeps in 32 or 16 bits may wrap once
 * between the two; one that is lower than before for no such reason was started
 * anew, by another connection, and has no difference. Nor has any counter where the
 * ports are those of another connection.
 *
 * @param measuredMs the time between them, where a better clock than that of
 *   `capturedAt` has measured it
 * @throws {TcpInfoError} `ERR_TCP_INFO_ARGUMENT` for anything but records, and for a
 *   time that is none
 */
export function deltaBetween(
  before: TcpInfo | undefined,
  after: TcpInfo,
  measuredMs?: number,
): TcpInfoDelta {
  const newer = recordIn(after)
  const older = before === undefined ? undefined : recordIn(before)
  if (!newer || (before !== undefined && !older))
    throw new TcpInfoError(NOT_A_RECORD)
  const limits = limitsOf(newer.platform)
  const durationMs =
    measuredMs === undefined
      ? durationOf(older, newer)
      : inRange('measuredMs', measuredMs, 0, Number.MAX_VALUE, 'argument')
  const counters = { ...NONE }
  const perSecond = { ...NONE }
  if (older && areOfTwo(older, newer))
    return { durationMs, counters, perSecond }
  const factor = 1000 / (durationMs ?? Number.NaN)
  for (const name of COUNTERS) {
    const grown = growth(older ? older[name] : 0, newer[name], limits[name])
    if (grown === undefined) continue
    counters[name] = grown
    const rate = grown * factor
    if (Number.isFinite(rate)) perSecond[name] = rate
  }
  return { durationMs, counters, perSecond }
}

/** By their ports. */
export function areOfTwo(before: TcpInfo, after: TcpInfo): boolean {
  return (
    differ(before.localPort, after.localPort) ||
    differ(before.remotePort, after.remotePort)
  )
}

/** (The port of a socket that is yet to connect is 0.) */
function differ(before = 0, after = 0): boolean {
  return before !== 0 && after !== 0 && before !== after
}

/** One shape for all, which is several times cheaper than to add the members. */
const NONE = Object.fromEntries(COUNTERS.map((name) => [name, undefined])) as {
  -readonly [K in TcpInfoCounter]: number | undefined
}

function durationOf(
  before: TcpInfo | undefined,
  after: TcpInfo,
): number | undefined {
  if (!before) return after.connectionAgeMs
  return elapsedMs(before.capturedAt, after.capturedAt)
}

/**
 * By how much a counter grew that starts again from 0 at `limit`, if it ever does;
 * `undefined` where that can't be told.
 */
export function growth(
  before: number | undefined,
  after: number | undefined,
  limit: number | undefined,
): number | undefined {
  if (before === undefined || after === undefined) return undefined
  if (after >= before) return after - before
  // Half the range in one interval is not a wrap but another connection.
  const wrapped = limit === undefined ? -1 : after - before + limit
  return wrapped >= 0 && wrapped < (limit as number) / 2 ? wrapped : undefined
}

type Limits = { readonly [K in TcpInfoCounter]?: number }

// Without a prototype, which somebody may have polluted.
const NO_LIMITS: Limits = Object.create(null)

const limitsByPlatform = new Map<string, Limits>()

/** Where each counter starts again from 0; those of 64 bits never do. */
export function limitsOf(platform: string): Limits {
  let limits = limitsByPlatform.get(platform)
  if (!limits) {
    const layout = structOf(platform)?.layout
    if (!layout) return NO_LIMITS
    limits = limitsIn(layout)
    limitsByPlatform.set(platform, limits)
  }
  return limits
}

const BITS = { u8: 8, u16: 16, u32: 32 }

function limitsIn({ native, rules }: Layout): Limits {
  const limits: Partial<Record<TcpInfoCounter, number>> = Object.create(null)
  const ruleOf = new Map(Object.entries(rules))
  for (const name of COUNTERS) {
    const rule = ruleOf.get(name)
    const type = native.find((each) => each.name === rule?.of[0])?.type
    if (rule && type && type !== 'u64') {
      limits[name] = 2 ** BITS[type] * (rule.times ?? 1)
    }
  }
  return limits
}
