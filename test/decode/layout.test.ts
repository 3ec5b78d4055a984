import { describe, expect, test } from 'vitest'
import type { NativeField } from '../../lib/decode/fields.js'
import { structFor } from '../support/record.js'
import {
  isWholeIn,
  layouts,
  type Member,
  membersOf,
  PLATFORMS,
  type Platform,
  UNREADABLE_TAIL,
} from './fixtures.js'

const SIZES = { u8: 1, u16: 2, u32: 4, u64: 8 }

const nativeOf = (platform: Platform): readonly NativeField[] =>
  structFor(platform).layout.native

const known = (member: Member) => ({
  name: member.name,
  offset: member.offset,
  size: member.size,
  bits: member.bit,
  since: member.since,
  minLength: member.minLength,
})

const ours = (field: NativeField) => ({
  name: field.name,
  offset: field.offset,
  size: SIZES[field.type],
  bits: field.bits,
  since: field.since,
  minLength: field.minLength,
})

describe.each(PLATFORMS)('the table of %s', (platform) => {
  const placed = nativeOf(platform).filter((field) => !field.layoutOf)

  test('has every member of the struct, where the struct has it', () => {
    const table = new Map(placed.map((field) => [field.name, ours(field)]))
    for (const member of membersOf(platform)) {
      expect(table.get(member.name), member.name).toEqual(known(member))
    }
  })

  test('has no member that the struct does not have', () => {
    const struct = new Map(
      membersOf(platform).map((member) => [member.name, known(member)]),
    )
    for (const field of placed) {
      expect(struct.get(field.name), field.name).toEqual(ours(field))
    }
  })

  test('has each member once and in the order of the struct', () => {
    expect(placed.map(({ name }) => name)).toEqual(
      membersOf(platform).map(({ name }) => name),
    )
  })

  test('makes its rules of members that exist', () => {
    const names = membersOf(platform).map(({ name }) => name)
    const { rules, partial = [] } = structFor(platform).layout
    const needed = [
      ...Object.values(rules).flatMap(({ of, needs }) => [needs ?? of, of]),
      ...partial.map(({ of }) => of),
    ].flat()
    expect(names).toEqual(expect.arrayContaining(needed))
  })
})

describe('the tail of Linux, whose layout the release decides', () => {
  const tailUnder = (release: string | undefined) =>
    nativeOf('linux')
      .filter((field) => field.layoutOf?.(release))
      .map(ours)

  const OLD = layouts.linux.tails['6.18'].map(known)
  const NEW = layouts.linux.tails['7.0'].map(known)
  const UNREADABLE = [known(UNREADABLE_TAIL)]

  test.each([
    ['6.18', OLD],
    ['6.18.0-rc3', OLD],
    ['6.18.44', OLD],
    ['6.19.12-arch1-1', OLD],
    ['7.0', NEW],
    ['7.0.0-rc1', NEW],
    ['7.1.4', NEW],
    ['10.0.1', NEW],
    ['6.17.13', UNREADABLE],
    ['6.8.0-31-generic', UNREADABLE],
    ['5.15.0', UNREADABLE],
    ['', UNREADABLE],
    ['7', UNREADABLE],
    ['unknown', UNREADABLE],
    [undefined, UNREADABLE],
  ])('%j', (release, expected) => {
    expect(tailUnder(release)).toEqual(expected)
  })
})

describe('the lengths that kernels return', () => {
  test.each(Object.entries(layouts.linux.sizes))(
    'Linux %s: %i bytes end with a whole member',
    (_, size) => {
      const cut = nativeOf('linux').filter(
        ({ offset, type }) => offset < size && offset + SIZES[type] > size,
      )
      expect(cut).toEqual([])
    },
  )

  test.each([
    ['v0', 88, ['v0']],
    ['v1', 136, ['v0', 'v1']],
    ['v2', 152, ['v0', 'v1', 'v2']],
  ])('Windows %s: %i bytes hold the members of %j', (_, size, versions) => {
    expect(
      membersOf('win32').filter((member) => isWholeIn(member, size)),
    ).toEqual(
      membersOf('win32').filter(({ since }) => versions.includes(since)),
    )
  })

  test.each([
    [88, 'SIO_TCP_INFO v0'],
    [136, 'SIO_TCP_INFO v1'],
    [152, 'SIO_TCP_INFO v2'],
  ])('Windows names the version that has %i bytes', (size, source) => {
    expect(structFor('win32').sourceOf(size)).toBe(source)
  })

  test('the other systems have one interface', () => {
    expect(structFor('linux').sourceOf(280)).toBe('TCP_INFO')
    expect(structFor('android').sourceOf(248)).toBe('TCP_INFO')
    expect(structFor('darwin').sourceOf(112)).toBe('TCP_CONNECTION_INFO')
  })
})
