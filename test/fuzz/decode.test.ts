import fc from 'fast-check'
import type { Rule } from '../../lib/decode/fields.js'
import {
  isWholeIn,
  type Member,
  membersUnder,
  PLATFORMS,
  type Platform,
  read,
} from '../decode/fixtures.js'
import { CONTEXT_FIELDS, recordOf, structFor } from '../support/record.js'
import { corpus, type Struct, struct } from './arbitraries.js'
import { check, fuzz } from './property.js'
import { faultsOf } from './sound.js'

type Named = readonly [name: string, rule: Rule<unknown>]

/** The rules of a table, each taken by its word, and its members by the fixtures. */
const TABLES = new Map(
  PLATFORMS.map((platform) => {
    const { layout } = structFor(platform)
    const members = new Map(
      membersUnder(platform, undefined).map((each) => [each.name, each]),
    )
    const rules = Object.entries(layout.rules) as unknown as Named[]
    return [platform, { layout, members, rules }] as const
  }),
)

/** The record's members as the tables say, one rule after the other. */
function expected(
  platform: Platform,
  bytes: Uint8Array,
): Record<string, unknown> {
  const { layout, members, rules } = TABLES.get(platform) as NonNullable<
    ReturnType<typeof TABLES.get>
  >
  const readNumber = (name: string): number | undefined => {
    const member = members.get(name) as Member
    return isWholeIn(member, bytes.length)
      ? Number(read(bytes, member))
      : undefined
  }
  const counting = countingIn(layout.partial ?? [], readNumber)
  const record: Record<string, unknown> = {}
  for (const [name, rule] of rules) {
    const { of, absent = [], needs, times = 1, flag, formula } = rule
    const values = of.map(readNumber)
    const [first] = values
    if (counting && !counting.has(name)) continue
    if (first === undefined || values.includes(undefined)) continue
    if (needs !== undefined && !readNumber(needs)) continue
    if (absent.includes(first)) continue
    record[name] = formula
      ? formula(...(values as number[]))
      : flag === undefined
        ? first * times
        : (first & flag) !== 0
  }
  return record
}

type Partials = NonNullable<ReturnType<typeof structFor>['layout']['partial']>

/** The members that count in this state; `undefined`: all. */
function countingIn(
  partials: Partials,
  readNumber: (name: string) => number | undefined,
): ReadonlySet<string> | undefined {
  const fields = new Set<string>()
  for (const partial of partials) {
    for (const name of partial.fields) fields.add(name)
    const values = partial.of.map(readNumber)
    if (values.includes(undefined)) continue
    if (partial.when(...(values as number[]))) return fields
  }
  return undefined
}

const kept = corpus<{ platform: Platform; release?: string; hex: string }>(
  'structs',
).map(({ platform, release, hex }): [Struct] => [
  { platform, release, bytes: Uint8Array.from(Buffer.from(hex, 'hex')) },
])

const made = ({ platform, release, bytes }: Struct) =>
  recordOf(platform, bytes, release === undefined ? {} : { release })

const CONTEXT = new Set(CONTEXT_FIELDS)

fuzz(
  'any struct becomes the record that its table says',
  fc.property(struct, (any) => {
    const wanted = expected(any.platform, any.bytes)
    for (const [name, value] of Object.entries(made(any))) {
      if (CONTEXT.has(name)) continue
      check(
        Object.is(value, wanted[name]),
        () => `${name} is ${value} and not ${wanted[name]}`,
      )
    }
  }),
  { runs: 4000, examples: kept },
)

fuzz(
  'raw has every member that is wholly filled, and no other',
  fc.property(struct, (any) => {
    const { platform, release, bytes } = any
    const { raw } = made(any)
    const members = membersUnder(platform, release).filter((each) =>
      isWholeIn(each, bytes.length),
    )
    check(
      Object.keys(raw).length === members.length,
      () => `${Object.keys(raw)} and not ${members.map(({ name }) => name)}`,
    )
    for (const member of members) {
      const value = read(bytes, member)
      check(
        raw[member.name] === value,
        () => `${member.name} is ${raw[member.name]} and not ${value}`,
      )
    }
  }),
  { runs: 4000, examples: kept },
)

fuzz(
  'a record is plain data, and its numbers are numbers',
  fc.property(struct, (any) => {
    const faults = faultsOf(made(any))
    check(faults.length === 0, () => faults.join(', '))
  }),
  { runs: 2000, examples: kept },
)
