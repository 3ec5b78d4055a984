import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { constants, tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { EXIT, FileError } from '../../lib/cli/failure.js'
import { inNamespace, namespaceMissing } from '../support/namespace.js'
import { freePort } from '../support/net.js'
import { CLI, listen, listenTcp, start, tcpinfo, tcpinfoJson } from './run.js'

/** Has the command look names up with a function of ours. */
function withLookup(lookup: string) {
  const folder = mkdtempSync(path.join(tmpdir(), 'tcpinfo-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'lookup.cjs')
  writeFileSync(file, `require('node:dns').lookup = ${lookup}`)
  return { nodeOptions: ['--require', file] }
}

const BOTH_LOOPBACKS = `(host, { all }, callback) => {
  const addresses = [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ]
  process.nextTick(callback, null, all ? addresses : '127.0.0.1', 4)
}`

const skipped = namespaceMissing ? ` (skipped: ${namespaceMissing})` : ''

test.skipIf(namespaceMissing).each([
  ['unreachable', 'EHOSTUNREACH'],
  ['blackhole', 'EINVAL'],
  ['prohibit', 'EACCES'],
])(`no way there, by a route: %s${skipped}`, async (route, code) => {
  const target = '10.255.3.1:80'
  const { code: exit, stderr } = await inNamespace(
    [process.execPath, CLI, 'probe', target],
    { setup: `ip route add ${route} 10.255.3.0/24` },
  )
  expect(stderr).toBe(
    `tcpinfo: ${target}: the address cannot be reached (${code})\n` +
      'Check the address, and the network and routes of this machine.\n',
  )
  expect(exit).toBe(6)
})

test('a file that can not be used, for a reason with and without a code', () => {
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  expect(new FileError('x', full)).toMatchObject({
    message: '"x" can\'t be used (ENOSPC)',
    code: 'ENOSPC',
    exit: EXIT.file,
  })
  expect(new FileError('x', new Error('odd'))).toMatchObject({
    message: '"x" can\'t be used (odd)',
    code: 'ERR_UNKNOWN',
  })
})

test('a name that does not exist', async () => {
  const target = 'nonexistent.invalid:80'
  const { exit, output, stderr } = await tcpinfoJson(['probe', target])
  expect(exit).toBe(3)
  expect(stderr).toMatch(
    /^tcpinfo: nonexistent\.invalid:80: the name could not be resolved \(E/,
  )
  expect(Object.keys(output)).toEqual(['target', 'error'])
  expect(output.error?.code).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/)
})

test('a name that does not exist, in a URL', async () => {
  const run = await tcpinfo(['probe', 'https://nonexistent.invalid/'])
  expect(run).toMatchObject({ exit: 3, stdout: '' })
  expect(run.stderr).toContain('the name could not be resolved')
})

test.each(['127.0.0.1:', 'http://127.0.0.1:', 'https://127.0.0.1:'])(
  'refused: %s',
  async (prefix) => {
    const target = `${prefix}${await freePort()}`
    const { exit, output, stderr } = await tcpinfoJson(['probe', target])
    expect(exit).toBe(4)
    expect(stderr).toBe(
      `tcpinfo: ${target}: the connection was refused (ECONNREFUSED)\n` +
        'Nothing listens on that TCP port, or a firewall rejects connections to it.\n',
    )
    expect(output).toMatchObject({
      target,
      error: { code: 'ECONNREFUSED', errno: constants.errno.ECONNREFUSED },
    })
    expect(output.tcpInfo).toMatchObject({ state: 'CLOSED', trigger: 'close' })
    expect(output.tcpInfo).not.toHaveProperty('connectDurationMs')
    expect(output).not.toHaveProperty('ageMs')
  },
)

test('refused, as text: the record without what has no meaning', async () => {
  const port = await freePort()
  const { stdout } = await tcpinfo(['probe', `127.0.0.1:${port}`])
  expect(stdout).toMatch(new RegExp(`127\\.0\\.0\\.1:${port} \\(`))
  expect(stdout).toMatch(/^Connection +state +CLOSED\n +time to connect +-$/m)
  expect(stdout).toMatch(/^Retransmissions /m)
  expect(stdout).not.toMatch(/^(Bytes|Round trip|Windows|Path)/m)
})

test('refused by each of several addresses', async () => {
  const port = await freePort()
  const { exit, stderr } = await tcpinfo(
    ['probe', `both.test:${port}`],
    withLookup(BOTH_LOOPBACKS),
  )
  expect(exit).toBe(4)
  expect(stderr.split('\n')[0]).toMatch(
    /: the connection was refused \(ECONNREFUSED\); tried ::1 \(\w+\), 127\.0\.0\.1 \(ECONNREFUSED\)$/,
  )
})

test('one of several addresses works', async () => {
  const port = await listenTcp(() => {})
  const { exit, output } = await tcpinfoJson(
    ['probe', `both.test:${port}`],
    withLookup(BOTH_LOOPBACKS),
  )
  expect(exit).toBe(0)
  expect(output.tcpInfo?.remoteAddress).toBe('127.0.0.1')
})

test('the timeout covers the name lookup', async () => {
  const { exit, output, stderr } = await tcpinfoJson(
    ['probe', 'never.test:80', '--timeout', '200'],
    withLookup('() => {}'),
  )
  expect(exit).toBe(5)
  expect(output).toEqual({
    target: 'never.test:80',
    error: {
      code: 'ETIMEDOUT',
      message: 'timed out after 0.2 s while looking up the name',
    },
  })
  expect(stderr).toContain('name servers')
})

// Linux drops a SYN for which the accept queue has no room.
test.skipIf(process.platform !== 'linux')(
  'the timeout covers connecting; the SYNs sent again are told',
  async () => {
    const server = spawn(process.execPath, [
      '-e',
      `const server = require('net').createServer()
      server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
        require('fs').writeSync(1, String(server.address().port))
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      })`,
    ])
    const port = Number((await once(server.stdout, 'data'))[0])
    const queued = [1, 2, 3].map(() =>
      net.connect(port, '127.0.0.1').on('error', () => {}),
    )
    onTestFinished(() => {
      for (const socket of queued) socket.destroy()
      server.kill()
    })
    await Promise.all(queued.slice(0, 2).map((one) => once(one, 'connect')))

    const target = `127.0.0.1:${port}`
    const { exit, output, stderr } = await tcpinfoJson([
      'probe',
      target,
      '--timeout',
      '1500',
    ])
    expect(exit).toBe(5)
    expect(stderr).toContain(
      `tcpinfo: ${target}: timed out after 1.5 s while connecting\n`,
    )
    expect(output.tcpInfo).toMatchObject({ state: 'SYN_SENT' })
    expect(output.tcpInfo?.segmentsRetransmitted).toBeGreaterThan(0)
  },
)

test.each([
  ['http:', 'waiting for the answer'],
  ['https:', 'setting up TLS'],
])('the timeout covers the answer: %s', async (scheme, phase) => {
  const port = await listenTcp(() => {})
  const target = `${scheme}//127.0.0.1:${port}/`
  const begun = performance.now()
  const { exit, output, stderr } = await tcpinfoJson([
    'probe',
    target,
    '--timeout',
    '1000',
  ])
  expect(performance.now() - begun).toBeLessThan(5000)
  expect(exit).toBe(5)
  expect(stderr).toContain(`: timed out after 1 s while ${phase}\n`)
  expect(output.tcpInfo).toMatchObject({ state: 'ESTABLISHED' })
  expect(output.ageMs).toBeGreaterThan(0)
})

test('the timeout covers an answer without an end', async () => {
  const server = http.createServer((_, response) => void response.write('x'))
  const port = await listen(server)
  const { exit, output } = await tcpinfoJson([
    'probe',
    `http://127.0.0.1:${port}/`,
    '--timeout',
    '1000',
  ])
  expect(exit).toBe(5)
  expect(output).toMatchObject({
    status: 200,
    error: { message: 'timed out after 1 s while reading the answer' },
  })
})

test.each(['127.0.0.1:', 'http://127.0.0.1:'])('reset: %s', async (prefix) => {
  const port = await listenTcp((socket) => {
    setTimeout(() => socket.resetAndDestroy(), 20)
  })
  const { exit, output, stderr } = await tcpinfoJson([
    'probe',
    `${prefix}${port}`,
  ])
  expect(exit).toBe(6)
  expect(stderr).toContain(': the connection was reset (ECONNRESET)\n')
  expect(output).toMatchObject({
    error: { code: 'ECONNRESET', errno: constants.errno.ECONNRESET },
    tcpInfo: { state: 'CLOSED', remotePort: port },
  })
})

test('closed without an answer', async () => {
  const port = await listenTcp((socket) => {
    socket.once('data', () => socket.end())
  })
  const { exit, stderr } = await tcpinfo(['probe', `http://127.0.0.1:${port}/`])
  expect(exit).toBe(6)
  expect(stderr).toContain(': the server closed the connection without an answ')
})

test('closed before TLS was set up', async () => {
  const port = await listenTcp((socket) => void socket.end('hi\n'))
  const target = `https://127.0.0.1:${port}/`
  const { exit, stderr } = await tcpinfo(['probe', target])
  expect(exit).toBe(6)
  // It may also read what came, and find that it is no TLS.
  expect(stderr).toMatch(
    /: (the server closed the connection before TLS was|TLS failed: )/,
  )
})

test('closed in the middle of the answer', async () => {
  const port = await listenTcp((socket) => {
    socket.once('data', () =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
    )
  })
  const { exit, output, stderr } = await tcpinfoJson([
    'probe',
    `http://127.0.0.1:${port}/`,
  ])
  expect(exit).toBe(6)
  expect(stderr).toContain(': the connection was closed in the middle of the a')
  expect(output.status).toBe(200)
})

test('not HTTP', async () => {
  const port = await listenTcp((socket) => void socket.write('220 smtp\r\n'))
  const { exit, output, stderr } = await tcpinfoJson([
    'probe',
    `http://127.0.0.1:${port}/`,
  ])
  expect(exit).toBe(6)
  expect(stderr).toContain(': the answer is not HTTP (HPE_')
  expect(output.tcpInfo?.bytesReceived).toBe(10)
})

test('headers longer than Node takes', async () => {
  const port = await listenTcp((socket) => {
    socket.once('data', () => {
      socket.end(`HTTP/1.1 200 OK\r\nlong: ${'x'.repeat(90_000)}\r\n\r\n`)
    })
  })
  const { exit, stderr } = await tcpinfo(['probe', `http://127.0.0.1:${port}/`])
  expect(exit).toBe(6)
  expect(stderr).toContain(": the answer's headers are too long (HPE_HEADER_O")
})

test.skipIf(process.platform === 'win32')(
  'Ctrl-C ends it without a word',
  async () => {
    const server = net.createServer()
    const port = await listen(server)
    const child = start(['probe', `http://127.0.0.1:${port}/`])
    let said = ''
    child.stdout.on('data', (text) => {
      said += text
    })
    child.stderr.on('data', (text) => {
      said += text
    })
    await once(server, 'connection')
    child.kill('SIGINT')
    const [, signal] = await once(child, 'close')
    expect({ signal, said }).toEqual({ signal: 'SIGINT', said: '' })
  },
)
