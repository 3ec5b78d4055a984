import { beforeAll, describe, expect, test } from 'vitest'
import { explain, type TcpInfoVerdict } from '../../lib/verdict/index.js'
import { leadVerdictCase } from '../support/lead-verdict-case.js'
import { cases } from '../support/verdict-cases.mjs'
import { findLinkMissing, titled } from '../witness/needs.js'

type Truth = Partial<TcpInfoVerdict>
const truths = Object.entries(cases).map(
  ([name, { truth }]) => [name, truth as Truth] as const,
)

/** Two cores can lead about so many connections without disturbing them. */
const JOBS = 3
const SEEDS = [7, 8]

const said = (truth: Truth, verdict: TcpInfoVerdict) =>
  Object.fromEntries(
    Object.keys(truth).map((key) => [key, verdict[key as keyof Truth]]),
  )

const linkMissing = await findLinkMissing()

describe.skipIf(linkMissing)(
  titled('the verdict on a connection whose truth is known', linkMissing),
  () => {
    const verdicts = new Map<string, TcpInfoVerdict[]>()

    beforeAll(async () => {
      const queue = [...truths]
      const work = async () => {
        for (let next = queue.shift(); next; next = queue.shift()) {
          const [name, truth] = next
          const tried: TcpInfoVerdict[] = []
          verdicts.set(name, tried)
          // "Unknown" is an answer, but not a second time.
          for (const seed of SEEDS) {
            const { records } = await leadVerdictCase(name, seed)
            const verdict = explain(records)
            tried.push(verdict)
            if (!Object.values(said(truth, verdict)).includes('unknown')) break
          }
        }
      }
      await Promise.all(Array.from({ length: JOBS }, work))
    }, 300_000)

    test.each(truths)('%s', (name, truth) => {
      const tried = verdicts.get(name) ?? []
      const last = tried.at(-1)
      expect(last && said(truth, last), last?.summary).toEqual(truth)
    })
  },
)
