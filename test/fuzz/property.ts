/**
 * Properties, short among the tests and long under `npm run fuzz`, which sets
 * FUZZ_RUNS and FUZZ_SEED.
 */

import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { test } from 'vitest'

declare module 'vitest' {
  interface TaskMeta {
    /** What scripts/fuzz.mjs prints. */
    fuzz?: { runs: number; seed: number }
  }
}

interface Options<T> {
  /** How often it runs among the tests. */
  readonly runs: number
  /** How often at most; whoever sets it says why. */
  readonly most?: number
  /** Whether the smallest input that fails is not looked for: it would take an hour. */
  readonly isSlow?: boolean
  /** Inputs that come first, each time. */
  readonly examples?: T[]
}

const FULL_RUNS = Number(process.env.FUZZ_RUNS ?? 0)
const SEED = Number(
  process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31),
)

/** The worker must answer now and then, or it is given up as hanging. */
const BATCH = 5_000
const LONGEST_MS = 2 * 60 * 60 * 1000

/** A test of a property. A failure tells the seed that repeats it. */
export function fuzz<T>(
  name: string,
  property: fc.IRawProperty<T>,
  {
    runs,
    most = Number.POSITIVE_INFINITY,
    isSlow = false,
    examples = [],
  }: Options<T>,
): void {
  test(
    name,
    async ({ task }) => {
      const total = Math.min(FULL_RUNS || runs, most)
      task.meta.fuzz = { runs: total, seed: SEED }
      for (let done = 0; done < total; done += BATCH) {
        await fc.assert(property as fc.IAsyncProperty<T>, {
          numRuns: Math.min(BATCH, total - done),
          seed: (SEED + done / BATCH) | 0,
          endOnFailure: isSlow,
          examples: done === 0 ? examples : [],
        })
        await setImmediate()
      }
    },
    FULL_RUNS ? LONGEST_MS : undefined,
  )
}

/** As `expect` would, which is too slow for a million times. */
export function check(isRight: boolean, wrong: () => string): void {
  if (!isRight) throw new Error(wrong())
}
