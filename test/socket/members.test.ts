import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventEmitter, once } from 'node:events'
import { existsSync, readlinkSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { inspect } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  connect,
  createConnection,
  instrument,
  readTcpInfo,
  readTcpState,
  type TcpInfo,
  TcpInfoError,
  TcpInfoSocket,
  type TcpOpenMessage,
} from '../../lib/index.js'
import { runNode, script } from '../support/child.js'
import { echo, freePort, listen, wait } from '../support/net.js'
import { descriptorOf } from '../support/witness.mjs'

const LOCAL = '127.0.0.1'

async function connected(): Promise<TcpInfoSocket> {
  const socket = connect(await listen(echo), LOCAL)
  await once(socket, 'connect')
  return socket
}

/** With a subscriber there is more to listen for while a socket connects. */
function subscribeToCaptures(): void {
  const nothing = () => {}
  subscribe('tcpinfo-socket:capture', nothing)
  onTestFinished(() => void unsubscribe('tcpinfo-socket:capture', nothing))
}

describe('captureTcpInfo()', () => {
  test('reads now, remembers, and emits on the next tick', async () => {
    const socket = await connected()
    const listener = vi.fn<(info: TcpInfo) => void>()
    socket.on('tcpinfo', listener)
    expect(socket.tcpInfo).toBeUndefined()
    expect(socket.tcpInfoError).toBeUndefined()
    const info = socket.captureTcpInfo()
    expect(info?.state).toBe('ESTABLISHED')
    expect(info?.trigger).toBe('demand')
    expect(socket.tcpInfo).toBe(info)
    expect(listener).not.toHaveBeenCalled()
    await new Promise(process.nextTick)
    expect(listener.mock.calls).toEqual([[info]])
    socket.destroy()
  })

  test('gives a new record each time, and the old one stays', async () => {
    const socket = await connected()
    const first = socket.captureTcpInfo()
    const before = first?.bytesSent
    socket.write('hello')
    await once(socket, 'data')
    const second = socket.captureTcpInfo()
    expect(second).not.toBe(first)
    expect(first?.bytesSent).toBe(before)
    expect(first?.raw.tcpi_bytes_sent).toBe(0n)
    expect(second?.bytesSent).toBe(5)
    expect(second?.raw.tcpi_bytes_sent).toBe(5n)
    expect(second?.appBytesRead).toBe(5)
    expect(second?.appBytesWritten).toBe(5)
    socket.destroy()
  })

  test('before connect there is nothing, and after it there is', async () => {
    const socket = new TcpInfoSocket()
    expect(socket.captureTcpInfo()).toBeUndefined()
    expect(socket.tcpInfoError?.code).toBe('ERR_TCP_INFO_NOT_CONNECTED')
    socket.connect(await listen(), LOCAL)
    await once(socket, 'connect')
    expect(socket.captureTcpInfo()?.state).toBe('ESTABLISHED')
    expect(socket.tcpInfoError).toBeUndefined()
    socket.destroy()
  })

  test('in the connect listener all that connecting tells is known', async () => {
    const port = await listen()
    const info = await new Promise<TcpInfo | undefined>((resolve) => {
      const socket = connect(port, LOCAL, () => {
        resolve(socket.captureTcpInfo())
        socket.destroy()
      })
    })
    expect(info?.connectDurationMs).toBeGreaterThan(0)
    expect(info).toMatchObject({ remoteAddress: LOCAL, remotePort: port })
  })

  test('after the close the last record is the answer, without event', async () => {
    const socket = await connected()
    const listener = vi.fn()
    socket.on('tcpinfo', listener)
    socket.destroy()
    await once(socket, 'close')
    const last = socket.tcpInfo
    expect(last?.trigger).toBe('close')
    expect(socket.captureTcpInfo()).toBe(last)
    expect(readTcpInfo(socket)).toBe(last)
    expect(readTcpState(socket)).toBe(last?.state)
    await wait(5)
    expect(listener).toHaveBeenCalledTimes(1)
    expect(socket.tcpInfoError).toBeUndefined()
  })

  test('on a socket that never had a connection the reason stays', async () => {
    const socket = connect(80, 'name.invalid')
    socket.on('error', () => {})
    socket.destroy()
    await once(socket, 'close')
    expect(socket.captureTcpInfo()).toBeUndefined()
    expect(socket.tcpInfoError?.code).toBe('ERR_TCP_INFO_NOT_CONNECTED')
    expect(socket.tcpInfoError).toBe(socket.tcpInfoError)
  })

  test('demand and close in one tick: two events, in order', async () => {
    const socket = await connected()
    const triggers: string[] = []
    socket.on('tcpinfo', ({ trigger }) => triggers.push(trigger))
    socket.captureTcpInfo()
    socket.destroy()
    await once(socket, 'close')
    expect(triggers).toEqual(['demand', 'close'])
  })
})

describe("the 'tcpinfo' event", () => {
  test('reaches a listener added in the tick of destroy()', async () => {
    const socket = await connected()
    socket.destroy()
    const [info] = await once(socket, 'tcpinfo')
    expect(info).toBe(socket.tcpInfo)
  })

  test('comes before error and close', async () => {
    const socket = await connected()
    const events: string[] = []
    for (const event of ['tcpinfo', 'error', 'close']) {
      socket.on(event, () => events.push(event))
    }
    socket.destroy(new Error('mine'))
    await once(socket, 'close').catch(() => {})
    await wait(5)
    expect(events).toEqual(['tcpinfo', 'error', 'close'])
  })

  test('names the peer even after a reset', async () => {
    const port = await listen((peer) => {
      setTimeout(() => peer.resetAndDestroy(), 10)
    })
    const socket = connect(port, LOCAL)
    socket.on('error', () => {})
    const [info] = await once(socket, 'tcpinfo')
    expect(info).toMatchObject({
      state: 'CLOSED',
      remoteAddress: LOCAL,
      remotePort: port,
      localAddress: LOCAL,
    })
  })
})

describe('the peer of a record', () => {
  test('is named where the attempt failed', async () => {
    const port = await freePort()
    const socket = connect(port, LOCAL)
    socket.on('error', () => {})
    const [info] = await once(socket, 'tcpinfo')
    expect(info).toMatchObject({ remoteAddress: LOCAL, remotePort: port })
    expect(info.state).toBe('CLOSED')
  })

  test('is named where the attempt could not be made', async () => {
    const socket = connect(9, '255.255.255.255')
    socket.on('error', () => {})
    const [info] = await once(socket, 'tcpinfo')
    expect(info).toMatchObject({
      ...{ errorCode: 'ENETUNREACH', state: 'CLOSED' },
      ...{ remoteAddress: '255.255.255.255', remotePort: 9 },
    })
  })

  test('is named in the first read, even after a reset', async () => {
    const accepted: net.Socket[] = []
    const port = await listen((peer) => accepted.push(peer))
    // Who does not read does not notice.
    const socket = net.connect(port, LOCAL).pause()
    await once(socket, 'connect')
    await vi.waitUntil(() => accepted.length > 0)
    accepted[0]?.resetAndDestroy()
    await wait(20)
    expect(readTcpInfo(socket)).toMatchObject({
      ...{ state: 'CLOSED', remoteAddress: LOCAL, remotePort: port },
      ...{ localAddress: LOCAL, localPort: socket.localPort },
    })
    socket.destroy()
  })

  test('is the one that the kernel chose for an unspecified address', async () => {
    const port = await listen((peer) => peer.end())
    const socket = connect(port, '0.0.0.0')
    socket.resume()
    const [info] = await once(socket, 'tcpinfo')
    expect(info).toMatchObject({ remoteAddress: LOCAL, remotePort: port })
  })

  test('is the address that won', async () => {
    const port = await listen((peer) => peer.end())
    const socket = connect({
      port,
      host: 'test.invalid',
      autoSelectFamily: true,
      lookup: (_host, _options, callback) =>
        callback(null, [
          { address: '::1', family: 6 },
          { address: LOCAL, family: 4 },
        ]),
    })
    socket.resume()
    const [info] = await once(socket, 'tcpinfo')
    expect(info).toMatchObject({ remoteAddress: LOCAL, remotePort: port })
    expect(info.localAddress).toBe(LOCAL)
  })

  test('is there when the lookup answers at once', async () => {
    const socket = connect({
      port: await freePort(),
      host: 'test.invalid',
      autoSelectFamily: false,
      lookup: (_host, _options, callback) => callback(null, LOCAL, 4),
    })
    socket.on('error', () => {})
    const [info] = await once(socket, 'tcpinfo')
    expect(info.remoteAddress).toBe(LOCAL)
  })
})

describe.each([
  ['on', 'connectionAttempt'],
  ['prependListener', 'connect'],
  ['off', 'connect'],
  ['listenerCount', 'tcpinfo'],
] as const)('a socket whose %s throws for %s', (method, refused) => {
  test('connects, ends and has its record all the same', async () => {
    subscribeToCaptures()
    let refusals = 0
    class Strict extends TcpInfoSocket {}
    Object.defineProperty(Strict.prototype, method, {
      value(this: Strict, event: string, ...others: unknown[]) {
        if (event === refused) {
          refusals++
          throw new Error('not here')
        }
        const inherited: unknown = net.Socket.prototype[method]
        return Reflect.apply(inherited as () => unknown, this, [
          event,
          ...others,
        ])
      },
    })
    const socket = new Strict()
    let connected = false
    socket.once('ready', () => {
      connected = true
    })
    socket.connect(await listen(echo), LOCAL)
    await wait(20)
    expect(connected).toBe(true)
    socket.destroy()
    await wait(20)
    expect(socket.closed).toBe(true)
    expect(socket.tcpInfo?.trigger).toBe('close')
    expect(refusals).toBeGreaterThan(0)
  })
})

test('a lookup that fails at once leaves a reason', async () => {
  const socket = connect({
    port: 1,
    host: 'test.invalid',
    lookup: (_host, _options, callback) =>
      callback(new Error('no such host'), '', 4),
  })
  await once(socket, 'error')
  expect(socket.tcpInfo).toBeUndefined()
  expect(socket.tcpInfoError?.code).toBe('ERR_TCP_INFO_NOT_CONNECTED')
})

describe('instrument()', () => {
  test('leaves every socket the fast object that it was', async () => {
    setFlagsFromString('--allow-natives-syntax')
    const isFast = new Function('object', 'return %HasFastProperties(object)')
    setFlagsFromString('--no-allow-natives-syntax')
    const port = await listen()
    for (let i = 0; i < 3; i++) {
      const socket = instrument(net.connect(port, LOCAL))
      expect(isFast(socket)).toBe(true)
      socket.destroy()
    }
  })

  test('returns the same socket, once and for all', async () => {
    const stock = net.connect(await listen(echo), LOCAL)
    const socket = instrument(stock)
    expect(socket).toBe(stock)
    const { _destroy } = socket
    expect(instrument(socket)).toBe(stock)
    expect(socket._destroy).toBe(_destroy)
    await once(socket, 'connect')
    const listener = vi.fn()
    socket.on('tcpinfo', listener)
    expect(socket.captureTcpInfo()?.state).toBe('ESTABLISHED')
    socket.destroy()
    await once(socket, 'close')
    expect(listener).toHaveBeenCalledTimes(2)
    expect(socket.tcpInfo?.trigger).toBe('close')
  })

  test('adds nothing that can be enumerated', async () => {
    const socket = net.connect(await listen(), LOCAL)
    await once(socket, 'connect')
    const before = Object.keys(socket)
    const shown = inspect(socket, { depth: 0 })
    instrument(socket)
    expect(Object.keys(socket)).toEqual(before)
    expect(inspect(socket, { depth: 0 })).toBe(shown)
    socket.destroy()
  })

  test('of a TcpInfoSocket changes nothing', async () => {
    const socket = await connected()
    expect(instrument(socket)).toBe(socket)
    expect(Object.hasOwn(socket, '_destroy')).toBe(false)
    const listener = vi.fn()
    socket.on('tcpinfo', listener)
    socket.destroy()
    await once(socket, 'close')
    expect(listener).toHaveBeenCalledTimes(1)
  })

  test('keeps a _destroy of the socket’s own, and later patches', async () => {
    const socket = net.connect(await listen(), LOCAL)
    await once(socket, 'connect')
    const own = vi.fn(net.Socket.prototype._destroy)
    socket._destroy = own
    instrument(socket).destroy()
    await once(socket, 'close')
    expect(own).toHaveBeenCalledTimes(1)

    const other = instrument(net.connect(await listen(), LOCAL))
    await once(other, 'connect')
    const patch = vi.spyOn(net.Socket.prototype, '_destroy')
    other.destroy()
    expect(patch).toHaveBeenCalledTimes(1)
    patch.mockRestore()
    await once(other, 'close')
  })

  test('a socket closed before it was instrumented says so', async () => {
    const socket = net.connect(await listen(), LOCAL)
    await once(socket, 'connect')
    socket.destroy()
    await once(socket, 'close')
    expect(instrument(socket).captureTcpInfo()).toBeUndefined()
    expect(instrument(socket).tcpInfoError?.code).toBe('ERR_TCP_INFO_CLOSED')
  })

  test('mixes no connection with the one before', async () => {
    const first = await listen(echo)
    const second = await listen(echo)
    const socket = instrument(net.connect(first, LOCAL))
    for (const port of [first, second]) {
      if (port === second) socket.connect(port, LOCAL)
      await once(socket, 'connect')
      const { localPort } = socket
      socket.destroy()
      await once(socket, 'close')
      expect(socket.tcpInfo).toMatchObject({ remotePort: port, localPort })
    }
  })

  test('of a socket that is to connect later knows the peer of a failure', async () => {
    const port = await freePort()
    const socket = instrument(new net.Socket())
    socket.on('error', () => {})
    socket.connect(port, LOCAL)
    const [info] = await once(socket, 'tcpinfo')
    expect(info).toMatchObject({ remoteAddress: LOCAL, remotePort: port })
  })

  test('never times a connect that it did not see begin', async () => {
    const socket = instrument(net.connect(await listen(), LOCAL))
    await once(socket, 'connect')
    expect(socket.captureTcpInfo()?.connectDurationMs).toBeUndefined()
    socket.destroy()
  })
})

describe('connect()', () => {
  test('is createConnection too', () => {
    expect(createConnection).toBe(connect)
  })

  test('returns a TcpInfoSocket, which is a net.Socket', async () => {
    const socket = await connected()
    expect(socket).toBeInstanceOf(TcpInfoSocket)
    expect(socket).toBeInstanceOf(net.Socket)
    socket.destroy()
  })

  test.each([
    [
      'port, host, listener',
      (port: number, f: () => void) => connect(port, LOCAL, f),
    ],
    ['port, listener', (port: number, f: () => void) => connect(port, f)],
    [
      'options, listener',
      (port: number, f: () => void) =>
        connect({ port, host: LOCAL, noDelay: true, keepAlive: true }, f),
    ],
    [
      'options with timeout',
      (port: number, f: () => void) =>
        connect({ port, host: LOCAL, timeout: 1000 }, f),
    ],
  ])('%s', async (_, open) => {
    const port = await listen()
    const socket = await new Promise<TcpInfoSocket>((resolve) => {
      const opened: TcpInfoSocket = open(port, () => resolve(opened))
    })
    expect(socket.remotePort).toBe(port)
    socket.destroy()
  })

  test('sets the timeout of the options', async () => {
    const socket = connect({ port: await listen(), host: LOCAL, timeout: 777 })
    expect(socket.timeout).toBe(777)
    socket.destroy()
  })

  test('tells the diagnostics channel exactly once', async () => {
    const { subscribe, unsubscribe } = await import('node:diagnostics_channel')
    const told: unknown[] = []
    const listener = (message: unknown): void => {
      told.push((message as { socket: unknown }).socket)
    }
    subscribe('net.client.socket', listener)
    const socket = connect(await listen(), LOCAL)
    unsubscribe('net.client.socket', listener)
    expect(told).toEqual([socket])
    socket.destroy()
  })
})

describe('bad input', () => {
  const notTcp = 'ERR_TCP_INFO_NOT_TCP'

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['a number', 42],
    ['a string', 'socket'],
    ['an object', {}],
    ['a function', () => {}],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          get() {
            throw new Error('no')
          },
          getPrototypeOf() {
            throw new Error('no')
          },
        },
      ),
    ],
  ])('%s is not a socket', (_, value) => {
    for (const ask of [readTcpInfo, readTcpState, instrument]) {
      expect(() => ask(value as never)).toThrow(
        expect.objectContaining({ name: 'TcpInfoError', code: notTcp }),
      )
    }
  })

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['number', 3],
    ['function', () => {}],
    ['of class EventEmitter', new EventEmitter()],
    [
      'an object',
      new Proxy(
        {},
        {
          get() {
            throw new Error('no')
          },
        },
      ),
    ],
  ])('the message names what it was: %s', (kind, value) => {
    expect(() => readTcpInfo(value as never)).toThrow(`(but ${kind})`)
  })

  test('a UDP socket', async () => {
    const { createSocket } = await import('node:dgram')
    const socket = createSocket('udp4')
    expect(() => readTcpInfo(socket as never)).toThrow(
      expect.objectContaining({ code: notTcp }),
    )
    expect(() => instrument(socket as never)).toThrow(
      expect.objectContaining({ code: notTcp }),
    )
    socket.close()
  })

  test('a stream in JavaScript, and TLS over one', async () => {
    const { PassThrough, Duplex } = await import('node:stream')
    expect(() => readTcpInfo(new PassThrough() as never)).toThrow(
      expect.objectContaining({ code: notTcp }),
    )
    const duplex = new Duplex({ read() {}, write() {} })
    const socket = instrument(tls.connect({ socket: duplex }))
    socket.on('error', () => {})
    expect(socket.captureTcpInfo()).toBeUndefined()
    expect(socket.tcpInfoError?.code).toBe(notTcp)
    socket.destroy()
  })

  test('a pipe', async () => {
    const { spawn } = await import('node:child_process')
    const child = spawn('cat')
    expect(() => readTcpInfo(child.stdin as net.Socket)).toThrow(
      expect.objectContaining({ code: notTcp }),
    )
    child.stdin.end()
    await once(child, 'close')
  })

  test('a destroyed socket that nobody had captured', async () => {
    const socket = net.connect(await listen(), LOCAL)
    await once(socket, 'connect')
    socket.destroy()
    await once(socket, 'close')
    expect(() => readTcpInfo(socket)).toThrow(
      expect.objectContaining({ code: 'ERR_TCP_INFO_CLOSED' }),
    )
  })

  test('a socket that is not connected yet', () => {
    const socket = connect(80, 'name.invalid')
    socket.on('error', () => {})
    expect(() => readTcpInfo(socket)).toThrow(
      expect.objectContaining({ code: 'ERR_TCP_INFO_NOT_CONNECTED' }),
    )
    socket.destroy()
  })

  test('an error of the OS keeps its number and name', async () => {
    const socket = await connected()
    const handle = { fd: 987_654, getpeername() {} }
    const copy = Object.create(socket, { _handle: { value: handle } })
    const error = (() => {
      try {
        return readTcpInfo(copy)
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toBeInstanceOf(TcpInfoError)
    expect(error).toMatchObject({ errno: 9, errorName: 'EBADF' })
    socket.destroy()
  })
})

describe('a socket of somebody who', () => {
  test.each(['preventExtensions', 'seal', 'freeze'] as const)(
    'has called Object.%s: an error, and no listener of ours',
    (name) => {
      const socket = new net.Socket()
      ;(Object[name] as (target: object) => unknown)(socket)
      for (let i = 0; i < 2; i++) {
        expect(() => instrument(socket)).toThrow(
          expect.objectContaining({ code: 'ERR_TCP_INFO_ARGUMENT' }),
        )
      }
      expect(socket.listenerCount('connect')).toBe(0)
    },
  )

  test('throws what has no text: it is closed, and there is a reason', async () => {
    const socket = connect(await listen(), LOCAL)
    Object.defineProperty(socket, 'writableLength', {
      get() {
        throw Object.create(null)
      },
    })
    await once(socket, 'connect')
    const file = `/proc/self/fd/${descriptorOf(socket)}`
    const open = readlinkSync(file)
    expect(open).toMatch(/^socket:/)
    expect(socket.captureTcpInfo()).toBeUndefined()
    expect(socket.tcpInfoError?.code).toBe('ERR_TCP_INFO_SYSTEM')
    socket.destroy()
    await once(socket, 'close')
    // (The number may be another one's by now.)
    const now = existsSync(file) ? readlinkSync(file) : 'closed'
    expect(now).not.toBe(open)
  })

  test('emits Node’s events by hand', async () => {
    subscribeToCaptures()
    const socket = connect(await listen(), LOCAL)
    expect(socket.emit('connectionAttempt' as 'ready')).toBe(true)
    await once(socket, 'connect')
    socket.destroy()
  })
})

describe('readTcpInfo()', () => {
  test('is as fast after a collection in which no record was in use', async () => {
    const { stdout } = await runNode([script('after-gc.mjs')], {
      nodeOptions: ['--expose-gc', '--trace-deopt'],
    })
    const [, thrown] = /^begin$(.*)^end$/ms.exec(stdout) ?? []
    expect(thrown).toBeDefined()
    expect(thrown).not.toMatch(/decodeWhole/)
  })

  test('remembers nothing and emits nothing', async () => {
    const socket = await connected()
    const listener = vi.fn()
    socket.on('tcpinfo', listener)
    expect(readTcpInfo(socket).state).toBe('ESTABLISHED')
    expect(readTcpState(socket)).toBe('ESTABLISHED')
    await wait(5)
    expect(socket.tcpInfo).toBeUndefined()
    expect(listener).not.toHaveBeenCalled()
    socket.destroy()
  })

  test('knows of an instrumented socket what its own records do', async () => {
    const socket = await connected()
    const own = socket.captureTcpInfo()?.connectDurationMs
    expect(own).toBeGreaterThan(0)
    expect(readTcpInfo(socket).connectDurationMs).toBe(own)
    socket.destroy()
  })

  test('of any net.Socket', async () => {
    const port = await listen()
    const socket = net.connect(port, LOCAL)
    await once(socket, 'connect')
    expect(readTcpInfo(socket)).toMatchObject({
      state: 'ESTABLISHED',
      remotePort: port,
      localPort: socket.localPort,
    })
    socket.destroy()
  })

  test('of a server: the accept queue and its limit', async () => {
    const server = net.createServer().listen(0, LOCAL, 77)
    await once(server, 'listening')
    const info = readTcpInfo(server)
    expect(info).toMatchObject({ state: 'LISTEN', acceptQueue: 0, backlog: 77 })
    expect(info.rttUs).toBeUndefined()
    server.close()
  })

  test('of addresses in any spelling: as socket.remoteAddress gives them', async () => {
    const port = await freePort()
    const server = net.createServer(echo).listen(port, '::')
    await once(server, 'listening')
    for (const host of [
      ...['::1', LOCAL, '::ffff:127.0.0.1', '0:0:0:0:0:0:0:1'],
      ...['::FFFF:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:0:0:0'],
      ...['::0', '::', '0.0.0.0', '::ffff:0.0.0.0'],
    ]) {
      const socket = connect({ port, host })
      await once(socket, 'connect')
      const { remoteAddress, localAddress, remotePort, localPort } = socket
      expect(socket.captureTcpInfo()).toMatchObject({
        ...{ remoteAddress, localAddress, remotePort, localPort },
      })
      socket.destroy()
    }
    server.close()
  })
})

describe('the channel tcpinfo-socket:open', () => {
  test('tells of TCP once it is established, or instrumented later', async () => {
    const told: TcpOpenMessage[] = []
    const tell = (message: unknown) => void told.push(message as TcpOpenMessage)
    subscribe('tcpinfo-socket:open', tell)
    onTestFinished(() => void unsubscribe('tcpinfo-socket:open', tell))
    const port = await listen(echo)
    const early = connect(port, LOCAL)
    await once(early, 'connect')
    const late = net.connect(port, LOCAL)
    await once(late, 'connect')
    expect(told.map(({ socket }) => socket)).toEqual([early])
    instrument(late)
    expect(told.map(({ socket }) => socket)).toEqual([early, late])
    expect(told[0]?.connectDurationMs).toBeGreaterThan(0)
    expect(told[1]?.connectDurationMs).toBeUndefined()
    for (const socket of [early, late]) socket.destroy()
  })

  test('tells of no Unix socket', async () => {
    const told = vi.fn()
    subscribe('tcpinfo-socket:open', told)
    onTestFinished(() => void unsubscribe('tcpinfo-socket:open', told))
    const file = path.join(tmpdir(), `open-${process.pid}.sock`)
    const server = net.createServer((peer) => void peer.resume()).listen(file)
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const early = connect(file)
    const late = net.connect(file)
    await Promise.all([early, late].map((each) => once(each, 'connect')))
    instrument(late)
    expect(told).not.toHaveBeenCalled()
    for (const socket of [early, late]) socket.destroy()
  })
})
