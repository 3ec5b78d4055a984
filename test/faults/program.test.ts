// Programs that do to the language, to Node's classes and to the clocks what no
// program should. Ours do then what stock sockets do, and their records are right.

import { beforeAll, describe, expect, test } from 'vitest'
import { jsonOf, runNode, script } from '../support/child.js'
import { hostiles } from '../support/hostile.mjs'
import { namespaceMissing } from '../support/namespace.js'
import { type Result, runScenarios } from '../support/scenario-runs.js'
import { titled } from '../witness/needs.js'

/** Node itself bears it only once its own modules are loaded. */
const ONLY_AFTER = /Object\.prototype|typed arrays|frozen/

/**
 * No memory, no clock, or none when it is asked for: records are others, or none. With
 * net.Socket replaced Node lays TLS over a stream in JavaScript.
 */
const WITHOUT_RECORDS =
  /typed arrays|_destroy, which comes late|net.Socket replaced|BEFORE=a Date(.now.. that throws| without)/

/** Stock sockets, too, take seconds. */
const SLOW_CLOSES = ['a process.nextTick that comes late']

/** Beyond our reach: Node's own histogram can't be made, no memory, no clock. */
const WITHOUT_RIGHT =
  /descriptors|typed arrays|BEFORE=a (Date|performance)|BEFORE=.*frozen/

const ALL = Object.keys(hostiles)
const CASES = [
  ...ALL.map((name) => ['HOSTILE', name] as const),
  ...ALL.filter((name) => !ONLY_AFTER.test(name)).map(
    (name) => ['HOSTILE_BEFORE', name] as const,
  ),
]

/** Of scenarios.mjs, one for each way that sockets come and go. */
const SCENARIOS = [
  ...['client ends after an exchange', 'peer sends FIN', 'destroy(error)'],
  ...['destroy() in the tick of connect, address given', 'refused'],
  ...['resetAndDestroy()', 'RST while idle', 'pipeline to the end'],
  ...['happy eyeballs: the first address refuses', 'new Socket({ fd })'],
  ...['accepted socket, peer ends', 'TLS client ends', 'TLS server side'],
  ...['Unix domain socket'],
  ...['reconnect after close'],
]

const KINDS = ['stock', 'ours', 'registered'] as const
type Runs = Record<(typeof KINDS)[number], Map<string, Result>>

async function runAll(variable: string, name: string): Promise<Runs> {
  const command = [
    ...['env', `${variable}=${name}`, process.execPath],
    ...['--import', script('hostile.mjs'), script('run-scenarios.mjs')],
  ]
  const runs = await Promise.all(
    KINDS.map((kind) =>
      runScenarios([...command, kind, JSON.stringify(SCENARIOS)]),
    ),
  )
  return Object.fromEntries(KINDS.map((kind, i) => [kind, runs[i]])) as Runs
}

const recordsOf = (result: Result | undefined) =>
  result?.outcome.map(({ label, records, hasInfo, error }) => ({
    ...{ label, hasInfo, error },
    records: records.map(({ trigger, isNewest }) => ({ trigger, isNewest })),
  }))

const title = 'connections end as they do with stock sockets'

describe.skipIf(namespaceMissing)(titled(title, namespaceMissing), () => {
  let clean: Runs
  beforeAll(async () => {
    clean = await runAll('HOSTILE', '')
    expect([...clean.stock.keys()].sort()).toEqual([...SCENARIOS].sort())
  }, 60_000)

  test.concurrent.each(CASES.filter(([, name]) => !SLOW_CLOSES.includes(name)))(
    '%s=%s',
    { timeout: 60_000 },
    async (variable, name) => {
      const { stock, ...others } = await runAll(variable, name)
      for (const [kind, results] of Object.entries(others)) {
        const cleanResults = clean[kind as keyof typeof others]
        for (const [scenario, result] of results) {
          const { entries, leaked } = result
          const expected = cleanResults.get(scenario)
          expect({ kind, scenario, entries, leaks: leaked > 0 }).toEqual({
            ...{ kind, scenario, leaks: false },
            entries: stock.get(scenario)?.entries,
          })
          if (WITHOUT_RECORDS.test(`${variable}=${name}`)) continue
          expect([kind, scenario, recordsOf(result)]).toEqual([
            ...[kind, scenario, recordsOf(expected)],
          ])
        }
      }
    },
  )
})

describe('whatever is used of this package gives what is right', () => {
  test.concurrent.each(
    CASES.filter((each) => !WITHOUT_RIGHT.test(each.join('='))),
  )('%s=%s', async (variable, name) => {
    const wrong = jsonOf(
      runNode(['--import', script('hostile.mjs'), script('everything.mjs')], {
        env: { [variable]: name },
      }),
    )
    expect(await wrong).toEqual([])
  })
})
