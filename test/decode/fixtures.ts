/**
 * The recorded facts, and reading and writing of structs by them alone: nothing
 * here may come from the tables under test.
 */

import { readFileSync } from 'node:fs'

export interface Member {
  readonly name: string
  readonly offset: number
  readonly size: 1 | 2 | 4 | 8
  readonly bit?: readonly [lowest: number, width: number]
  readonly since: string
  readonly minLength?: number
}

interface Sizes {
  readonly sizes: Readonly<Record<string, number>>
  readonly members: readonly Member[]
}

interface Layouts {
  readonly linux: Sizes & {
    readonly tails: { readonly '6.18': Member[]; readonly '7.0': Member[] }
  }
  readonly darwin: Sizes
  readonly win32: Sizes
}

export interface RecordedSample {
  readonly case: string
  readonly length: number
  readonly hex: string
  readonly expect: Readonly<Record<string, number | string>>
}

export interface ArchivedSample {
  readonly file: string
  readonly record: number
  readonly length: number
  readonly state: number
  readonly hex: string
}

function fixture<T>(name: string): T {
  const url = new URL(`../fixtures/${name}`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')) as T
}

export const layouts = fixture<Layouts>('layouts.json')

export const recordedSamples = fixture<{ samples: RecordedSample[] }>(
  'linux-6.18.json',
).samples

export const archivedSamples = fixture<{ samples: ArchivedSample[] }>(
  'linux-mlab.json',
).samples

export const PLATFORMS = ['linux', 'android', 'darwin', 'win32'] as const

export type Platform = (typeof PLATFORMS)[number]

/** Bytes 276 to 279 of Linux under a release that does not tell their layout. */
export const UNREADABLE_TAIL: Member = {
  name: 'tcpi_accecn_word',
  offset: 276,
  size: 4,
  since: '6.18',
}

/** The members whose place does not depend on the release, in struct order. */
export function membersOf(platform: Platform): readonly Member[] {
  return layouts[platform === 'android' ? 'linux' : platform].members.filter(
    ({ name }) => !name.startsWith('__pad'),
  )
}

/** All members as a kernel of this release has them. */
export function membersUnder(
  platform: Platform,
  release: string | undefined,
): readonly Member[] {
  if (platform === 'darwin' || platform === 'win32') return membersOf(platform)
  const { tails } = layouts.linux
  if (release?.startsWith('6.18')) {
    return [...membersOf(platform), ...tails['6.18']]
  }
  if (release?.startsWith('7.')) {
    return [...membersOf(platform), ...tails['7.0']]
  }
  return [...membersOf(platform), UNREADABLE_TAIL]
}

export function memberOf(platform: Platform, name: string): Member {
  const member = membersOf(platform).find((one) => one.name === name)
  if (!member) throw new Error(`${platform} has no member ${name}`)
  return member
}

export function isWholeIn(member: Member, length: number): boolean {
  return (
    member.offset + member.size <= length && length >= (member.minLength ?? 0)
  )
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function readInteger(bytes: Uint8Array, { offset, size }: Member): bigint {
  const view = viewOf(bytes)
  switch (size) {
    case 1:
      return BigInt(view.getUint8(offset))
    case 2:
      return BigInt(view.getUint16(offset, true))
    case 4:
      return BigInt(view.getUint32(offset, true))
    case 8:
      return view.getBigUint64(offset, true)
  }
}

/** A member's value; 64-bit ones as `bigint`, like `raw`. */
export function read(bytes: Uint8Array, member: Member): number | bigint {
  const integer = readInteger(bytes, member)
  if (member.size === 8) return integer
  if (!member.bit) return Number(integer)
  const [lowest, width] = member.bit
  return Number(BigInt.asUintN(width, integer >> BigInt(lowest)))
}

function write(
  bytes: Uint8Array,
  member: Member,
  value: number | bigint,
): void {
  const view = viewOf(bytes)
  let integer = BigInt(value)
  const width = member.bit ? member.bit[1] : member.size * 8
  if (integer !== BigInt.asUintN(width, integer)) {
    throw new RangeError(`${member.name} can't hold ${value}`)
  }
  if (member.bit) {
    const lowest = BigInt(member.bit[0])
    const mask = (2n ** BigInt(width) - 1n) << lowest
    integer = (readInteger(bytes, member) & ~mask) | (integer << lowest)
  }
  if (member.size === 8) view.setBigUint64(member.offset, integer, true)
  else if (member.size === 4) {
    view.setUint32(member.offset, Number(integer), true)
  } else if (member.size === 2) {
    view.setUint16(member.offset, Number(integer), true)
  } else view.setUint8(member.offset, Number(integer))
}

export type Values = Readonly<Record<string, number | bigint>>

/** For the names of tests. */
export function textOf(values: Values): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

/** A struct with these members set and all else 0. */
export function construct(
  platform: Platform,
  length: number,
  values: Values,
): Uint8Array {
  const bytes = new Uint8Array(length)
  for (const [name, value] of Object.entries(values)) {
    const member = memberOf(platform, name)
    if (isWholeIn(member, length)) write(bytes, member, value)
  }
  return bytes
}

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
