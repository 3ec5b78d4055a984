/** What can be wrong with a record, and with the process after reading one. */

import { TcpInfoError, type TcpInfoErrorCode } from '../../lib/errors.js'
import type { TcpInfo } from '../../lib/tcp-info.js'

/** These can be below 0: a system clock can be set before the epoch. */
const TIMES = ['capturedAt', 'firstSeen', 'lastSeen']

const isSound = (name: string | undefined, value: number): boolean =>
  Number.isFinite(value) && (value >= 0 || TIMES.includes(name as string))

/** What is wrong with a record as the library makes it, if anything. */
export function faultsOf(record: TcpInfo): string[] {
  const faults: string[] = []
  const entries = Object.entries(record)
  for (const [name, value] of entries) {
    if (typeof value === 'number' && !isSound(name, value)) {
      faults.push(`${name} is ${value}`)
    }
    if (
      value === null ||
      typeof value === 'bigint' ||
      typeof value === 'object'
    ) {
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
    // (JSON has no -0.)
    if (parsed[name] !== value) faults.push(`JSON: ${name} differs`)
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

/** The numbers in plain data that are none, or below 0, each with its place. */
export function oddNumbersIn(value: unknown, place = ''): string[] {
  if (typeof value === 'number') {
    const name = place.split('.').at(-1)
    return isSound(name, value) ? [] : [`${place} is ${value}`]
  }
  if (typeof value === 'bigint' || typeof value === 'symbol') {
    return [`${place} is a ${typeof value}`]
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) =>
    oddNumbersIn(each, `${place}.${name}`),
  )
}

/** Whether what was thrown is an error that the documentation names. */
export function isOurs(error: unknown, ...codes: TcpInfoErrorCode[]): boolean {
  return (
    error instanceof TcpInfoError &&
    codes.includes(error.code) &&
    error.message.length > 10 &&
    error.message.length < 1000
  )
}

/** Whether nobody has written where all objects look. */
export function arePrototypesClean(): boolean {
  for (const name in {}) return name === ''
  for (const name in []) return name === ''
  return Object.getOwnPropertyNames(Object.prototype).length === OWN
}

const OWN = Object.getOwnPropertyNames(Object.prototype).length
