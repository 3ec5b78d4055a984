import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { transformSync } from 'esbuild'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { fromJsonLine, type TcpInfo } from '../../lib/index.js'
import { finished } from '../support/child.js'
import { CLI, ROOT, start, tcpinfo } from './run.js'

const PROGRAM = path.join(ROOT, 'test', 'support', 'recorded.mjs')

let folder: string

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'run-'))
  return () => rmSync(folder, { recursive: true })
})

const file = (name: string): string => path.join(folder, name)

/** Runs the program under `tcpinfo run`, with what it recorded. */
async function recorded(args: string[], options: string[] = []) {
  const saved = file(`${Math.random()}.jsonl`)
  const run = await tcpinfo([
    'run',
    '--save',
    saved,
    ...options,
    '--',
    process.execPath,
    PROGRAM,
    ...args,
  ])
  const lines = existsSync(saved)
    ? readFileSync(saved, 'utf8').split('\n').filter(Boolean).map(fromJsonLine)
    : []
  const connections = new Map<string, TcpInfo[]>()
  for (const { connection, info } of lines) {
    connections.set(connection, [...(connections.get(connection) ?? []), info])
  }
  return { ...run, saved, connections: [...connections.values()] }
}

/** Under `tcpinfo run`, which prints nothing then. */
const startProgram = (...args: string[]) =>
  start([
    ...['run', '--output', file('table'), '--'],
    ...[process.execPath, PROGRAM, ...args],
  ])

describe('the program', () => {
  test.each([
    ['exit code 0', ['exit', '0']],
    ['exit code 7', ['exit', '7']],
    ['an exception', ['throw']],
    ['a signal of its own', ['signal', 'SIGTERM']],
    ['SIGKILL', ['signal', 'SIGKILL']],
    ['input', ['echo']],
    ['input that is read at once', ['readSync']],
    ['as many listeners as may be', ['listeners']],
  ])('ends and prints as without us: %s', async (_, args) => {
    const input = 'from stdin\n'
    const alone = spawnSync(process.execPath, [PROGRAM, ...args], {
      input,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    const child = startProgram(...args)
    child.stdin.end(input)
    const [stdout, stderr] = await Promise.all(
      [child.stdout, child.stderr].map(async (stream) => {
        let text = ''
        for await (const chunk of stream.setEncoding('utf8')) text += chunk
        return text
      }),
    )
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, 'exit')
    }
    expect({
      code: child.exitCode,
      signal: child.signalCode,
      stdout,
      stderr,
    }).toEqual({
      code: alone.status,
      signal: alone.signal,
      stdout: alone.stdout,
      stderr: alone.stderr,
    })
  })

  // Node lives on with SIGPIPE and SIGXFSZ, other programs do not.
  test.each(['SIGPIPE', 'SIGXFSZ'] as const)(
    'ends as without us: killed by %s',
    async (signal) => {
      const { status, signal: killed } = spawnSync(process.execPath, [
        ...[CLI, 'run', '--output', file('table'), '--'],
        ...['sh', '-c', `kill -${signal.slice(3)} $$`],
      ])
      expect({ status, killed }).toEqual({ status: null, killed: signal })
    },
  )

  test.each([
    ...(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2'] as const),
    ...(['SIGALRM', 'SIGPIPE', 'SIGWINCH', 'SIGCONT', 'SIGABRT'] as const),
  ])('is told of %s, and may go on', async (signal) => {
    const child = startProgram('survive', signal)
    let stdout = ''
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      stdout += chunk
      if (chunk.includes('ready')) child.kill(signal)
    }
    if (child.exitCode === null) await once(child, 'exit')
    expect(stdout).toBe(`ready\ngot ${signal}\n`)
    expect(child.exitCode).toBe(3)
  })

  test.skipIf(!existsSync('/proc/self'))(
    'has the descriptors that were handed to us, and no others (Linux)',
    () => {
      const ours = [CLI, 'run', '--output', '/dev/null', '--']
      const look =
        'ls -l /proc/self/fd | grep -o "[0-9]* -> .*" | grep -v /proc'
      const listing = (command: string[]) =>
        spawnSync(
          'sh',
          [
            '-c',
            // A file, both ends of a pipe (as of make), a file after a gap.
            'mkfifo "$0"; exec 3<"$1" 4<>"$0" 5>&4 9<"$1"; rm "$0"; shift; exec "$@"',
            file('jobs'),
            PROGRAM,
            ...command,
          ],
          { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
        )
          .stdout.split('\n')
          .filter((line) => Number.parseInt(line, 10) > 2)
          .map((line) => line.replace(/jobs.*/, 'jobs'))
      const alone = listing(['sh', '-c', look])
      expect(alone.length).toBeGreaterThan(3)
      expect(listing([process.execPath, ...ours, 'sh', '-c', look])).toEqual(
        alone,
      )
    },
  )

  test.each([
    ['that does not exist', 'no-such-program', 127, 'ENOENT'],
    ['that is no program', ROOT, 126, 'EACCES'],
  ])('%s', async (_, program, code, error) => {
    const { exit, stdout, stderr } = await tcpinfo(['run', '--', program])
    expect({ exit, stdout }).toEqual({ exit: code, stdout: '' })
    expect(stderr).toContain(`could not be started (${error})`)
  })

  test('takes what looks like an option of ours', async () => {
    const { stdout } = await tcpinfo([
      ...['run', '--interval', '100'],
      ...[process.execPath, '-e', 'console.log(process.argv.slice(1))'],
      ...['--', '--json', '--interval'],
    ])
    expect(stdout).toContain("[ '--json', '--interval' ]")
  })

  test('is loaded as without us, whatever it is called', async () => {
    const program = file('program.txt')
    writeFileSync(
      program,
      `process.nextTick(() => console.log('tick', module.parent))
       Promise.resolve().then(() => console.log('promise'))`,
    )
    const alone = spawnSync(process.execPath, [program], { encoding: 'utf8' })
    const { stdout } = await tcpinfo(['run', '--', process.execPath, program])
    expect(stdout).toBe('tick null\npromise\n')
    expect(stdout).toBe(alone.stdout)
  })

  test('is loaded by older Nodes, too: in their JavaScript', () => {
    const preload = readFileSync(path.join(ROOT, 'dist/preload.cjs'), 'utf8')
    expect(() => transformSync(preload, { target: 'es5' })).not.toThrow()
  })

  test('leaves no file behind', async () => {
    const names = () =>
      readdirSync(tmpdir()).filter((name) => name.startsWith('tcpinfo-'))
    const before = names()
    await recorded(['exit', '0'])
    expect(names()).toEqual(before)
  })
})

describe('the record', () => {
  test('has every connection, sampled and to its end', async () => {
    const { connections, stderr } = await recorded(
      ['transfer'],
      ['--interval', '20'],
    )
    // Both sides are in the program.
    expect(connections.length).toBe(2)
    for (const records of connections) {
      expect(records[0]?.trigger).toBe('demand')
      expect(records.at(-1)?.trigger).toBe('close')
      expect(records.filter(({ trigger }) => trigger === 'close').length).toBe(
        1,
      )
      expect(
        records.filter(({ trigger }) => trigger === 'sample').length,
      ).toBeGreaterThan(2)
    }
    const received = connections.map(
      (records) => records.at(-1)?.appBytesRead as number,
    )
    expect(received.sort((a, b) => a - b)).toEqual([0, 1_000_000])
    expect(stderr).toMatch(/^remote +connections +failed/)
    expect(stderr).toContain('2 connections, ')
  })

  test('of a program that replaced its timers is the same', async () => {
    const { connections, exit } = await recorded(
      ['timers'],
      ['--interval', '20'],
    )
    expect(exit).toBe(0)
    expect(connections.length).toBe(2)
    for (const records of connections) {
      expect(records.length).toBeGreaterThan(3)
      expect(records.at(-1)?.trigger).toBe('close')
    }
  })

  test('without samples has the last records', async () => {
    const { connections } = await recorded(['transfer'], ['--interval', '0'])
    expect(connections.map(({ length }) => length)).toEqual([1, 1])
  })

  test('has what is open when the program exits', async () => {
    const { connections } = await recorded(['open'])
    expect(connections.map((records) => records.at(-1)?.trigger)).toEqual([
      'exit',
      'exit',
    ])
  })

  test('has the connections of child processes and workers', async () => {
    const { connections } = await recorded(['family'], ['--interval', '0'])
    // Two of the program itself, and two each of its child and its worker.
    expect(connections.length).toBe(6)
  })

  test('has what there was when the program was killed', async () => {
    const { connections, signal } = await recorded(
      ['killed'],
      ['--interval', '50'],
    )
    expect(signal).toBe('SIGKILL')
    expect(connections.length).toBe(2)
    for (const records of connections) {
      expect(records.at(-1)?.trigger).toBe('sample')
    }
  })

  test('is printed to stderr, or as JSON to a file', async () => {
    const output = file('summary.json')
    const { stdout, stderr } = await recorded(
      ['transfer'],
      ['--json', '--output', output],
    )
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' })
    const { remotes, connections } = JSON.parse(readFileSync(output, 'utf8'))
    expect(connections.length).toBe(2)
    expect(connections[0].verdict.limitedBy).toBeTypeOf('string')
    expect(
      remotes.reduce(
        (sum: number, each: { bytesReceived: number }) =>
          sum + each.bytesReceived,
        0,
      ),
    ).toBeGreaterThanOrEqual(1_000_000)
  })

  test('is had once of a run in a run, by copies wherever they are', async () => {
    // (Of what a folder can be called, these are the odd ones in NODE_OPTIONS.)
    const copy = file('a\tcopy "of\n it')
    mkdirSync(copy)
    for (const each of ['dist', 'prebuilds', 'package.json', 'node_modules']) {
      const from = path.join(ROOT, each)
      if (each === 'node_modules') symlinkSync(from, path.join(copy, each))
      else cpSync(from, path.join(copy, each), { recursive: true })
    }
    const inner = [process.execPath, path.join(copy, 'dist/cli.js')]
    const { stderr } = await tcpinfo([
      ...['run', '--', ...inner, 'run', '--'],
      ...[process.execPath, PROGRAM, 'transfer'],
    ])
    const counts = stderr.match(/^\d+ connections?, \d+ records?$/gm)
    expect(counts).toEqual(['2 connections, 4 records'])
  })

  test('counts no attempt as a connection, nor speaks of receivers without one', async () => {
    const { stderr } = await recorded(['refused'], ['--interval', '20'])
    expect(stderr).toMatch(/^2 connections, 1 failed attempt, \d+ records$/m)
    expect(stderr).toContain(
      'Unknown: few records tell little, and what is idle',
    )
    expect(stderr).not.toContain('only the side that sends')
  })

  test('becomes a page', async () => {
    const html = file('report.html')
    await recorded(['transfer'], ['--html', html])
    expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>/)
  })

  test.each(['--output', '--html', '--save'])(
    'that %s can’t write is refused before the program runs',
    async (option) => {
      const { exit, stdout, stderr } = await tcpinfo([
        ...['run', option, '/nonexistent/x', '--'],
        ...[process.execPath, '-e', 'console.log("it ran")'],
      ])
      expect({ exit, stdout }).toEqual({ exit: 9, stdout: '' })
      expect(stderr).toBe(
        'tcpinfo: "/nonexistent/x" can\'t be used (ENOENT)\n' +
          'Check its name, its folder and the rights on them.\n',
      )
    },
  )

  test('that is to go twice into one file is refused before the program runs', async () => {
    const one = file('one')
    const alias = file('alias')
    writeFileSync(one, '')
    symlinkSync(one, alias)
    const { exit, stdout, stderr } = await tcpinfo([
      ...['run', '--save', one, '--html', alias, '--'],
      ...[process.execPath, '-e', 'console.log("it ran")'],
    ])
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' })
    expect(stderr).toBe(
      `tcpinfo: "${alias}" is given twice, and would be overwritten\n` +
        'Give each file that is to be written a name of its own.\n',
    )
  })

  test('that cannot be kept at all leaves the exit code alone', async () => {
    const { exit, stderr } = await recorded(['tidy', '5'])
    expect(exit).toBe(5)
    expect(stderr).toContain('No TCP connection was recorded.')
  })

  test('is read whatever others put beside it', async () => {
    const temporary = mkdtempSync(file('tmp-'))
    const child = start(
      [
        ...['run', '--', 'sh', '-c'],
        'cd "$TMPDIR"/tcpinfo-* && mkfifo a && mkdir b && exec "$@"',
        ...['sh', process.execPath, PROGRAM, 'transfer'],
      ],
      { env: { TMPDIR: temporary } },
    )
    const { stderr } = await finished(child)
    expect(stderr).toMatch(/^2 connections, 4 records$/m)
    expect(readdirSync(temporary)).toEqual([])
  })

  test('is kept whatever signal comes once the program is over', async () => {
    const saved = file('signalled.jsonl')
    const pipe = file('pipe')
    const temporary = mkdtempSync(file('tmp-'))
    execFileSync('mkfifo', [pipe])
    const child = start(
      [
        ...['run', '--save', saved, '--output', pipe, '--'],
        ...[process.execPath, PROGRAM, 'transfer'],
      ],
      { env: { TMPDIR: temporary } },
    )
    // What comes after the program waits for somebody who reads the table.
    await vi.waitUntil(() => existsSync(saved) && statSync(saved).size > 0, {
      timeout: 20_000,
    })
    child.kill('SIGINT')
    child.kill('SIGTERM')
    const [table, [exit, signal]] = await Promise.all([
      readFile(pipe, 'utf8'),
      once(child, 'close'),
    ])
    expect({ exit, signal }).toEqual({ exit: 0, signal: null })
    expect(table).toMatch(/^2 connections, 4 records$/m)
    expect(readdirSync(temporary)).toEqual([])
  })

  test('is kept that is longer than a string can be', async () => {
    const saved = file('gigantic.jsonl')
    const { exit, stderr } = await tcpinfo([
      ...['run', '--save', saved, '--'],
      ...[process.execPath, PROGRAM, 'gigantic'],
    ])
    const { size } = statSync(saved)
    rmSync(saved)
    expect(exit).toBe(3)
    expect(stderr).toContain('2 connections, ')
    expect(size).toBeGreaterThan(2 ** 29)
  })

  test('that does not fit into memory costs no exit code, and is kept', async () => {
    const nodeOptions = ['--max-old-space-size=64']
    const temporary = mkdtempSync(file('tmp-'))
    const page = file('large.html')
    const { exit, stdout, stderr } = await tcpinfo(
      ['run', '--html', page, '--', process.execPath, PROGRAM, 'many'],
      { nodeOptions, env: { TMPDIR: temporary } },
    )
    expect({ exit, stdout }).toEqual({ exit: 3, stdout: '' })
    const complaint =
      'tcpinfo: so many records do not fit into the memory that Node takes\n' +
      'Give it more, as by NODE_OPTIONS=--max-old-space-size=8192 (MiB), or record with a longer --interval.\n'
    const [kept] = readdirSync(temporary)
    const records = path.join(temporary, `${kept}`)
    expect(stderr).toBe(
      `${complaint}The records are kept, for tcpinfo report, in ${records}/*\n`,
    )
    const report = await tcpinfo(['report', path.join(records, 'many.jsonl')], {
      nodeOptions,
    })
    expect(report).toMatchObject({ exit: 9, stdout: '', stderr: complaint })
  })

  test.skipIf(!existsSync('/dev/full')).each(['--save', '--html', '--output'])(
    'is kept when %s finds the disk full (needs /dev/full)',
    async (option) => {
      const temporary = mkdtempSync(file('tmp-'))
      const { exit, stdout, stderr } = await tcpinfo(
        [
          ...['run', option, '/dev/full', '--', 'sh', '-c', '"$@"; exit 5'],
          ...['', process.execPath, PROGRAM, 'transfer'],
        ],
        { env: { TMPDIR: temporary } },
      )
      expect({ exit, stdout }).toEqual({ exit: 5, stdout: '' })
      expect(stderr).toContain('2 connections, ')
      expect(stderr).toContain('"/dev/full" can\'t be used (ENOSPC)\n')
      const [kept] = readdirSync(temporary)
      const records = path.join(temporary, `${kept}`)
      expect(stderr).toContain(`in ${path.join(records, '*')}\n`)
      const files = readdirSync(records).map((name) => path.join(records, name))
      const { stdout: table } = await tcpinfo(['report', ...files])
      expect(stderr.startsWith(table)).toBe(true)
    },
  )

  test.skipIf(!existsSync('/proc/self'))(
    'goes through a named pipe, whose reader is not told of its end before (Linux)',
    async () => {
      const pipe = file('pipe')
      spawnSync('mkfifo', [pipe])
      const reader = spawn('cat', [pipe])
      const run = tcpinfo([
        ...['run', '--save', pipe, '--'],
        ...[process.execPath, PROGRAM, 'transfer'],
      ])
      let saved = ''
      for await (const text of reader.stdout.setEncoding('utf8')) saved += text
      // (It would wait for a reader for ever.)
      if (saved === '') spawn('cat', [pipe])
      expect(saved.trim().split('\n').length).toBeGreaterThan(2)
      expect((await run).exit).toBe(0)
    },
  )

  test('needs not be kept twice', async () => {
    const saved = file('once.jsonl')
    const temporary = mkdtempSync(file('tmp-'))
    const { stderr } = await tcpinfo(
      [
        ...['run', '--save', saved, '--output', '/dev/full', '--'],
        ...[process.execPath, PROGRAM, 'transfer'],
      ],
      { env: { TMPDIR: temporary } },
    )
    expect(stderr).toContain('2 connections, ')
    expect(stderr).toContain('"/dev/full" can\'t be used')
    expect(readdirSync(temporary)).toEqual([])
    expect(readFileSync(saved, 'utf8')).not.toBe('')
  })

  test.skipIf(!existsSync('/proc/self'))(
    'that cannot begin is no failed connection (Linux)',
    async () => {
      const temporary = mkdtempSync(file('tmp-'))
      // One variable may have 131,072 bytes, and ours is put in front.
      const { exit, stderr } = await tcpinfo(['run', '--', 'true'], {
        env: {
          TMPDIR: temporary,
          NODE_OPTIONS: '--no-warnings '.repeat(9361),
        },
      })
      expect(exit).toBe(6)
      expect(stderr).toBe('tcpinfo: this command failed: spawn E2BIG\n')
      expect(readdirSync(temporary)).toEqual([])
    },
  )

  test('is kept under the permission model with what the hint names', async () => {
    const flags = process.allowedNodeEnvironmentFlags
    const run = (allowed: string[]) => {
      const on = flags.has('--permission') ? '' : 'experimental-'
      const net = flags.has('--allow-net') ? ['--allow-net'] : []
      const options = [`--${on}permission`, `--allow-fs-read=${ROOT}/*`, ...net]
      return tcpinfo([
        ...['run', '--', process.execPath, ...options, ...allowed],
        ...[PROGRAM, 'transfer'],
      ])
    }
    const { stderr: hint } = await run([])
    expect(hint).toContain('No TCP connection was recorded.')
    expect(hint).toContain('may write to the folder for temporary files')
    const [read, addons] = ['/etc/alpine-release', '--allow-addons'].filter(
      (each) => hint.includes(each),
    )
    const { stderr } = await run([
      ...[`--allow-fs-read=${read}`, `${addons}`],
      `--allow-fs-write=${tmpdir()}/*`,
    ])
    expect(stderr).toContain('2 connections, ')
  })

  test('can be read by nobody else, who may guess its name', async () => {
    const { stdout } = await recorded(['rights'])
    expect(stdout).toBe('600\n')
  })

  test('is kept of a program that changes its directory', async () => {
    const saved = file('chdir.jsonl')
    const child = spawnSync(
      process.execPath,
      [
        ...[CLI, 'run', '--save', saved, '--'],
        ...[process.execPath, PROGRAM, 'chdir'],
      ],
      { cwd: folder, env: { ...process.env, NODE_OPTIONS: '', TMPDIR: '.' } },
    )
    expect(child.status).toBe(0)
    expect(readFileSync(saved, 'utf8').trim().split('\n').length).toBe(4)
  })

  test.skipIf(process.getuid?.() !== 0)(
    'is kept of a program that becomes another user (needs root)',
    async () => {
      const { connections } = await recorded(['nobody'])
      expect(connections.length).toBe(2)
    },
  )
})

describe('report', () => {
  test('makes of the file what run printed', async () => {
    const { saved, stderr } = await recorded(['transfer'])
    const { exit, stdout } = await tcpinfo(['report', saved])
    expect(exit).toBe(0)
    expect(stdout).toBe(stderr)
    const { stdout: csv } = await tcpinfo(['report', saved, '--csv'])
    expect(csv).toMatch(/^connection,/)
    expect(csv.trim().split('\n').length).toBe(
      readFileSync(saved, 'utf8').trim().split('\n').length + 1,
    )
  })

  test.each(['--output saved', '--html saved', '--html page --output page'])(
    'never writes over what it has read or written: %s',
    async (options) => {
      const { saved } = await recorded(['transfer'])
      const before = readFileSync(saved)
      const names = new Map([
        ['saved', saved],
        ['page', file('page.html')],
      ])
      const { exit, stderr } = await tcpinfo([
        ...['report', saved],
        ...options.split(' ').map((option) => names.get(option) ?? option),
      ])
      expect(exit).toBe(2)
      expect(stderr).toContain('is given twice, and would be overwritten')
      expect(readFileSync(saved)).toEqual(before)
    },
  )

  test('reads the standard input', async () => {
    const { saved, stderr } = await recorded(['transfer'])
    const { stdout } = spawnSync(process.execPath, [CLI, 'report', '-'], {
      input: readFileSync(saved),
      encoding: 'utf8',
    })
    expect(stdout).toBe(stderr)
  })

  test('reads a file that an editor gave a byte order mark', async () => {
    const { saved, stderr } = await recorded(['transfer'])
    writeFileSync(saved, `\uFEFF${readFileSync(saved, 'utf8')}`)
    const { stdout } = await tcpinfo(['report', saved])
    expect(stdout).toBe(stderr)
  })

  test('tells of lines that it could not read', async () => {
    const { saved } = await recorded(['transfer'])
    const text = readFileSync(saved, 'utf8')
    writeFileSync(saved, text.slice(0, -40))
    const { exit, stdout, stderr } = await tcpinfo(['report', saved])
    expect(exit).toBe(0)
    expect(stderr).toContain('1 line could not be read. The line is not JSON')
    expect(stdout).toContain('2 connections, 3 records')
  })

  test('a line of half a gigabyte takes neither its memory nor minutes', () => {
    const saved = file('gigantic.jsonl')
    writeFileSync(saved, '')
    truncateSync(saved, 2 ** 29)
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--max-old-space-size=128', CLI, 'report', saved],
      { encoding: 'utf8', timeout: 15_000 },
    )
    rmSync(saved)
    expect(stderr).toMatch(
      /^tcpinfo: this is no recording: no line could be read\. /,
    )
    expect(status).toBe(9)
  })

  test('keeps connections of several files apart that have one name', async () => {
    const { saved } = await recorded(['transfer'])
    const copies = [`${saved}.copy`, path.join(mkdtempSync(file('x')), 'copy')]
    for (const copy of copies) writeFileSync(copy, readFileSync(saved))
    const { stdout } = await tcpinfo(['report', saved, ...copies, '--json'])
    const { connections } = JSON.parse(stdout)
    expect(connections.length).toBe(6)
    expect(new Set(connections.map(({ id }: { id: string }) => id)).size).toBe(
      6,
    )
  })

  test('reads a file once that is named twice', async () => {
    const { saved, stderr } = await recorded(['transfer'])
    const { stdout } = await tcpinfo([
      'report',
      saved,
      `./${path.relative('.', saved)}`,
    ])
    expect(stdout).toBe(stderr)
  })

  test('knows no port where the records have none', async () => {
    const saved = file('portless.jsonl')
    const fixture = path.join(ROOT, 'test', 'fixtures', 'lossy-transfer.jsonl')
    const records = readFileSync(fixture, 'utf8')
    const portless = records.replaceAll(/"localPort":\d+,/g, '')
    // Of two each that may be of one server.
    writeFileSync(saved, portless + portless.replaceAll('er",', 'er 2",'))
    const { exit, stdout } = await tcpinfo(['report', saved])
    expect(exit).toBe(0)
    expect(stdout).toMatch(/^4 connections, 312 records$/m)
    expect(stdout).not.toContain('undefined')
  })

  test('does not wait for the end of a line that never ends', async () => {
    const { saved } = await recorded(['transfer'])
    const records = readFileSync(saved, 'utf8')
    writeFileSync(saved, `${'x'.repeat(20_000_000)}\n${records}`)
    const { exit, stdout, stderr } = await tcpinfo(['report', saved])
    expect(exit).toBe(0)
    expect(stdout).toContain('2 connections')
    expect(stderr).toContain('1 line could not be read.')
  })

  test('shows nothing that would steer the terminal', async () => {
    const { saved } = await recorded(['transfer'])
    const hostile = `\x1b[31m\u202e\u2028\u009b${'x'.repeat(5000)}`
    const lines = readFileSync(saved, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => ({ ...JSON.parse(line), remoteAddress: hostile }))
    writeFileSync(saved, lines.map((line) => JSON.stringify(line)).join('\n'))
    const { stdout } = await tcpinfo(['report', saved])
    const { stdout: json } = await tcpinfo(['report', saved, '--json'])
    for (const text of [stdout, json]) {
      for (const sign of '\x1b\u202e\u2028\u009b') {
        expect(text).not.toContain(sign)
      }
      expect(text).toContain('xxx')
    }
    expect(stdout.length).toBeLessThan(9000)
  })

  test('of a file without records', async () => {
    const { exit, stdout, stderr } = await tcpinfo([
      'report',
      path.join(ROOT, 'package.json'),
    ])
    expect({ exit, stdout }).toEqual({ exit: 9, stdout: '' })
    expect(stderr).toBe(
      `tcpinfo: this is no recording: no line could be read. The line is not JSON: {.
Give it a file that "tcpinfo run --save" wrote, or a program with toJsonLine().
`,
    )
  })

  test('of a file that is not there', async () => {
    const { exit, stdout, stderr } = await tcpinfo(['report', file('none')])
    expect({ exit, stdout }).toEqual({ exit: 9, stdout: '' })
    expect(stderr).toContain("can't be used (ENOENT)")
  })
})
