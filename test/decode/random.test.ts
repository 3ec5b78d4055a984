import { describe, expect, test } from 'vitest'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { recordOf } from '../support/record.js'

const STRUCTS = 20_000
const SEED = 0x7c9_1f0
const MOST = 512

/** Mulberry32: small, and the same numbers everywhere. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Often 0 or all ones, in runs: where the sentinels are. */
function randomStruct(next: (below: number) => number): Uint8Array {
  const bytes = new Uint8Array(next(MOST + 1))
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + next(16))
    const kind = next(4)
    for (; at < end; at++) {
      bytes[at] = kind === 0 ? 0 : kind === 1 ? 0xff : next(256)
    }
  }
  // A random byte is a state one time in twenty.
  if (bytes.length > 0 && next(4) > 0) bytes[0] = next(14)
  if (next(2) > 0) bytes.fill(0, 1, 4)
  return bytes
}

/** What is wrong with a record, if anything. */
function faultsOf(record: TcpInfo): string[] {
  const faults: string[] = []
  const entries = Object.entries(record)
  for (const [name, value] of entries) {
    if (typeof value === 'number' && !(Number.isFinite(value) && value >= 0)) {
      faults.push(`${name} is ${value}`)
    }
    if (value === null || typeof value === 'bigint') {
      faults.push(`${name} is ${typeof value}`)
    }
  }
  const clone = Object.entries(structuredClone(record))
  if (
    clone.length !== entries.length ||
    clone.some(
      ([name, value], index) =>
        name !== entries[index]?.[0] || !Object.is(value, entries[index]?.[1]),
    )
  ) {
    faults.push('a clone differs')
  }
  const parsed = JSON.parse(JSON.stringify(record)) as Record<string, unknown>
  for (const [name, value] of entries) {
    if (!Object.is(parsed[name], value)) faults.push(`JSON: ${name} differs`)
  }
  for (const [name, value] of Object.entries(record.raw)) {
    if (
      typeof value !== 'bigint' &&
      !(Number.isInteger(value) && value >= 0 && value < 2 ** 32)
    ) {
      faults.push(`raw.${name} is ${value}`)
    }
  }
  return faults
}

describe.each(['linux', 'darwin', 'win32'])('%s', (platform) => {
  test(`${STRUCTS} random structs, seed ${SEED}, make sound records`, () => {
    const next = generator(SEED)
    const releases = [undefined, '6.18.44', '7.0.1']
    const faults: string[] = []
    for (let run = 0; run < STRUCTS && faults.length < 20; run++) {
      const bytes = randomStruct(next)
      const release = releases[next(releases.length)]
      const where = `struct ${run}, ${bytes.length} bytes`
      try {
        const record = recordOf(platform, bytes, release ? { release } : {})
        for (const fault of faultsOf(record)) faults.push(`${where}: ${fault}`)
      } catch (error) {
        faults.push(`${where}: ${error}`)
      }
    }
    expect(faults).toEqual([])
  })
})
