import { describe, expect, test } from 'vitest'
import type { Rule } from '../../lib/decode/fields.js'
import {
  CONTEXT_FIELDS,
  definedIn,
  recordOf,
  structFor,
} from '../support/record.js'
import {
  isWholeIn,
  memberOf,
  membersUnder,
  PLATFORMS,
  type Platform,
  read,
} from './fixtures.js'

/** What the native side offers the kernel. */
const MOST = 512

const LENGTHS = Array.from({ length: MOST + 1 }, (_, length) => length)

const ESTABLISHED = { linux: 1, android: 1, darwin: 4, win32: 4 }
const LINUX_LISTEN = 10

/** Each sets the four option bits and keeps clear of every sentinel. */
const PATTERNS: readonly [string, (index: number) => number][] = [
  ['one byte throughout', () => 0x5f],
  ['bytes that differ', (index) => ((index * 37) % 0x70) | 0x0f],
]

function fill(platform: Platform, pattern: (index: number) => number) {
  const bytes = Uint8Array.from({ length: MOST }, (_, index) => pattern(index))
  if (platform === 'win32') bytes.fill(0, 1, 4)
  bytes[0] = ESTABLISHED[platform]
  return bytes
}

/** The members of the record whose native members are all there. */
function expectedAt(platform: Platform, length: number): string[] {
  const rules = Object.entries(structFor(platform).layout.rules) as [
    string,
    Rule<unknown>,
  ][]
  return rules
    .filter(([, { of, needs = [] }]) =>
      [of, needs]
        .flat()
        .every((name) => isWholeIn(memberOf(platform, name), length)),
    )
    .map(([name]) => name)
    .sort()
}

const LISTENER_ONLY = ['acceptQueue', 'backlog']

describe.each(PLATFORMS)('%s, every length from 0 to 512', (platform) => {
  test.each(PATTERNS)(
    'a field exists when all of its members do: %s',
    (_, pattern) => {
      const bytes = fill(platform, pattern)
      for (const length of LENGTHS) {
        expect(
          Object.keys(definedIn(recordOf(platform, bytes, { length }))).sort(),
          `length ${length}`,
        ).toEqual(
          expectedAt(platform, length).filter(
            (name) => !LISTENER_ONLY.includes(name),
          ),
        )
      }
    },
  )

  test.each(PATTERNS)(
    'raw has the members that are whole: %s',
    (_, pattern) => {
      const bytes = fill(platform, pattern)
      for (const release of [undefined, '6.18.44', '7.0.1']) {
        for (const length of LENGTHS) {
          const options = release ? { length, release } : { length }
          const members = membersUnder(platform, release)
            .filter((member) => isWholeIn(member, length))
            .map((member) => [member.name, read(bytes, member)])
          expect(
            recordOf(platform, bytes, options).raw,
            `length ${length}, release ${release}`,
          ).toEqual(Object.fromEntries(members))
        }
      }
    },
  )

  test.each([8, 256, 1000])('nothing outside counts: at %i', (at) => {
    const inside = fill(platform, (index) => (index * 151 + 89) & 0xff)
    const around = Uint8Array.from(
      { length: at + MOST + 64 },
      (_, index) => (index * 29 + 7) & 0xff,
    )
    const flipped = around.map((byte) => byte ^ 0xff)
    for (const length of LENGTHS) {
      const struct = inside.subarray(0, length)
      around.set(struct, at)
      flipped.set(struct, at)
      const alone = recordOf(platform, struct)
      for (const bytes of [around, flipped]) {
        const record = recordOf(platform, bytes, { at, length })
        expect({ ...record }, `length ${length}`).toEqual({ ...alone })
        expect(record.raw, `raw, length ${length}`).toEqual(alone.raw)
      }
      // The next length must again find foreign bytes after its end.
      for (let index = at; index < at + length; index++) {
        around[index] = (index * 29 + 7) & 0xff
        flipped[index] = (around[index] as number) ^ 0xff
      }
    }
  })
})

// Below, the path MTU is missing, which takes part in deciding what counts. No
// kernel's struct is that short: 104 bytes in 2.6.12.
test.each(PATTERNS)(
  'a Linux listener has state and queue alone, from 64 bytes on: %s',
  (_, pattern) => {
    const bytes = fill('linux', pattern)
    bytes[0] = LINUX_LISTEN
    for (const length of LENGTHS.slice(64)) {
      expect(
        Object.keys(definedIn(recordOf('linux', bytes, { length }))).sort(),
        `length ${length}`,
      ).toEqual(['acceptQueue', 'backlog', 'state'])
    }
  },
)

test('the patterns leave no field of any table out', () => {
  const listener = fill('linux', () => 0x5f)
  listener[0] = LINUX_LISTEN
  const found = new Set(
    [
      recordOf('linux', listener),
      ...PLATFORMS.map((platform) =>
        recordOf(
          platform,
          fill(platform, () => 0x5f),
        ),
      ),
    ].flatMap((record) => Object.keys(definedIn(record))),
  )
  const all = Object.keys(recordOf('linux', listener)).filter(
    (name) => !CONTEXT_FIELDS.includes(name),
  )
  expect([...found].sort()).toEqual(all.sort())
})
