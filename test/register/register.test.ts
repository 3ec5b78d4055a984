import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { TcpInfo } from '../../lib/index.js'
import { jsonOf, runNode } from '../support/child.js'
import { sharedNamespaceMissing, useNamespace } from '../support/namespace.js'
import { serverMissing, useServer } from '../support/servers.js'

const here = (name: string): string => path.join(__dirname, name)
const fixtures = path.join(__dirname, '../fixtures/')
const dist = (name: string): string => path.join(__dirname, '../../dist', name)
const preload = (file: string): string[] => [
  file.endsWith('.cjs') ? '--require' : '--import',
  file,
]

type Line = TcpInfo & { accepted: boolean; threadId: number }

const keyOf = ({ localAddress, localPort, remotePort }: Line): string =>
  `${localAddress}:${localPort}-${remotePort}`

const missing =
  sharedNamespaceMissing ??
  serverMissing('PostgreSQL') ??
  serverMissing('Redis')

describe.skipIf(missing)(
  missing ? `a whole program (skipped: ${missing})` : 'a whole program',
  () => {
    const { enter, tcp } = useNamespace()
    const postgres = useServer('PostgreSQL', enter)
    const redis = useServer('Redis', enter)

    test.each([
      ['--import', [dist('register.js')]],
      ['--require', [dist('register.cjs')]],
      ['both', [dist('register.cjs'), dist('register.js')]],
    ])(
      '%s: each connection that the kernel counted, once',
      async (_name, files) => {
        const folder = mkdtempSync(path.join(tmpdir(), 'register-'))
        onTestFinished(() => rmSync(folder, { recursive: true }))
        const collected = path.join(folder, 'collected')
        const before = tcp()
        const preloads = [...files, here('collect.mjs')].flatMap(preload)
        const [command = '', ...words] = enter()
        const program = spawnSync(
          command,
          [...words, process.execPath, ...preloads, here('sample.mjs')],
          {
            encoding: 'utf8',
            env: {
              ...process.env,
              COLLECT: collected,
              POSTGRES: String(postgres()),
              REDIS: String(redis()),
            },
          },
        )
        expect(program).toMatchObject({ stderr: '', stdout: '', status: 3 })
        const after = tcp()
        const counted = (name: string): number =>
          Number(after[name]) - Number(before[name])

        const lines: Line[] = readFileSync(collected, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line))
        const opened = lines.filter(({ accepted }) => !accepted)
        const accepted = lines.filter(({ accepted }) => accepted)
        const toServers = opened.filter(({ remotePort }) =>
          [postgres(), redis()].includes(Number(remotePort)),
        )
        expect(counted('ActiveOpens')).toBeGreaterThan(10)
        expect(opened).toHaveLength(counted('ActiveOpens'))
        // The two servers accept in this namespace too.
        expect(toServers).toHaveLength(4)
        expect(accepted).toHaveLength(counted('PassiveOpens') - 4)
        for (const side of [opened, accepted]) {
          expect(new Set(side.map(keyOf)).size).toBe(side.length)
        }

        const count = (wanted: string): number =>
          lines.filter(({ trigger }) => trigger === wanted).length
        expect(count('attempt')).toBe(1)
        // One left open on purpose and those of fetch's pool, both ends of each.
        expect(count('exit')).toBeGreaterThanOrEqual(4)
        expect(count('demand')).toBe(0)
        expect(lines.filter(({ threadId }) => threadId !== 0)).toHaveLength(4)
        for (const line of opened) {
          expect(line.remoteAddress).toMatch(/^(127\.0\.0\.1|::1)$/)
        }
        // Known sizes: each of the worker's four responses has a body of 1,000.
        for (const line of lines.filter(({ threadId }) => threadId !== 0)) {
          expect(line.bytesReceived).toBeGreaterThan(1000)
          // And 1 for the server's FIN, where that came first.
          const more =
            (line.bytesReceived as number) - Number(line.appBytesRead)
          expect([0, 1]).toContain(more)
        }
      },
    )
  },
)

/** What a program prints that begins with this. */
function program<T>(body: string, ...nodeOptions: string[]): Promise<T> {
  const prelude = `
    import { once } from 'node:events'
    import net from 'node:net'
    import { subscribe } from 'node:diagnostics_channel'
    import { connect, instrument } from ${JSON.stringify(dist('index.js'))}
    const messages = []
    const events = []
    subscribe('tcpinfo-socket:capture', (message) => messages.push(message))
    const server = net.createServer((peer) => peer.on('error', () => {}).resume())
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address()
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const { connect: stockConnect, _destroy: stockDestroy } = net.Socket.prototype
    async function exchange(socket) {
      socket.on('tcpinfo', ({ trigger }) => events.push(trigger))
      await once(socket, 'connect')
      socket.end('x')
      await once(socket.resume(), 'close')
      await wait(10)
      return messages.splice(0).length
    }
  `
  const tail = '\nsetTimeout(() => process.exit(), 10)'
  return jsonOf<T>(
    runNode([
      ...nodeOptions,
      '--input-type=module',
      '-e',
      prelude + body + tail,
    ]),
  )
}

const registerUrl = JSON.stringify(dist('register.js'))
const open = '() => net.connect(port, "127.0.0.1")'

test('without it, only those that are instrumented are told of', async () => {
  const counts = await program(`
    const counts = [await exchange(net.connect(port, '127.0.0.1'))]
    counts.push(await exchange(connect(port, '127.0.0.1')))
    counts.push(await exchange(instrument(net.connect(port, '127.0.0.1'))))
    console.log(JSON.stringify(counts))`)
  expect(counts).toEqual([0, 1, 1])
})

test('ours among the others: one message for each end', async () => {
  const result = await program(
    `
    const counts = []
    counts.push(await exchange(net.connect(port, '127.0.0.1')))
    counts.push(await exchange(connect(port, '127.0.0.1')))
    counts.push(await exchange(instrument(net.connect(port, '127.0.0.1'))))
    const late = net.connect(port, '127.0.0.1')
    late.on('connect', () => { late.state = instrument(late).captureTcpInfo().state })
    counts.push(await exchange(late))
    console.log(JSON.stringify({ counts, events, state: late.state,
      trigger: late.tcpInfo.trigger }))`,
    ...preload(dist('register.js')),
  )
  // Each connection has two ends here; the late one was captured on demand, too.
  expect(result).toEqual({
    counts: [2, 2, 2, 3],
    events: ['close', 'close', 'close', 'demand', 'close'],
    state: 'ESTABLISHED',
    trigger: 'close',
  })
})

test('unregister() leaves no trace', async () => {
  const result = await program(`
    const before = process.listenerCount('exit')
    const { register, unregister } = await import(${registerUrl})
    register()
    const wrapped = net.Socket.prototype.connect !== stockConnect
    const open = ${open}
    const counts = [await exchange(open())]
    const between = open()
    await once(between, 'connect')
    unregister()
    unregister()
    between.destroy()
    await wait(10)
    counts.push(messages.splice(0).length, await exchange(open()))
    const same = [net.Socket.prototype.connect === stockConnect,
      net.Socket.prototype._destroy === stockDestroy,
      process.listenerCount('exit') - before]
    register()
    counts.push(await exchange(open()))
    console.log(JSON.stringify({ wrapped, counts, same }))`)
  expect(result).toEqual({
    wrapped: true,
    counts: [2, 0, 0, 2],
    same: [true, true, 0],
  })
})

const wrap = `
  const calls = []
  const wrapAll = (label) => {
    for (const name of ['connect', '_destroy']) {
      const original = net.Socket.prototype[name]
      net.Socket.prototype[name] = function (...args) {
        calls.push(label + name)
        return original.apply(this, args)
      }
    }
  }`

test("others' wrappers before and after it all get their calls", async () => {
  const result = await program(`
    ${wrap}
    const open = ${open}
    wrapAll('before ')
    const { register, unregister } = await import(${registerUrl})
    wrapAll('after ')
    const counts = [await exchange(open())]
    const first = calls.splice(0)
    // Wrapped in turn, ours stays in place and only passes on.
    unregister()
    counts.push(await exchange(open()))
    register()
    counts.push(await exchange(open()))
    console.log(JSON.stringify({ counts, first }))`)
  expect(result).toEqual({
    counts: [2, 0, 2],
    first: [
      'after connect',
      'before connect',
      'after _destroy',
      'before _destroy',
      // The accepted socket's.
      'after _destroy',
      'before _destroy',
    ],
  })
})

test('a subscriber that throws harms no connection', async () => {
  const result = await program(
    `
    const thrown = []
    process.on('uncaughtException', ({ message }) => thrown.push(message))
    subscribe('tcpinfo-socket:capture', () => { throw new Error('bad subscriber') })
    const count = await exchange(net.connect(port, '127.0.0.1'))
    console.log(JSON.stringify({ count, thrown }))`,
    ...preload(dist('register.js')),
  )
  expect(result).toEqual({
    count: 2,
    thrown: ['bad subscriber', 'bad subscriber'],
  })
})

test('a socket that went to another process is not told of at exit', async () => {
  const result = await program(
    `
    const { spawn } = await import('node:child_process')
    const child = spawn(process.execPath, ['-e',
      "process.on('message', (m, socket) => { socket.end(); process.disconnect() })"],
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    child.send('take', socket)
    await once(child, 'exit')
    await wait(50)
    process.on('exit', () => console.log(JSON.stringify(
      messages.filter((each) => each.socket === socket).length)))`,
    ...preload(dist('register.js')),
  )
  expect(result).toBe(0)
})

test('the tick that ends a connection may be the last of the process', async () => {
  const messages = await program<unknown>(
    `
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    process.on('exit', () => {
      console.log(JSON.stringify(messages.map(({ socket, info }) =>
        [socket.server ? 'server' : 'client', info.trigger])))
    })
    await wait(10)
    socket.destroy()
    process.exit()`,
    ...preload(dist('register.js')),
  )
  expect(messages).toEqual([
    ['client', 'close'],
    ['server', 'exit'],
  ])
})

test('a subscriber may connect while the process ends', async () => {
  const count = await program<unknown>(
    `
    subscribe('tcpinfo-socket:capture', () => net.connect({ port, host: 'x',
      lookup: (_host, _options, callback) => callback(null, '127.0.0.1', 4),
      autoSelectFamily: false }))
    await once(net.connect(port, '127.0.0.1'), 'connect')
    await wait(10)
    process.on('exit', () => console.log(messages.length))
    process.exit()`,
    ...preload(dist('register.js')),
  )
  expect(count).toBe(2)
})

test('unregister() of another copy of the package stops it too', async () => {
  const result = await program<unknown>(
    `
    const { createRequire } = await import('node:module')
    const require = createRequire(${JSON.stringify(dist('index.cjs'))})
    const { unregister } = require('./register.cjs')
    const counts = [await exchange(net.connect(port, '127.0.0.1'))]
    unregister()
    counts.push(await exchange(net.connect(port, '127.0.0.1')))
    console.log(JSON.stringify(counts))`,
    ...preload(dist('register.js')),
  )
  expect(result).toEqual([2, 0])
})

test('TLS over a socket has members and event by instrument()', async () => {
  const result = await program<unknown>(
    `
    const tls = await import('node:tls')
    const { readFileSync } = await import('node:fs')
    const { unregister } = await import(${registerUrl})
    const fixture = (name) => readFileSync(${JSON.stringify(fixtures)} + name)
    const key = fixture('localhost-key.pem')
    const cert = fixture('localhost-cert.pem')
    const secure = tls.createServer({ key, cert }).listen(0, '127.0.0.1')
    await once(secure, 'listening')
    const client = tls.connect({ port: secure.address().port, ca: cert,
      host: '127.0.0.1', checkServerIdentity: () => undefined })
    const [peer] = await once(secure, 'secureConnection')
    instrument(peer).on('tcpinfo', ({ trigger }) => events.push(trigger))
    // What was asked for by hand stays.
    unregister()
    client.end()
    await once(peer.resume(), 'close')
    console.log(JSON.stringify({ events, told: messages.length,
      trigger: peer.tcpInfo.trigger }))`,
    ...preload(dist('register.js')),
  )
  expect(result).toEqual({ events: ['close'], told: 1, trigger: 'close' })
})
