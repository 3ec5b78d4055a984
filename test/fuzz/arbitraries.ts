/** What the properties are fed with: cheap to make, and where things break. */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import type { TcpInfo, TcpInfoTrigger } from '../../lib/tcp-info.js'
import {
  type Member,
  membersUnder,
  PLATFORMS,
  type Platform,
} from '../decode/fixtures.js'
import { recordOf } from '../support/record.js'

/** A list of inputs that are kept: they found a defect, or are of interest. */
export function corpus<T>(name: string): T[] {
  const url = new URL(`./corpus/js-${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')) as T[]
}

export interface Struct {
  readonly platform: Platform
  readonly release: string | undefined
  readonly bytes: Uint8Array
}

/** Of the kernels and Windows versions that there are, and around them. */
const LENGTHS = [0, 1, 88, 104, 112, 136, 152, 192, 232, 244, 280, 512]

/** The sentinels of all systems, their neighbours, and the ends of all ranges. */
const VALUES = [
  ...[0n, 1n, 2n, 3n, 4n, 7n, 10n, 12n, 0x7fn, 0xffn, 0xffffn],
  ...[0x7ffffffen, 0x7fffffffn, 0x80000000n, 0xffffffffn, 1_073_725_440n],
  ...[2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n],
]

const MEMBERS = new Map(
  PLATFORMS.map((platform): [Platform, readonly Member[]] => [
    platform,
    membersUnder(platform, undefined),
  ]),
)

/**
 * All zeros, all ones or noise, with some members set. (A byte at a time would take
 * a hundred times as long.)
 */
export const struct: fc.Arbitrary<Struct> = fc
  .record({
    platform: fc.constantFrom(...PLATFORMS),
    release: fc.constantFrom(undefined, '6.18.44', '7.0.1', '5.10.0', 'none'),
    length: fc.oneof(fc.constantFrom(...LENGTHS), fc.nat({ max: 512 })),
    fill: fc.oneof(fc.constantFrom(0, -1), fc.integer()),
    state: fc.nat({ max: 20 }),
    set: fc.array(fc.tuple(fc.nat({ max: 99 }), fc.constantFrom(...VALUES)), {
      maxLength: 6,
    }),
  })
  .map(({ platform, release, length, fill, state, set }) => {
    const whole = new Uint8Array(520)
    if (fill === -1) whole.fill(0xff)
    else if (fill !== 0) noise(new Uint32Array(whole.buffer), fill)
    const view = new DataView(whole.buffer)
    const members = MEMBERS.get(platform) as readonly Member[]
    for (const [index, value] of set) {
      const { offset, size } = members[index % members.length] as Member
      if (size === 8) view.setBigUint64(offset, value, true)
      else if (size === 4)
        view.setUint32(offset, Number(value & 0xffffffffn), true)
      else if (size === 2) view.setUint16(offset, Number(value & 0xffffn), true)
      else view.setUint8(offset, Number(value & 0xffn))
    }
    // A random byte is a state one time in twenty.
    if (state < 20) whole[0] = state
    if (platform === 'win32' && state < 20) whole.fill(0, 1, 4)
    return { platform, release, bytes: whole.slice(0, length) }
  })

/** Xorshift: the same for the same seed, and never 0. */
function noise(words: Uint32Array, seed: number): void {
  let state = seed || 1
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = state
  }
}

/** What ends, opens, steers or means something somewhere. */
const SIGNS = [
  ...['</script>', '<script>', '<!--', '-->', ']]>', '<img src=x onerror='],
  ...[
    '"',
    "'",
    '`',
    '&',
    '&lt;',
    '<',
    '>',
    '=',
    '+',
    '-',
    '@',
    ',',
    '{{',
    '${',
  ],
  ...['\r', '\n', '\r\n', '\t', '\0', '\u2028', '\u2029', '\ufeff', '\u202e'],
  ...['\x1b[2J', '\x1b]0;x\x07', '\x9b31m', '\ud800', '\udfff', '💥', 'é', '%'],
  ...[
    '__proto__',
    'constructor',
    'javascript:',
    'toString',
    '1',
    'a',
    '\\',
    '/',
  ],
]

const sign = fc.constantFrom('', ...SIGNS)

/** Any text: signs one after the other, or characters of all kinds. */
export const text: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(sign, sign, sign, sign).map((all) => all.join('')),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
)

const TRIGGERS: TcpInfoTrigger[] = [
  'demand',
  'sample',
  'close',
  'attempt',
  'exit',
]

const count = fc.oneof(
  fc.constantFrom(undefined, 0, 1, 1448, 2 ** 32, Number.MAX_SAFE_INTEGER),
  fc.nat(),
)

/** Of 2023, so that records can be in any order and at the same moment. */
const capturedAt = fc.nat({ max: 10_000 }).map((ms) => 1_700_000_000_000 + ms)

/** What is beside the struct. */
const context = fc.record({
  trigger: fc.constantFrom(...TRIGGERS),
  capturedAt,
  addresses: fc.record({
    localAddress: fc.oneof(fc.constantFrom(undefined, '::1'), text),
    localPort: fc.constantFrom(undefined, 0, 80, 65_535),
    remoteAddress: fc.oneof(fc.constantFrom(undefined, '192.0.2.1'), text),
    remotePort: fc.constantFrom(undefined, 0, 443, 65_535),
  }),
  appBytesRead: count,
  appBytesWritten: count,
  connectDurationMs: fc.constantFrom(undefined, 0, 0.5, 3.25, 1e6),
  errorCode: fc.oneof(
    fc.constantFrom(undefined, 'ECONNRESET', 'ETIMEDOUT', 'EPIPE'),
    text,
  ),
})

/** A record as the library makes it, of any system. */
export const record: fc.Arbitrary<TcpInfo> = fc
  .tuple(struct, context)
  .map(([{ platform, release, bytes }, reading]) =>
    recordOf(platform, bytes, { ...(release && { release }), reading }),
  )

const NAMES = Object.keys(recordOf('linux', new Uint8Array(0)))

/** What no member of a record can be. */
const ODD: unknown[] = [
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, -1],
  ...[1.5, 1e300, 5e-324, 2 ** 64, 2 ** 66, 8.64e15, 8.64e15 + 2, -8.64e15],
  ...[null, true, '', '7', '=1+1', 7n, Symbol('odd'), [], ['=1+1'], {}],
  ...[{ toString: 1, valueOf: 1 }, Object.create(null), () => 1, new Date(0)],
]

/**
 * A copy of a record, as out of a file, of which some members are anything. The
 * object can pass for a record, or not even that.
 */
export const anyRecord: fc.Arbitrary<TcpInfo> = fc
  .tuple(
    record,
    fc.array(
      fc.tuple(
        fc.constantFrom(...NAMES),
        fc.oneof(
          {
            weight: 4,
            arbitrary: fc.constantFrom(...ODD) as fc.Arbitrary<unknown>,
          },
          { weight: 3, arbitrary: count },
          { weight: 1, arbitrary: text },
        ),
      ),
      { maxLength: 12 },
    ),
    fc.boolean(),
  )
  .map(([info, odd, isSparse]) => {
    const copy = isSparse
      ? {
          trigger: info.trigger,
          capturedAt: info.capturedAt,
          platform: info.platform,
          state: info.state,
        }
      : { ...info }
    return Object.assign(copy, Object.fromEntries(odd)) as unknown as TcpInfo
  })

/** As it comes from the library, or as others pass it on. */
export const oneRecord = fc.oneof(record, anyRecord)
