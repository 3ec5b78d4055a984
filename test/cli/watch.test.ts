import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import { describe, expect, test } from 'vitest'
import { sparkline } from '../../lib/cli/watch.js'
import { freePort } from '../support/net.js'
import { CLI, listen, listenTcp, start, tcpinfo } from './run.js'

/** An answer in pieces, over about 400 ms. */
const inPieces = (): http.Server =>
  http.createServer((_, response) => {
    response.setHeader('content-length', 400_000)
    let left = 4
    const timer = setInterval(() => {
      left--
      response.write(Buffer.alloc(100_000))
      if (left > 0) return
      clearInterval(timer)
      response.end()
    }, 100)
  })

describe('without a terminal', () => {
  test('a line for each reading, then the verdict and the record', async () => {
    const port = await listen(inPieces())
    const { exit, stdout, stderr } = await tcpinfo([
      ...['watch', `http://127.0.0.1:${port}/`, '--interval', '50'],
    ])
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    const [table = '', verdict = '', record = ''] = stdout.split('\n\n')
    const lines = table.split('\n')
    expect(lines[0]).toMatch(/^ +time +state +received +in/)
    expect(lines.length).toBeGreaterThan(4)
    expect(lines.length).toBeLessThan(16)
    expect(lines.at(-1)).toMatch(/ESTABLISHED +39\d\.\d KiB.* 100 %$/)
    expect(verdict).toMatch(/\.$/)
    expect(record).toMatch(`127.0.0.1:${port} (TCP_INFO`)
    expect(stdout).not.toContain('\x1b')
  })

  test('a plain connection is watched until the peer closes it', async () => {
    const port = await listenTcp((socket) => {
      socket.write('hello')
      setTimeout(() => socket.end(), 300)
    })
    const { exit, stdout } = await tcpinfo([
      ...['watch', `127.0.0.1:${port}`, '--interval', '50'],
    ])
    expect(exit).toBe(0)
    expect(stdout.split('\n').length).toBeGreaterThan(6)
    expect(stdout).toMatch(/program read +5\n/)
  })

  test('--duration ends it in good order', async () => {
    const port = await listenTcp(() => {})
    const { exit, stderr } = await tcpinfo([
      ...['watch', `127.0.0.1:${port}`, '--duration', '200'],
    ])
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
  })

  test('and so does Ctrl-C', async () => {
    const port = await listenTcp(() => {})
    const child = start(['watch', `127.0.0.1:${port}`, '--interval', '50'])
    let stdout = ''
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      stdout += chunk
      if (stdout.split('\n').length === 4) child.kill('SIGINT')
    }
    expect(stdout).toContain('Connection       state')
    if (child.exitCode === null) await once(child, 'exit')
    expect(child).toMatchObject({ exitCode: 0, signalCode: null })
  })

  test('what can’t be connected is explained as by probe', async () => {
    const target = `127.0.0.1:${await freePort()}`
    const { exit, stdout, stderr } = await tcpinfo(['watch', target])
    expect(exit).toBe(4)
    expect(stdout).toContain('the peer refused it')
    expect(stderr).toContain('the connection was refused')
  })
})

describe('in a terminal', () => {
  /** What it draws, picture by picture, in lines. */
  async function picturesOn(terminal: string, intervalMs: number) {
    const port = await listen(inPieces())
    const watch = `${process.execPath} ${CLI} watch http://127.0.0.1:${port}/`
    const command = `stty ${terminal}; ${watch} --interval ${intervalMs}`
    // script(1) of util-linux gives it a terminal.
    const child = spawn('script', ['-qec', command, '/dev/null'], {
      env: { ...process.env, NODE_OPTIONS: '', TERM: 'xterm' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk
    return text
      .split('\x1b[7A\r\x1b[J')
      .map((picture) => picture.split('\r\n').slice(0, 7))
  }

  test('a picture that is drawn over', async () => {
    const pictures = await picturesOn('cols 100', 50)
    expect(pictures.length).toBeGreaterThan(4)
    const [title, received] = pictures.at(-1) as string[]
    expect(title).toMatch(/^127\.0\.0\.1 port \d+, ESTABLISHED, .*100 %/)
    expect(received).toMatch(/^received +.*\(39\d\.\d KiB\) +[▁▂▃▄▅▆▇█]/)
  })

  test('that does not say how wide it is', async () => {
    const pictures = await picturesOn('cols 0', 2)
    expect(pictures.length).toBeGreaterThan(45)
    const [title, received = ''] = pictures.at(-1) as string[]
    expect(title).toMatch(/ of the answer$/)
    expect(received).toMatch(/[▁▂▃▄▅▆▇█]$/)
    expect(received.length).toBeLessThan(80)
  })

  test('too narrow for curves', async () => {
    const pictures = await picturesOn('cols 41', 50)
    const [, received = ''] = pictures.at(-1) as string[]
    expect(received).toMatch(/^received +.*KiB\)/)
    expect(received).not.toMatch(/[▁▂▃▄▅▆▇█]/)
  })
})

test('a sparkline goes from 0 to the largest, with gaps', () => {
  expect(sparkline([0, 1, undefined, 4, 7])).toBe('▁▂ ▅█')
  expect(sparkline([0, 0])).toBe('▁▁')
  expect(sparkline([])).toBe('')
})
