import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { explain, type TcpInfoVerdict } from '../../lib/verdict/index.js'
import { cases } from '../support/verdict-cases.mjs'

interface Run {
  readonly case: keyof typeof cases
  readonly members: readonly (keyof TcpInfo)[]
  readonly rows: readonly (readonly unknown[])[]
}

const url = new URL('../fixtures/verdicts.json', import.meta.url)
const { runs } = JSON.parse(readFileSync(url, 'utf8')) as { runs: Run[] }

const recorded = runs.map(({ case: name, members, rows }) => ({
  name,
  truth: cases[name].truth as Partial<TcpInfoVerdict>,
  // null is absent.
  records: rows.map(
    (row) =>
      Object.fromEntries(
        members.flatMap((member, i) =>
          row[i] === null ? [] : [[member, row[i]]],
        ),
      ) as unknown as TcpInfo,
  ),
}))

test('all cases are recorded', () => {
  expect(recorded.map(({ name }) => name).sort()).toEqual(
    Object.keys(cases).sort(),
  )
})

describe.each(recorded)('$name', ({ truth, records }) => {
  test('is explained', () => {
    expect(explain(records)).toMatchObject(truth)
  })

  test('its evidence is in its records', () => {
    const verdict = explain(records)
    expect(verdict.confidence > 0).toBe(verdict.limitedBy !== 'unknown')
    if (verdict.limitedBy !== 'unknown') {
      expect(verdict.evidence).not.toEqual({})
    }
    for (const name of Object.keys(verdict.evidence)) {
      expect(records.some((each) => name in each)).toBe(true)
    }
  })
})

const limited = recorded.flatMap(({ truth: { limitedBy }, ...run }) =>
  limitedBy ? [{ ...run, limitedBy }] : [],
)

// Less is known then, but nothing else.
describe.each(limited)('$name', ({ limitedBy, records }) => {
  test.each([
    ['the last record alone', records.slice(-1)],
    ['the first and the last', [...records.slice(0, 1), ...records.slice(-1)]],
    [
      'every fourth',
      records.filter((_, i) => (records.length - 1 - i) % 4 === 0),
    ],
  ])('%s: is explained so, or unknown', (_, few) => {
    expect([limitedBy, 'unknown']).toContain(explain(few).limitedBy)
  })

  test('without timers: is explained so, or unknown', () => {
    const untimed = records.map(
      ({ busyUs, rwndLimitedUs, sndbufLimitedUs, ...others }) =>
        others as unknown as TcpInfo,
    )
    expect([limitedBy, 'unknown']).toContain(explain(untimed).limitedBy)
  })
})
