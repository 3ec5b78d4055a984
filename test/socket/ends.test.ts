import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { namespaceMissing } from '../support/namespace.js'
import { type Result, runScenarios } from '../support/scenario-runs.js'
import { scenarios } from '../support/scenarios.mjs'

/**
 * What runs the scenarios: this Node, or another one by the command in
 * TCPINFO_RUNNER, a JSON array of words, in the folder TCPINFO_RUNNER_CWD.
 */
const command: [string, ...string[]] = JSON.parse(
  process.env.TCPINFO_RUNNER ?? 'null',
) ?? [process.execPath, path.join(__dirname, '../support/run-scenarios.mjs')]
const cwd = process.env.TCPINFO_RUNNER_CWD
const isOther = process.env.TCPINFO_RUNNER !== undefined

const KINDS = [
  ...(['stock', 'ours', 'instrumented', 'registered'] as const),
  ...(isOther ? [] : (['twice'] as const)),
]
type Kind = (typeof KINDS)[number]

const [file, ...words] = command
const about = execFileSync(file, [...words, 'about'], { cwd, encoding: 'utf8' })
const { major, platform } = JSON.parse(about)

const title = 'the end of a connection'

describe.skipIf(namespaceMissing)(
  namespaceMissing ? `${title} (skipped: ${namespaceMissing})` : title,
  () => {
    const results = {} as Record<Kind, Map<string, Result>>

    beforeAll(async () => {
      await Promise.all(
        KINDS.map(async (kind) => {
          results[kind] = await runScenarios([...command, kind], cwd)
        }),
      )
    }, 600_000)

    const here = scenarios.filter(
      ({ nodes, platforms }) =>
        (nodes?.(major) ?? true) && (platforms?.includes(platform) ?? true),
    )

    test('at least 30 ways', () => {
      expect(here.length).toBeGreaterThanOrEqual(30)
    })

    describe.each(KINDS.slice(1))('%s', (kind) => {
      test.for(here)('$name: nothing else changes', ({ name }, { skip }) => {
        const stock = results.stock.get(name)
        if (isOther && !stock?.ended) skip('a stock socket does not end here')
        expect(stock?.ended).toBe(true)
        expect(stock?.entries.length).toBeGreaterThan(0)
        expect(results[kind].get(name)?.entries).toEqual(stock?.entries)
      })

      test.for(here)('$name: the final record', (scenario, { skip }) => {
        const { name, final, state, isLate = false } = scenario
        const result = results[kind].get(name)
        if (isOther && !result?.ended) skip('a stock socket does not end here')
        expect(result?.leaked).toBeLessThanOrEqual(0)
        if (final === 'thrown') return
        expect(result?.outcome.length).toBeGreaterThan(0)
        for (const outcome of result?.outcome ?? []) {
          const { records, hasInfo, error } = outcome
          if (typeof final === 'string') {
            expect({ records, hasInfo, error }).toEqual({
              records: [],
              hasInfo: false,
              // register has nowhere to put it.
              error: kind === 'registered' ? undefined : final,
            })
            continue
          }
          expect(records).toHaveLength(final)
          for (const record of records) {
            expect(record).toMatchObject({ trigger: 'close' })
            expect(record).toMatchObject({ afterError: false })
          }
          expect(records[0]).toMatchObject({ afterClose: isLate })
          expect(records.at(-1)).toMatchObject({ isNewest: true })
          expect(outcome).toMatchObject({ hasInfo: true })
          expect(outcome.raw).toBeGreaterThanOrEqual(32)
          expect(error).toBeUndefined()
          if (state) expect(outcome.infoState).toBe(state)
        }
      })
    })
  },
)
