// The network fails in the middle of a transfer, in a namespace of its own.

import { describe, expect, test } from 'vitest'
import type { TcpInfo } from '../../lib/index.js'
import { script } from '../support/child.js'
import { inNamespace, namespaceMissing } from '../support/namespace.js'
import { titled } from '../witness/needs.js'

interface Outcome {
  readonly events: string[]
  readonly during?: TcpInfo
  readonly finals: TcpInfo[]
  readonly leaked: number
}

/** So that the kernel gives up within seconds. */
const setup = 'echo 3 > /proc/sys/net/ipv4/tcp_retries2'

async function transfer(kind: string, fault: string): Promise<Outcome> {
  const command = [process.execPath, script('network-faults.mjs'), kind, fault]
  const { code, stdout, stderr } = await inNamespace(command, { setup })
  if (code !== 0) throw new Error(`exit code ${code}\n${stderr}`)
  return JSON.parse(stdout) as Outcome
}

const KINDS = ['stock', 'ours', 'instrumented', 'registered']

const title = 'in the middle of a transfer'

describe.skipIf(namespaceMissing)(titled(title, namespaceMissing), () => {
  test.concurrent.each([
    ['the interface goes down and comes up', undefined],
    ['the interface goes down for good', 'ETIMEDOUT'],
    ['the peer falls silent', 'ETIMEDOUT'],
  ] as const)('%s', { timeout: 60_000 }, async (fault, errorCode) => {
    const [stock, ...others] = await Promise.all(
      KINDS.map((kind) => transfer(kind, fault)),
    )
    expect(stock?.events.at(-1)).toBe('close')
    if (errorCode) expect(stock?.events).toContain(`error ${errorCode}`)
    for (const { events, during, finals, leaked } of others) {
      expect({ events, leaked }).toEqual({ events: stock?.events, leaked: 0 })
      expect(during?.state).toBe('ESTABLISHED')
      expect(during?.segmentsRetransmitted).toBeGreaterThan(0)
      expect(during?.sendQueueBytes).toBeGreaterThan(0)
      expect(finals).toHaveLength(1)
      expect(finals[0]?.errorCode).toBe(errorCode)
      expect(finals[0]?.segmentsRetransmitted).toBeGreaterThanOrEqual(
        during?.segmentsRetransmitted as number,
      )
    }
  })
})
