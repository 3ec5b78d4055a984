import { readFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ROOT, tcpinfo, tcpinfoJson } from './run.js'

describe('help', () => {
  test.each([
    [['--help'], 'Usage: tcpinfo <command>'],
    [['-h'], 'Usage: tcpinfo <command>'],
    [['demo', '--help'], 'Usage: tcpinfo demo'],
    [['probe', '--help'], 'Usage: tcpinfo probe <target>'],
    [['watch', '--help'], 'Usage: tcpinfo watch <target>'],
    [['run', '--help'], 'Usage: tcpinfo run [options] -- <program>'],
    [['report', '--help'], 'Usage: tcpinfo report <file>'],
    [['--help', 'probe'], 'Usage: tcpinfo probe <target>'],
    [['help'], 'Usage: tcpinfo <command>'],
    [['help', 'run'], 'Usage: tcpinfo run [options] -- <program>'],
  ])('%j', async (args, beginning) => {
    const { exit, stdout, stderr } = await tcpinfo(args)
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    expect(stdout.startsWith(beginning)).toBe(true)
    for (const code of [0, 2, 3, 4, 5, 6, 7, 8, 9]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${code} {2}\\w`, 'm'))
    }
    for (const line of stdout.split('\n')) {
      expect(line.length, line).toBeLessThanOrEqual(80)
    }
  })

  test('the version', async () => {
    const file = path.join(ROOT, 'package.json')
    const { version } = JSON.parse(readFileSync(file, 'utf8'))
    for (const option of ['--version', '-v']) {
      expect(await tcpinfo([option])).toMatchObject({
        exit: 0,
        stdout: `${version}\n`,
        stderr: '',
      })
    }
  })

  test('without arguments: help where it does not pass for output', async () => {
    const { exit, stdout, stderr } = await tcpinfo([])
    expect({ exit, stdout }).toEqual({ exit: 2, stdout: '' })
    expect(stderr).toContain('Usage: tcpinfo <command>')
  })
})

describe('bad usage', () => {
  test.each([
    [['nonsense'], 'unknown command "nonsense"'],
    [['run', '--html', '--', 'node'], '--html needs a value'],
    [['report', 'a.jsonl', '--output'], '--output needs a value'],
    [['--json'], 'no command given'],
    [['demo', '--nonsense'], "Unknown option '--nonsense'"],
    [['demo', 'surplus'], 'unexpected argument "surplus"'],
    [['demo', '--timeout', '5'], 'demo has no option --timeout'],
    [['demo', '--insecure'], 'demo has no option --insecure'],
    [['demo', '--json=yes'], "Option '--json' does not take an argument"],
    [['probe'], 'probe needs a target'],
    [['probe', 'a:1', 'b:2'], 'unexpected argument "b:2"'],
    [['probe', 'a:1', '--timeout'], '--timeout needs a value'],
    [['probe', 'a:1', '--timeout', '0'], '"0" is not a timeout'],
    [['probe', 'a:1', '--timeout', '1.5'], '"1.5" is not a timeout'],
    [['probe', 'a:1', '--timeout', '5s'], '"5s" is not a timeout'],
    [['probe', 'a:1', '--timeout=-5'], '"-5" is not a timeout'],
    [
      ['probe', 'a:1', '--timeout', '2147483648'],
      '"2147483648" is not a timeout',
    ],
    [['watch'], 'watch needs a target'],
    [['watch', 'a:1', '--json'], 'watch has no option --json'],
    [['watch', 'a:1', '--interval', '0'], '"0" is not an interval'],
    [['watch', 'a:1', '--duration', 'x'], '"x" is not a duration'],
    [['run'], 'run needs a program'],
    [['run', '--'], 'run needs a program'],
    [['run', '--interval', '1'], 'run needs a program'],
    [['run', '--nonsense', '--', 'x'], "Unknown option '--nonsense'"],
    [['run', '--csv', '--json', '--', 'x'], '--json and --csv exclude each'],
    [['run', '--interval=-1', '--', 'x'], '"-1" is not an interval'],
    [['report'], 'report needs a file'],
    [['report', 'x', '--save', 'y'], 'report has no option --save'],
    [['report', 'x', '--html', '-'], '--html needs a file, and "-" is none'],
    [['report', 'x', '--output=-'], '--output needs a file, and "-" is none'],
    [['run', '--save', '-', 'x'], '--save needs a file, and "-" is none'],
    [['probe', 'example.com'], '"example.com" names no host and port'],
    [['probe', 'example.com/x'], '"example.com/x" names no host and port'],
    [['probe', 'a:b'], '"a:b" names no host and port'],
    [['probe', ':80'], '":80" names no host and port'],
    [['probe', ''], '"" names no host and port'],
    [['probe', '::1:80'], '"::1:80" names no host and port'],
    [['probe', '[127.0.0.1]:80'], '"[127.0.0.1]:80" names no host and port'],
    [['probe', 'a:0'], '0 is not a port'],
    [['probe', 'a:65536'], '65536 is not a port'],
    [['probe', 'http://a:0/'], '0 is not a port'],
    [['probe', 'http://'], '"http://" is not a valid URL'],
    [['probe', 'http://a:65536/'], '"http://a:65536/" is not a valid URL'],
    [['probe', 'ftp://a/'], '"ftp://" is not known here'],
  ])('%j', async (args, message) => {
    const { exit, stdout, stderr } = await tcpinfo(args)
    expect(exit).toBe(2)
    if (!args.includes('--json')) expect(stdout).toBe('')
    expect(stderr).toContain(`tcpinfo: ${message}`.slice(0, 60))
    expect(stderr.trimEnd().split('\n')).toHaveLength(2)
    expect(stderr).not.toContain('    at ')
  })

  test('as JSON', async () => {
    const { exit, output, stderr } = await tcpinfoJson(['probe', 'a:0'])
    expect(exit).toBe(2)
    expect(output).toEqual({
      target: 'a:0',
      error: { code: 'ERR_USAGE', message: '0 is not a port' },
    })
    expect(stderr).toContain('0 is not a port')
  })
})

test.each([
  ['http://user:p@ss@127.0.0.1:1/', 'http://***@127.0.0.1:1/'],
  ['http://token@127.0.0.1:1/a@b', 'http://***@127.0.0.1:1/a@b'],
  [' http://user:secret@127.0.0.1:1', ' http://***@127.0.0.1:1'],
  ['http:\\\\user:secret@127.0.0.1:1', '***@127.0.0.1:1'],
  ['http://user:a/b@127.0.0.1:1/', 'http://***@127.0.0.1:1/'],
  ['tcp://user:secret@127.0.0.1:80', 'tcp://***@127.0.0.1:80'],
  ['udp://user:secret@127.0.0.1:1', 'udp://***@127.0.0.1:1'],
  ['user:secret@127.0.0.1:80', '***@127.0.0.1:80'],
])('neither user nor password is printed: %s', async (given, shown) => {
  const { output, stderr } = await tcpinfoJson(['probe', given])
  expect(stderr).toContain(shown)
  expect(output.target).toBe(shown)
  expect(JSON.stringify(output) + stderr).not.toMatch(/user|secret|token|ss@/)
})

describe('not TCP', () => {
  test.each([
    ['/run/a.sock', 'a Unix domain socket or a file'],
    ['./a.sock', 'a Unix domain socket or a file'],
    ['unix:/run/a.sock', 'a Unix domain socket or a file'],
    ['unix:///run/a.sock', 'a Unix domain socket or a file'],
    ['C:\\a.sock', 'a Unix domain socket or a file'],
    ['npipe:////./pipe/a', 'a named pipe'],
    ['\\\\.\\pipe\\a', 'a named pipe'],
    ['udp://127.0.0.1:53', 'UDP'],
  ])('%s', async (target, kind) => {
    const { exit, output, stderr } = await tcpinfoJson(['probe', target])
    expect(exit).toBe(7)
    expect(output).toEqual({
      target,
      error: {
        code: 'ERR_TCP_INFO_NOT_TCP',
        message: `"${target}" is ${kind}, not TCP`,
      },
    })
    expect(stderr).toContain(`is ${kind}, not TCP\n`)
  })

  test.skipIf(process.platform === 'win32')(
    'a socket that exists, by its bare name',
    async () => {
      const name = `tcpinfo-${process.pid}.sock`
      const file = path.relative('.', path.join(tmpdir(), name))
      const server = net.createServer().listen(file)
      onTestFinished(() => void server.close())
      const { exit, stderr } = await tcpinfo(['probe', file])
      expect(exit).toBe(7)
      expect(stderr).toContain('is a Unix domain socket')
    },
  )
})
