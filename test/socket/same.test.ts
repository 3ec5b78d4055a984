import { beforeAll, describe, expect, test } from 'vitest'
import { TcpInfoSocket } from '../../lib/index.js'
import { jsonOf, runNode, script } from '../support/child.js'
import { observations } from '../support/observations.mjs'

type Log = readonly unknown[][]

const KINDS = ['stock', 'ours', 'instrumented', 'registered'] as const
type Kind = (typeof KINDS)[number]

const logs = {} as Record<Kind, Record<string, Log>>

beforeAll(async () => {
  const args = (kind: Kind) => [script('run-observations.mjs'), kind]
  await Promise.all(
    KINDS.map(async (kind) => {
      logs[kind] = await jsonOf(runNode(args(kind), { timeout: 120_000 }))
    }),
  )
}, 150_000)

describe('stock: the observation is made to its end', () => {
  test.each(observations)('$name', ({ name }) => {
    const log = logs.stock[name]
    expect(log?.length).toBeGreaterThan(1)
    expect(log).toContainEqual(['end', 'done'])
  })
})

describe.each(KINDS.slice(1))('%s: the same is seen', (kind) => {
  test.each(observations)('$name', ({ name }) => {
    expect(logs[kind][name]).toEqual(logs.stock[name])
  })
})

describe('listed in README.md as different', () => {
  test('the class needs new', () => {
    const call = TcpInfoSocket as unknown as () => void
    expect(call).toThrow(
      "Class constructor TcpInfoSocket cannot be invoked without 'new'",
    )
  })
})
