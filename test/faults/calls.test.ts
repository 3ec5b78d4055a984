// The addon's system calls fail, or answer with less than there is: by faults.c, which
// is preloaded, and by a sandbox (deny.c) that forbids one of them.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jsonOf, runNode, script } from '../support/child.js'
import { compile, compileShim, Faults } from '../support/faults.mjs'
import { namespaceMissing } from '../support/namespace.js'
import { type Result, runScenarios } from '../support/scenario-runs.js'
import { scenarios } from '../support/scenarios.mjs'
import { compilerMissing, titled } from '../witness/needs.js'

const { errno } = constants
const ALWAYS = 1_000_000
const SYSTEM = 'ERR_TCP_INFO_SYSTEM'
const UNSUPPORTED = 'ERR_TCP_INFO_UNSUPPORTED'

let folder: string
let shim: string
let deny: string

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'faults-'))
  if (compilerMissing) return
  shim = compileShim(folder)
  deny = compile('deny.c', folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

interface Rule {
  readonly call: string
  readonly error?: number
  readonly length?: number
  readonly millionths?: number
  readonly nth?: number
}

let files = 0

/** A file that faults.c is led by, and the environment of a process to be led. */
function led(): { faults: Faults; env: Record<string, string> } {
  const FAULTS_FILE = path.join(folder, `control-${++files}`)
  const faults = new Faults(FAULTS_FILE)
  return { faults, env: { LD_PRELOAD: shim, FAULTS_FILE } }
}

interface Told {
  readonly events: string[]
  readonly during: Record<string, unknown> & { samples: number }
  readonly after: Record<string, unknown>
}

describe.skipIf(compilerMissing)(
  titled('what is told', compilerMissing),
  () => {
    const refused = (name: keyof typeof errno, code: string) => ({
      ...{ name: 'TcpInfoError', code, errno: errno[name], errorName: name },
    })

    async function toldOf(rule: Rule): Promise<Told> {
      const { env } = led()
      const rules = JSON.stringify([{ millionths: ALWAYS, ...rule }])
      const run = runNode([script('faulty-reads.mjs'), rules], { env })
      const [told] = await jsonOf<Told[]>(run)
      return told as Told
    }

    test.concurrent.each([
      ...(
        ['ENOMEM', 'ENOBUFS', 'EINTR', 'EFAULT', 'EPERM', 'EIO'] as const
      ).map((name) => [name, SYSTEM] as const),
      ['ENOSYS', UNSUPPORTED],
      ['ENOPROTOOPT', UNSUPPORTED],
    ] as const)('TCP_INFO fails with %s', async (name, code) => {
      const { events, during, after } = await toldOf({
        call: 'TCP_INFO',
        error: errno[name],
      })
      const error = refused(name, code)
      expect(events).toEqual(['end', 'close'])
      expect(during).toEqual({
        ...{ error, read: { error }, state: { error }, samples: 0 },
      })
      expect(after).toEqual({ error })
    })

    test('TCP_INFO succeeds and fills nothing', async () => {
      const { events, during, after } = await toldOf({ call: 'TCP_INFO' })
      const error = { name: 'TcpInfoError', code: SYSTEM }
      expect(events).toEqual(['end', 'close'])
      expect(during).toEqual({ error, read: { error }, samples: 0 })
      expect(after).toEqual({ error })
    })

    test.concurrent.each([
      [1, { state: 'ESTABLISHED' }, ['rttUs', 'bytesReceived', 'segmentsOut']],
      [104, { segmentsRetransmitted: 0 }, ['bytesReceived', 'notSentBytes']],
      [135, { bytesAcked: 6 }, ['bytesReceived', 'segmentsOut', 'bytesSent']],
      [192, { bytesReceived: 5 }, ['bytesSent', 'sndWndBytes', 'rtoCount']],
    ] as const)(
      'TCP_INFO fills %i bytes: what is behind them is absent',
      async (length, present, absent) => {
        const { events, during, after } = await toldOf({
          call: 'TCP_INFO',
          length,
        })
        expect(events).toEqual(['tcpinfo', 'end', 'tcpinfo', 'close'])
        expect(during.samples).toBeGreaterThan(0)
        for (const info of [during.captured, during.info, during.read]) {
          expect(info).toMatchObject(present)
          for (const name of absent) expect(info).not.toHaveProperty(name)
        }
        expect(during.state).toBe('ESTABLISHED')
        for (const name of absent) expect(after.info).not.toHaveProperty(name)
      },
    )

    test.concurrent.each(['getsockname', 'SO_PEERNAME'])(
      '%s fails: the record lacks what it would have told',
      async (call) => {
        const { events, during } = await toldOf({ call, error: errno.ENOBUFS })
        expect(events).toEqual(['tcpinfo', 'end', 'tcpinfo', 'close'])
        expect(during.error).toBeUndefined()
        expect(during.captured).toMatchObject({ bytesReceived: 5 })
        const { localPort, remotePort } = during.captured as Record<
          string,
          number
        >
        if (call === 'getsockname') expect(localPort).toBeUndefined()
        else expect(localPort).toBeGreaterThan(0)
        // Of the peer, getpeername() or the socket's own attempt tells.
        expect(remotePort).toBeGreaterThan(0)
      },
    )
  },
)

const missing = compilerMissing ?? namespaceMissing
const title = 'connections end as they do with stock sockets'

describe.skipIf(missing)(titled(title, missing), () => {
  const KINDS = ['ours', 'instrumented', 'registered'] as const
  const quick = JSON.stringify(
    scenarios.filter(({ isSlow }) => !isSlow).map(({ name }) => name),
  )
  const run = (words: readonly string[], kind: string) =>
    runScenarios([
      ...[...words, process.execPath, script('run-scenarios.mjs'), kind, quick],
    ])
  let stock: Map<string, Result>
  beforeAll(async () => {
    stock = await run([], 'stock')
  }, 60_000)

  /** `hasRecords`: whether there can be any. */
  async function expectSame(words: readonly string[], hasRecords: boolean) {
    for (const kind of KINDS) {
      for (const [name, result] of await run(words, kind)) {
        const { entries, leaked, outcome } = result
        expect({ kind, name, entries, leaks: leaked > 0 }).toEqual({
          ...{ kind, name, leaks: false },
          entries: stock.get(name)?.entries,
        })
        if (hasRecords) continue
        for (const { records, hasInfo } of outcome) {
          expect({ kind, name, records, hasInfo }).toEqual({
            ...{ kind, name, records: [], hasInfo: false },
          })
        }
      }
    }
  }

  test.concurrent.each<[string, boolean, ...Rule[]]>([
    [
      'every read fails',
      false,
      { call: 'TCP_INFO', millionths: ALWAYS, error: errno.ENOMEM },
    ],
    [
      'every read fills nothing',
      false,
      { call: 'TCP_INFO', millionths: ALWAYS },
    ],
    [
      'every second call fails, at random',
      true,
      { call: 'TCP_INFO', millionths: ALWAYS / 2, error: errno.EINTR },
      { call: 'getsockname', millionths: ALWAYS / 2, error: errno.ENOBUFS },
      { call: 'SO_PEERNAME', millionths: ALWAYS / 2, error: errno.EINTR },
      { call: 'getpeername', millionths: ALWAYS / 2, error: errno.ENOMEM },
      { call: 'socket', millionths: ALWAYS / 2, error: errno.EMFILE },
    ],
    [
      'the tenth read fails',
      true,
      { call: 'TCP_INFO', nth: 10, error: errno.EIO },
    ],
    // As with QEMU's emulation of Linux: the peer is learnt while it is there.
    [
      'SO_PEERNAME is unknown',
      true,
      { call: 'SO_PEERNAME', millionths: ALWAYS, error: errno.EOPNOTSUPP },
    ],
    [
      'every read is short',
      true,
      { call: 'TCP_INFO', millionths: ALWAYS, length: 1 },
    ],
  ])('%s', { timeout: 90_000 }, async (_, hasRecords, ...rules) => {
    const { faults, env } = led()
    faults.seed(6)
    for (const { call, ...rule } of rules) faults.fail(call, rule)
    const variables = Object.entries(env).map((each) => each.join('='))
    await expectSame(['env', ...variables], hasRecords)
    const counts = Object.entries(faults.counts())
    for (const { call } of rules.filter((each) => each.call !== 'socket')) {
      expect(counts).toContainEqual([
        call,
        { seen: expect.any(Number), injected: expect.any(Number) },
      ])
      expect(Object.fromEntries(counts)[call]?.injected).toBeGreaterThan(0)
    }
  })

  test.concurrent.each(['EPERM', 'ENOSYS'] as const)(
    'a sandbox answers reads with %s',
    { timeout: 90_000 },
    (name) => expectSame([deny, String(errno[name])], false),
  )
})

describe.skipIf(compilerMissing)(titled('the clock', compilerMissing), () => {
  test.concurrent.each([-6, 6])('jumps by %i hours', async (hours) => {
    const { env } = led()
    const args = [script('clock-jumps.mjs'), String(hours * 3_600_000)]
    const told = await jsonOf<{
      jumpedMs: number
      connectDurationMs: number
      sampleMs: number[]
      deltaMs: number
      requests: { status: number; sockets: number }
    }>(runNode(args, { env }))
    expect(Math.abs(told.jumpedMs / 3_600_000 - hours)).toBeLessThan(0.01)
    expect(told.connectDurationMs).toBeGreaterThan(0)
    expect(told.connectDurationMs).toBeLessThan(10_000)
    expect(told.sampleMs.length).toBeGreaterThan(5)
    for (const ms of told.sampleMs) {
      expect(ms).toBeGreaterThan(0)
      expect(ms).toBeLessThan(10_000)
    }
    // Of records alone nothing else is known than the clock that was set.
    expect(told.deltaMs).toBeGreaterThanOrEqual(0)
    expect(told.requests).toEqual({ status: 200, sockets: 1 })
  })
})

describe.skipIf(compilerMissing)(titled('a sandbox', compilerMissing), () => {
  test.each([
    ['EPERM', SYSTEM, /sandbox/],
    ['ENOSYS', UNSUPPORTED, /has no call/],
  ] as const)('%s: support() says so', (name, code, help) => {
    const program = `
      const { support } = require(${JSON.stringify(script('../../dist/index.cjs'))})
      const { reason, ...rest } = support()
      const { code, errorName, message } = reason
      console.log(JSON.stringify({ ...rest, code, errorName, message }))`
    const args = [String(errno[name]), process.execPath, '-e', program]
    const told = JSON.parse(execFileSync(deny, args, { encoding: 'utf8' }))
    expect(told).toMatchObject({ supported: false, code, errorName: name })
    expect(told.message).toMatch(help)
  })
})

function readKernelSetting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim()
  } catch {
    return undefined
  }
}

const multipathMissing =
  compilerMissing ??
  (readKernelSetting('net/mptcp/enabled') === '1'
    ? undefined
    : 'this kernel has no Multipath TCP, or it is switched off')

describe.skipIf(multipathMissing)(
  titled('Multipath TCP', multipathMissing),
  () => {
    test('once no subflow is left, nothing is told of a new one', async () => {
      const [transfers, bytes] = [10, 100_000]
      const env = { LD_PRELOAD: compileShim(folder, 'mptcp.c') }
      const program = [script('mptcp.mjs'), String(transfers), String(bytes)]
      const finals = await jsonOf<Record<string, unknown>[]>(
        runNode(program, { env }),
      )
      expect(finals).toHaveLength(transfers)
      const isTrue = (counted: unknown): boolean =>
        counted === undefined || Number(counted) >= bytes
      for (const { appBytesRead, bytesReceived, segmentsIn } of finals) {
        expect(appBytesRead).toBe(bytes)
        expect(bytesReceived).toSatisfy(isTrue)
        expect(segmentsIn).not.toBe(0)
      }
      // Else the case did not come up.
      expect(finals.map((each) => each.bytesReceived)).toContain(undefined)
    })
  },
)
