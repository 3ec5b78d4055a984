import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { explain, type TcpInfoVerdict } from '../../lib/verdict.js'
import { inNamespace, namespaceMissing } from '../support/namespace.js'
import { cases } from '../support/verdict-cases.mjs'

type Truth = Partial<TcpInfoVerdict>
const truths = Object.entries(cases).map(
  ([name, { truth }]) => [name, truth as Truth] as const,
)

/** Two cores can lead about so many connections without disturbing them. */
const JOBS = 3
const SEEDS = [7, 8]

async function lead(name: string, seed: number): Promise<TcpInfoVerdict> {
  const script = path.join(__dirname, '../support/run-verdict-case.mjs')
  const command = [process.execPath, script, name, String(seed)]
  const { code, stdout, stderr } = await inNamespace(command)
  if (code !== 0) throw new Error(`${name}: exit code ${code}\n${stderr}`)
  const { records } = JSON.parse(stdout) as { records: TcpInfo[] }
  return explain(records)
}

const said = (truth: Truth, verdict: TcpInfoVerdict) =>
  Object.fromEntries(
    Object.keys(truth).map((key) => [key, verdict[key as keyof Truth]]),
  )

const title = 'the verdict on a connection whose truth is known'

describe.skipIf(namespaceMissing)(
  namespaceMissing ? `${title} (skipped: ${namespaceMissing})` : title,
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
            const verdict = await lead(name, seed)
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
