import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { NativeField } from '../../lib/decode/fields.js'
import { linux } from '../../lib/decode/linux.js'
import { readTcpInfo, support } from '../../lib/index.js'
import {
  askProgram,
  descriptorOf,
  type Testimony,
  witness,
} from '../support/witness.mjs'
import { type Compiled, compileWitness } from './header.js'
import {
  type HeaderMember,
  type HeaderStruct,
  runOverLink,
  testimoniesIn,
} from './link-run.js'
import { compilerMissing, findLinkMissing, titled } from './needs.js'
import { pairOn } from './pair.js'

const SIZES = { u8: 1, u16: 2, u32: 4, u64: 8 } as const

/** Where our table has a member, as the program describes it. */
function placeOf({ offset, type, bits }: NativeField) {
  if (!bits) return { offset, size: SIZES[type], mask: 0 }
  const [lowest, width] = bits
  const byte = lowest >> 3
  return {
    offset: offset + byte,
    size: 1,
    mask: (2 ** width - 1) << (lowest - 8 * byte),
  }
}

/** In what our raw values differ from what the program read in between. */
function faultsOf(testimony: Testimony<HeaderStruct>): string[] {
  const { before, said, after } = testimony
  return Object.entries(said.members).flatMap(([name, { value }]) => {
    const first = before.raw[name] ?? Number.NaN
    const last = after.raw[name] ?? Number.NaN
    const isSame = first <= Number(value) && Number(value) <= last
    return isSame ? [] : [`${name}: it says ${value}, we ${first} to ${last}`]
  })
}

describe.skipIf(compilerMissing)(
  titled('a program in C agrees', compilerMissing),
  () => {
    let compiled: Compiled

    beforeAll(() => {
      compiled = compileWitness()
    })
    afterAll(() => compiled?.remove())

    async function asked(): Promise<Testimony<HeaderStruct>> {
      const { client, accepted } = await pairOn('127.0.0.1', '127.0.0.1')
      accepted.write(Buffer.alloc(100_000))
      client.write(Buffer.alloc(5_000))
      client.resume()
      accepted.resume()
      await Promise.all([once(client, 'data'), once(accepted, 'data')])
      return witness(
        () => readTcpInfo(client),
        () =>
          askProgram(compiled.program, descriptorOf(client)) as HeaderStruct,
      )
    }

    test('on the names of all that the header declares', async () => {
      const { before, said } = await asked()
      expect(Object.keys(said.members)).toEqual(compiled.names)
      expect(compiled.names.length).toBeGreaterThan(30)
      expect(Object.keys(before.raw)).toEqual(
        expect.arrayContaining([...compiled.names]),
      )
    })

    test('on what is not declared: only what lies behind its end', async () => {
      const { before, said } = await asked()
      const undeclared = Object.keys(before.raw).filter(
        (name) => !(name in said.members),
      )
      for (const { name, offset } of linux.native) {
        if (undeclared.includes(name)) {
          expect(offset, name).toBeGreaterThanOrEqual(said.size)
        }
      }
    })

    test('on where the members lie', async () => {
      const { said } = await asked()
      const places = Object.entries(said.members).map(
        ([name, { offset, size, mask }]: [string, HeaderMember]) => [
          name,
          { offset, size, mask },
        ],
      )
      const ours = compiled.names.map((name) => [
        name,
        placeOf(linux.native.find((each) => each.name === name) as NativeField),
      ])
      expect(places).toEqual(ours)
    })

    test('on how much the kernel fills', async () => {
      const { said } = await asked()
      expect(support().structBytes).toBe(said.filled)
    })

    test('on the values', async () => {
      expect(faultsOf(await asked())).toEqual([])
    })
  },
)

/** Never set by Linux, or not in these situations. */
const MAY_BE_0 = [
  'tcpi_fackets',
  'tcpi_last_ack_sent',
  'tcpi_fastopen_client_fail',
  'tcpi_probes',
  'tcpi_notsent_bytes',
  // Counted in ticks of the kernel's clock: a short wait can be none.
  'tcpi_rwnd_limited',
  'tcpi_sndbuf_limited',
  'tcpi_rehash',
]

const linkMissing = compilerMissing ?? (await findLinkMissing())

describe.skipIf(linkMissing)(
  titled('a program in C agrees over a bad link', linkMissing),
  () => {
    let testimonies: [string, Testimony<HeaderStruct>][]

    beforeAll(async () => {
      const { program, remove } = compileWitness()
      const results = await runOverLink(
        ['randomLoss', 'reordering', 'congestionMarks', 'blackhole', 'hole'],
        program,
      )
      remove()
      testimonies = testimoniesIn(results).map(
        ([name, { before, said, after }]) => [
          name,
          { before, said: said.program as HeaderStruct, after },
        ],
      )
    }, 60_000)

    test('on the values', () => {
      expect(testimonies.length).toBeGreaterThan(10)
      const faults = testimonies.flatMap(([name, testimony]) =>
        faultsOf(testimony).map((fault) => `${name}: ${fault}`),
      )
      expect(faults).toEqual([])
    })

    // 0 would agree with any other member that is 0.
    test('on values that are not 0', () => {
      const programs = testimonies.map(([, { said }]) => said.members)
      const zeros = Object.keys(programs[0] ?? {}).filter((name) =>
        programs.every((members) => members[name]?.value === '0'),
      )
      expect(MAY_BE_0).toEqual(expect.arrayContaining(zeros))
    })
  },
)
