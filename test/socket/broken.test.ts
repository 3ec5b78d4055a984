import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ChildOptions, jsonOf, runNode, script } from '../support/child.js'

const root = path.join(__dirname, '../..')

interface Told {
  captured?: string
  info?: string
  error?: Failed
  read?: Failed
  state?: Failed
}

interface Failed {
  name: string
  code: string
  message: string
  isOurs: boolean
  hasCause: boolean
}

interface Used {
  events: string[]
  echoed?: string
  bodies?: string[]
  sockets?: number
  before?: Told
  during: Told
  after: Told
}

interface Support {
  supported: boolean
  structBytes?: number
  source?: string
  reason?: Failed
}

interface Outcome {
  results: Record<string, Record<string, Used>>
  accepted: string[][]
  supportBefore: Support
  supportAfter: Support
}

/** The package as it is installed, and broken by `sabotage`. */
function installed(sabotage: (folder: string) => void): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'broken-package-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const part of [
    'package.json',
    'dist',
    'prebuilds',
    'node_modules/node-gyp-build',
  ]) {
    cpSync(path.join(root, part), path.join(folder, part), { recursive: true })
  }
  sabotage(folder)
  return folder
}

/** The binaries for this machine. */
function prebuildsOf(folder: string): string[] {
  const tuple = `${process.platform}-${process.arch}`
  const prebuilds = path.join(folder, 'prebuilds', tuple)
  return readdirSync(prebuilds).map((name) => path.join(prebuilds, name))
}

/** Puts something else into the place of every binary. */
const replaceBinaries =
  (change: (binary: Buffer) => Uint8Array | string) =>
  (folder: string): void => {
    const files = prebuildsOf(folder)
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) writeFileSync(file, change(readFileSync(file)))
  }

/** e_machine of an ELF header; 183 is AArch64, 62 is x86-64. */
function otherMachine(binary: Buffer): Buffer {
  const copy = Buffer.from(binary)
  expect(copy.toString('latin1', 1, 4)).toBe('ELF')
  copy.writeUInt16LE(copy.readUInt16LE(18) === 183 ? 62 : 183, 18)
  return copy
}

const whole = () => {}

const hasFlag = (flag: string): boolean =>
  process.allowedNodeEnvironmentFlags.has(flag)

/** Only files may be read; since Node 25 the network is a permission too. */
const permission: ChildOptions = {
  nodeOptions: [
    hasFlag('--permission') ? '--permission' : '--experimental-permission',
    '--allow-fs-read=*',
    ...(hasFlag('--allow-net') ? ['--allow-net'] : []),
  ],
  // That the model is an experiment.
  env: { NODE_NO_WARNINGS: '1' },
}

interface Case {
  readonly what: string
  readonly sabotage?: (folder: string) => void
  readonly options?: ChildOptions
  readonly patch?: string
  readonly code: string
  /** What the message says is to be done. */
  readonly help: RegExp
  /** How much is known before the first socket is seen. */
  readonly isKnownAtOnce?: boolean
}

const BINDING = 'ERR_TCP_INFO_BINDING'
const UNSUPPORTED = 'ERR_TCP_INFO_UNSUPPORTED'
const noBinary = /There is no binary .* its folder whole/
const refused = /refused by the system's loader.* Install again/

const cases: readonly Case[] = [
  {
    what: 'no prebuilds',
    sabotage: (folder) => rmSync(`${folder}/prebuilds`, { recursive: true }),
    code: BINDING,
    help: noBinary,
  },
  {
    what: 'prebuilds for other machines only',
    sabotage: (folder) => {
      rmSync(`${folder}/prebuilds`, { recursive: true })
      mkdirSync(`${folder}/prebuilds/sunos-sparc`, { recursive: true })
    },
    code: BINDING,
    help: noBinary,
  },
  {
    what: 'a prebuild that is garbage',
    sabotage: replaceBinaries(() => 'garbage\n'.repeat(1000)),
    code: BINDING,
    help: refused,
  },
  {
    what: 'a prebuild that is empty',
    sabotage: replaceBinaries(() => ''),
    code: BINDING,
    help: refused,
  },
  {
    what: 'a prebuild for another machine',
    sabotage: replaceBinaries(otherMachine),
    code: BINDING,
    help: refused,
  },
  {
    what: 'another addon in the place of ours',
    // What node-gyp-build gives when TCPINFO_SOCKET_PREBUILD leads elsewhere.
    sabotage: (folder) =>
      writeFileSync(
        `${folder}/node_modules/node-gyp-build/index.js`,
        'module.exports = () => ({ hello() {} })',
      ),
    code: BINDING,
    help: /could not be loaded.*Install again/,
  },
  {
    what: "Node's permission model",
    options: permission,
    code: BINDING,
    help: /add --allow-addons/,
  },
  {
    what: '--no-addons',
    options: { nodeOptions: ['--no-addons'] },
    code: BINDING,
    help: /started with --no-addons/,
  },
  {
    what: 'handles without a descriptor',
    patch: 'fd undefined',
    code: UNSUPPORTED,
    help: /Node v.* newer version of tcpinfo-socket/,
    isKnownAtOnce: false,
  },
  {
    what: 'handles whose descriptor throws',
    patch: 'fd throws',
    code: UNSUPPORTED,
    help: /Node v.* newer version of tcpinfo-socket/,
    isKnownAtOnce: false,
  },
]

function use(
  folder: string,
  how: string,
  clients: string,
  { patch = '', options = {} }: Partial<Case> = {},
): Promise<Outcome> {
  return jsonOf<Outcome>(
    runNode([script('broken.mjs'), folder, how, clients, patch], options),
  )
}

const ALL = 'sockets,http,https'
const OURS = ['ours', 'instrumented']

test.each(['import', 'require'])('nothing broken, by %s', async (how) => {
  const outcome = await use(installed(whole), how, ALL)
  const { results, accepted, supportBefore, supportAfter } = outcome
  for (const support of [supportBefore, supportAfter]) {
    expect(support).toMatchObject({ supported: true, source: 'TCP_INFO' })
    expect(support.reason).toBeUndefined()
  }
  for (const used of Object.values(results)) {
    for (const kind of OURS.filter((each) => each in used)) {
      const { events, during, after } = used[kind] as Used
      expect(during).toEqual({ captured: 'ESTABLISHED', info: 'ESTABLISHED' })
      expect(after.info).toBeDefined()
      expect(events).toContain('tcpinfo')
      expect(events.filter((each) => each !== 'tcpinfo')).toEqual(
        used.stock?.events,
      )
    }
  }
  for (const events of accepted) expect(events).toContain('tcpinfo')
})

test('permission to load addons is enough', async () => {
  const outcome = await use(installed(whole), 'import', 'sockets', {
    options: {
      ...permission,
      nodeOptions: [...(permission.nodeOptions ?? []), '--allow-addons'],
    },
  })
  expect(outcome.supportAfter.supported).toBe(true)
  expect(outcome.results.sockets?.ours?.after.info).toBeDefined()
})

describe.each(cases.map((each) => [each.what, each] as const))(
  '%s',
  (_, broken) => {
    const { code, help, isKnownAtOnce = true } = broken
    const failed = { name: 'TcpInfoError', isOurs: true, code }

    function expectFailure(error: Failed | undefined) {
      expect(error).toMatchObject(failed)
      expect(error?.message).toMatch(help)
    }

    /** Everything as with stock sockets, and a reason for what is not. */
    function expectPlain(stock: Used, kind: Used) {
      expect(kind.events).toEqual(stock.events)
      expect(kind.events.at(-1)).toBe('close')
      const { echoed, bodies, sockets } = stock
      expect(kind).toMatchObject(JSON.parse(JSON.stringify({ echoed, bodies })))
      expect(kind.sockets).toBe(sockets)
      for (const told of [kind.before, kind.during, kind.after]) {
        if (!told) continue
        expect(told.captured).toBeUndefined()
        expect(told.info).toBeUndefined()
        expectFailure(told.error)
        expectFailure(told.read)
        expectFailure(told.state)
      }
      expectFailure(stock.during.read)
    }

    test.each(['import', 'require'])('by %s', async (how) => {
      const folder = installed(broken.sabotage ?? whole)
      const outcome = await use(folder, how, ALL, broken)
      const { results, accepted, supportBefore, supportAfter } = outcome

      expect(Object.keys(results)).toEqual(['sockets', 'http', 'https'])
      for (const used of Object.values(results)) {
        for (const kind of OURS.filter((each) => each in used)) {
          expectPlain(used.stock as Used, used[kind] as Used)
        }
      }
      expect(results.sockets?.ours?.echoed).toBe('hello')
      expect(results.https?.ours?.bodies).toEqual(['hello', 'hello'])
      expect(accepted).toHaveLength(3)
      for (const events of accepted) {
        expect(events).not.toContain('tcpinfo')
        expect(events.at(-1)).toBe('close')
      }

      expect(supportBefore.supported).toBe(!isKnownAtOnce)
      expect(supportAfter.supported).toBe(false)
      expect(supportAfter.structBytes).toBeUndefined()
      expectFailure(supportAfter.reason)
    })

    test('when all sockets are TLS', async () => {
      const folder = installed(broken.sabotage ?? whole)
      const outcome = await use(folder, 'import', 'https', broken)
      const { stock, ours } = outcome.results.https as Record<string, Used>
      expectPlain(stock as Used, ours as Used)
      expect(outcome.supportAfter.supported).toBe(false)
    })
  },
)
