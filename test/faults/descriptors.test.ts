// A process without a descriptor left (EMFILE).

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { script } from '../support/child.js'

interface Outcome {
  readonly log: string[][]
  readonly failure?: string
  readonly trigger?: string
}

async function limited<T>(mode: string): Promise<T> {
  const command = 'ulimit -n 64; exec "$@"'
  const { stdout } = await promisify(execFile)('sh', [
    ...['-c', command, 'sh', process.execPath],
    ...[script('descriptors.mjs'), mode],
  ])
  return JSON.parse(stdout) as T
}

test.concurrent.each(['ours', 'instrumented', 'registered'])(
  '%s: connect() and accept() fail as with stock sockets',
  async (kind) => {
    const { log, failure, trigger } = await limited<Outcome>(kind)
    const stock = await limited<Outcome>('stock')
    expect(stock.log).toContainEqual(['none left', 'error', 'EMFILE'])
    expect(stock.log).toContainEqual(['some left', 'end'])
    expect(log).toEqual(stock.log)
    const isRegistered = kind === 'registered'
    expect(failure).toBe(
      isRegistered ? undefined : 'ERR_TCP_INFO_NOT_CONNECTED',
    )
    expect(trigger).toBe(isRegistered ? undefined : 'close')
  },
)

test('the package loaded then says what is the matter', async () => {
  expect(await limited('late')).toEqual({
    ...{ supported: false, code: 'ERR_TCP_INFO_BINDING' },
    message: expect.stringMatching(
      /no file descriptor left .*import .* earlier/,
    ),
  })
})
