/**
 * What a table is made of. Which member lies where, and what becomes of it,
 * stands in linux.ts, windows.ts and darwin.ts; records.ts is the decoder that
 * scripts/generate.ts makes of them. The number of bytes that the kernel filled
 * decides which members exist: zero padding can't pass for data.
 */

import type { Addresses } from '../endpoints.js'
import type { Reading, TcpInfo } from '../tcp-info.js'
import type { StateNumbering, TcpState } from '../tcp-state.js'

/** The most that is asked of a kernel: kMaxInfoSize in native/tcp_info.h. */
export const MAX_INFO_BYTES = 512

/** One member of a kernel's struct. Every supported target is little-endian. */
export interface NativeField {
  readonly name: string
  readonly offset: number
  readonly type: 'u8' | 'u16' | 'u32' | 'u64'
  /** For a bit field: lowest bit and width inside the integer at `offset`. */
  readonly bits?: readonly [lowest: number, width: number]
  /** The OS release, or struct version, in which the member appeared. */
  readonly since: string
  /**
   * The shortest struct that holds the member, where its own end does not tell:
   * it took over what had been padding.
   */
  readonly minLength?: number
  /** Whether the running kernel, by its release, lays the member out so. */
  readonly layoutOf?: (release: string | undefined) => boolean
}

/** The members of a {@link TcpInfo} that come out of the kernel's struct. */
export type KernelFields = Omit<
  TcpInfo,
  'raw' | keyof Reading | keyof Addresses
>

/** A record as its decoder sees it. */
export type Unfilled = TcpInfo & {
  -readonly [K in keyof KernelFields]: KernelFields[K]
}

export type Decoder = (reading: Reading) => TcpInfo

/**
 * How a member of the record is made. It is absent when one of the native
 * members it needs is; else it is the first of them as it stands, unless one of
 * the options says otherwise.
 */
export interface Rule<T> {
  readonly of: readonly string[]
  /** Values of the native member that mean "no value". */
  readonly absent?: readonly number[]
  /** Another native member, without which (it is 0) there is no value. */
  readonly needs?: string
  readonly times?: number
  /** True if one of these bits is set. */
  readonly flag?: number
  readonly formula?: (...values: number[]) => T | undefined
}

export interface Layout {
  readonly native: readonly NativeField[]
  /** Numbering of the state, which is the struct's first byte everywhere. */
  readonly states: StateNumbering
  readonly rules: {
    readonly [K in keyof KernelFields]?: Rule<NonNullable<KernelFields[K]>>
  }
  /**
   * States in which the kernel leaves defaults in some members: those that count
   * all the same. A later entry adds to the members of those before it.
   */
  readonly partial?: readonly {
    readonly of: readonly string[]
    readonly when: (...values: number[]) => boolean
    readonly fields: readonly (keyof KernelFields)[]
  }[]
}

/** The native member as it stands. */
export const same = (name: string): Rule<number> => ({ of: [name] })

/** A native member whose 0 means that there is no value. */
export const nonZero = (name: string): Rule<number> => ({
  of: [name],
  absent: [0],
})

export const stateOf = (
  name: string,
  states: StateNumbering,
): Rule<TcpState> => ({ of: [name], formula: (code) => states[code] })

/**
 * For a member's `layoutOf`: from one release of Linux up to before another, each as
 * major * 1000 + minor.
 */
export function isBetween(first: number, next: number) {
  return (release: string | undefined): boolean => {
    const [, major, minor] = /^(\d+)\.(\d+)/.exec(release ?? '') ?? []
    const number = Number(major) * 1000 + Number(minor)
    return number >= first && number < next
  }
}

/** The formula of a member that has one. */
export function formulaOf<K extends keyof KernelFields>(
  layout: Layout,
  name: K,
): (...values: number[]) => KernelFields[K] {
  const formula = layout.rules[name]?.formula
  if (!formula) throw new Error(`${name} has no formula`)
  return formula as (...values: number[]) => KernelFields[K]
}

/** The conditions of the layout's partial states, in their order. */
export function partialsOf(
  layout: Layout,
): ((...values: number[]) => boolean)[] {
  return (layout.partial ?? []).map(({ when }) => when)
}

/**
 * The kernel's own struct: what was filled of it, under its own names; members of 64
 * bits as `bigint`. Which there are depends on the system and its version.
 */
export type RawTcpInfo = Readonly<Record<string, number | bigint>>

const SIZES = { u8: 1, u16: 2, u32: 4, u64: 8 } as const

/** How many bytes must be filled for a member to exist. */
export function lengthFor(field: NativeField): number {
  return Math.max(field.offset + SIZES[field.type], field.minLength ?? 0)
}

/** The kernel's own struct, every wholly filled member under its own name. */
export function decodeRaw({ struct, words, at, filled }: Reading): RawTcpInfo {
  const { layout, release } = struct
  const view = new DataView(words.buffer, words.byteOffset + at, filled)
  const raw: Record<string, number | bigint> = {}
  for (const field of layout.native) {
    if (filled < lengthFor(field) || field.layoutOf?.(release) === false)
      continue
    raw[field.name] = readMember(view, field)
  }
  return raw
}

function readMember(
  view: DataView,
  { offset, type, bits }: NativeField,
): number | bigint {
  switch (type) {
    case 'u64':
      return view.getBigUint64(offset, true)
    case 'u32':
      return extract(view.getUint32(offset, true), bits)
    case 'u16':
      return extract(view.getUint16(offset, true), bits)
    case 'u8':
      return extract(view.getUint8(offset), bits)
  }
}

function extract(value: number, bits: NativeField['bits']): number {
  return bits ? (value >>> bits[0]) & (2 ** bits[1] - 1) : value
}
