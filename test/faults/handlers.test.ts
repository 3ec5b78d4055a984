// All there is to ask of a socket, asked in each of its handlers.

import { expect, test } from 'vitest'
import { jsonOf, runNode, script } from '../support/child.js'

interface Outcome {
  readonly results: readonly (readonly [label: string, events: string[]])[]
  readonly wrong: readonly string[]
}

const outcomeOf = (kind: string) =>
  jsonOf<Outcome>(runNode([script('handlers.mjs'), kind]))

test('in every handler an answer or a reason, and nothing else changes', async () => {
  const stock = await outcomeOf('stock')
  const seen = new Set(stock.results.flatMap(([, events]) => events))
  for (const event of ['lookup', 'connectionAttemptFailed', 'timeout', 'end']) {
    expect(seen).toContain(event)
  }
  for (const kind of ['ours', 'instrumented', 'registered']) {
    expect({ kind, ...(await outcomeOf(kind)) }).toEqual({ kind, ...stock })
  }
})
