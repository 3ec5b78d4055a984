// The command line, and the files that it reads. What only looks at its arguments
// runs here; else it is the built command, in a folder of its own.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConnections } from '../../lib/cli/connections.js'
import { EXIT, FileError, UsageError } from '../../lib/cli/failure.js'
import { failureText, stringify } from '../../lib/cli/outcome.js'
import { complaintOf, csvOf, tableJson, tableOf } from '../../lib/cli/table.js'
import { parseTarget } from '../../lib/cli/target.js'
import { parseCommand } from '../../lib/cli/usage.js'
import { CLI } from '../cli/run.js'
import { corpus, text } from './arbitraries.js'
import { check, fuzz } from './property.js'

let folder: string
let nowhere: string

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tcpinfo-fuzz-'))
  // No name of a server leaves this machine.
  nowhere = path.join(folder, 'lookup.cjs')
  writeFileSync(
    nowhere,
    `require('node:dns').lookup = (host, options, callback) => process.nextTick(
       callback, Object.assign(new Error('none'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' }))`,
  )
})

afterAll(() => rmSync(folder, { recursive: true }))

const WORDS = [
  ...['demo', 'probe', 'watch', 'run', 'report', '--', '-', '', '-h', '-v'],
  ...['--help', '--version', '--json', '--csv', '--insecure', '--timeout'],
  ...['--interval', '--duration', '--save', '--html', '--output', '--nonsense'],
  ...['--json=1', '--timeout=1', '--interval=0', '--duration=1', '--no-json'],
  ...['--constructor', '--__proto__=1', '--a.b', '-hv', '-x', '--=', '---'],
  ...['0', '1', '50', '-1', '1e3', '2147483648', '99999999999999999999', 'NaN'],
  ...['127.0.0.1:1', '[::1]:1', 'tcp://127.0.0.1:1', 'http://127.0.0.1:1/'],
  ...['https://127.0.0.1:1', 'http://%:x@127.0.0.1:1', 'http://[', 'a:0', '::'],
  ...['udp:1', 'unix:x', '\\\\.\\pipe\\x', 'none.invalid:1', 'ftp://a', './x'],
  ...['none', 'none.jsonl', '.', 'here.jsonl', 'true', 'false'],
]

const word = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 1, arbitrary: text },
)

/** Half of them begin as they should. */
const argv = fc
  .tuple(
    fc.option(fc.constantFrom('demo', 'probe', 'watch', 'run', 'report')),
    fc.array(word, { maxLength: 6 }),
  )
  .map(([name, others]) => (name === null ? others : [name, ...others]))

const kept = corpus<string[]>('argv').map((args): [string[]] => [args])

/** What a terminal would obey; ends of lines are ours. */
const STEERS = /[\p{Cf}\p{Zl}\p{Zp}]|(?!\n)\p{Cc}/u

fuzz(
  'any arguments are a command, or a complaint that says what to do',
  fc.property(argv, (args) => {
    try {
      const command = parseCommand(args)
      check(command.name.length > 0, () => 'no name')
      if (command.name === 'probe' || command.name === 'watch') {
        const { host, port } = parseTarget(command.target)
        check(
          host !== '' && port >= 1 && port <= 65_535,
          () => `${host} ${port}`,
        )
      }
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      check(
        [EXIT.usage, EXIT.notTcp].includes(error.exit as 2),
        () => `${error.exit}`,
      )
      const shown = failureText(undefined, error)
      check(shown.trimEnd().split('\n').length === 2, () => shown)
      check(!STEERS.test(shown), () => shown)
      check(
        !/undefined|\[object/.test(shown) ||
          /undefined|\[object/.test(args.join()),
        () => shown,
      )
    }
  }),
  { runs: 4000, examples: kept },
)

const CODES: readonly (number | null)[] = Object.values(EXIT)
const SLOWEST_MS = 20_000

async function run(args: readonly string[], cwd = folder) {
  const child = spawn(process.execPath, ['--require', nowhere, CLI, ...args], {
    cwd,
    env: { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: SLOWEST_MS,
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (data) => {
    if (stdout.length < 1e6) stdout += data
  })
  child.stderr.setEncoding('utf8').on('data', (data) => {
    stderr += data
  })
  const [exit, signal] = await once(child, 'close')
  return { exit: exit as number | null, signal, stdout, stderr }
}

const TRACE = /^ +at .*[:(]|node:internal|\.ts:\d|cli\.js:\d/m

/**
 * `run` would run a program, whose exit code is then ours; and no file is written
 * outside of the folder.
 */
const isHarmless = (args: readonly string[]): boolean =>
  !args.includes('run') &&
  args.every(
    (arg) =>
      !arg.includes('\0') && (arg.includes('127.0.0.1') || !/[/\\]/.test(arg)),
  )

fuzz(
  'the command ends by itself, with a code of its list and without a stack',
  fc.asyncProperty(argv.filter(isHarmless), async (args) => {
    const { exit, signal, stdout, stderr } = await run(args)
    check(signal === null, () => `${signal}: ${stderr}`)
    check(CODES.includes(exit), () => `${exit}: ${stderr}`)
    check(!TRACE.test(stderr) && !TRACE.test(stdout), () => stderr + stdout)
    check(!STEERS.test(stderr), () => stderr)
    if (exit !== 0) check(/\S{3}/.test(stderr), () => 'no word')
  }),
  // A process each, of a tenth of a second.
  { runs: 15, most: 2_000, isSlow: true },
)

const FIXTURE = readFileSync(
  new URL('../fixtures/lossy-transfer.jsonl', import.meta.url),
)
const FEW = FIXTURE.subarray(0, FIXTURE.indexOf('\n', 20_000) + 1)

/** A recording that something has happened to, or something else. */
const content = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  text.map((each) => Buffer.from(each)),
  fc
    .array(
      fc.record({
        at: fc.nat({ max: FEW.length }),
        dropped: fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 3000 })),
        inserted: fc.oneof(
          text,
          fc.constantFrom('\n', '\r\n', '{}', '1e999', 'null\n', '"', '\ufeff'),
        ),
      }),
      { minLength: 1, maxLength: 6 },
    )
    .map((changes) => {
      let bytes = FEW
      for (const { at, dropped, inserted } of changes) {
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(inserted),
          bytes.subarray(at + dropped),
        ])
      }
      return bytes
    }),
)

fuzz(
  'any file is a table, or is said not to be a recording',
  fc.asyncProperty(content, async (bytes) => {
    const file = path.join(folder, 'any.jsonl')
    writeFileSync(file, bytes)
    const recorded = await readConnections([file])
    const table = tableOf(recorded)
    const complaint = complaintOf(recorded)
    for (const shown of [table, complaint]) {
      check(!STEERS.test(shown), () => shown)
    }
    check(!/undefined|NaN|Infinity/.test(table), () => table)
    check(table !== '' || complaint !== '', () => 'not a word')
    const parsed = JSON.parse(stringify(tableJson(recorded)))
    check(parsed.unreadableLines === recorded.unreadable, () => 'JSON differs')
    const lines = [...csvOf(recorded)].join('').split('\r\n').length
    check(lines > recorded.connections.length, () => `${lines} lines`)
  }),
  // A file is written and read each time.
  { runs: 300, most: 100_000 },
)

describe('report reads', () => {
  const report = (...files: string[]) => run(['report', ...files])
  const REFUSED = { exit: EXIT.file, signal: null, stdout: '' }
  const file = (name: string, bytes: string | Uint8Array) => {
    const place = path.join(folder, name)
    writeFileSync(place, bytes)
    return place
  }

  test.each(['.', 'none', '', 'none/none', `${'x'.repeat(300)}`])(
    'no file: "%s"',
    async (name) => {
      const run = await report(name)
      expect(run).toMatchObject(REFUSED)
      expect(run.stderr).toMatch(/^tcpinfo: ".*" can't be used \(E[A-Z]+\)\n/)
      expect(run.stderr).not.toMatch(TRACE)
    },
  )

  test.each([
    ['zeros', new Uint8Array(100_000)],
    ['one line of 20 MB', 'x'.repeat(20_000_000)],
    ['deeply nested', '['.repeat(500_000)],
    [
      'deeply nested where a text should be',
      `{"platform":${'['.repeat(200_000)}${']'.repeat(200_000)}}`,
    ],
    ['line ends only of another kind', '{}\r{}\r{}'],
  ])('no recording: %s', async (name, bytes) => {
    const run = await report(file(`${name}.jsonl`, bytes))
    expect(run).toMatchObject(REFUSED)
    expect(run.stderr).toMatch(
      /^tcpinfo: this is no recording: no line could be read\. /,
    )
    expect(run.stderr).not.toMatch(TRACE)
  })

  test('an empty file: nothing was recorded', async () => {
    expect(await report(file('empty.jsonl', ''))).toMatchObject({ exit: 0 })
    expect(await report('/dev/null')).toMatchObject({ exit: 0 })
  })

  test('a pipe with a name', async () => {
    const pipe = path.join(folder, 'pipe')
    spawnSync('mkfifo', [pipe])
    const reading = report(pipe)
    writeFileSync(pipe, FEW)
    expect(await reading).toMatchObject({ exit: 0, stderr: '' })
  })
})

test('a file that can not be opened is said so', async () => {
  await expect(readConnections([path.join(folder, 'none')])).rejects.toThrow(
    FileError,
  )
})
