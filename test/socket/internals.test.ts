// What lib/handle.ts relies on. When Node changes one of these, this file is to
// fail, so that nobody has to find out from wrong answers.

import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { readTcpInfo } from '../../lib/index.js'
import { certificate, trust } from '../support/certificate.mjs'
import { connected, echo, listen, listening } from '../support/net.js'

interface Handle {
  readonly fd: unknown
  readonly getpeername?: unknown
}
const handleOf = (socket: net.Socket | net.Server): Handle | null =>
  (socket as unknown as { _handle: Handle | null })._handle
const parentOf = (socket: net.Socket): unknown =>
  (socket as unknown as { _parent: unknown })._parent

const isSocket = (fd: unknown): boolean =>
  readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')

test('socket._handle: null before connect(), null after destroy()', async () => {
  expect(handleOf(new net.Socket())).toBeNull()
  const socket = await connected()
  expect(handleOf(socket)).not.toBeNull()
  socket.destroy()
  expect(handleOf(socket)).toBeNull()
})

test('handle.fd: the descriptor, -1 while there is none', async () => {
  const socket = await connected()
  expect(isSocket(handleOf(socket)?.fd)).toBe(true)
  const looking = net.connect(80, 'name.invalid')
  looking.on('error', () => {})
  expect(handleOf(looking)?.fd).toBe(-1)
  looking.destroy()
})

test('a handle whose close() was called has no descriptor any more', async () => {
  const socket = await connected()
  const handle = handleOf(socket) as Handle & { close(): void }
  handle.close()
  expect(handle.fd).toBeLessThan(0)
})

test('TCP handles are of a class TCP and have getpeername, pipes have not', async () => {
  const handle = handleOf(await connected())
  expect(handle?.constructor.name).toBe('TCP')
  expect(handle?.getpeername).toBeTypeOf('function')
  const pipe = net.connect('/nowhere/socket')
  pipe.on('error', () => {})
  expect(handleOf(pipe)?.getpeername).toBeUndefined()
})

test('handle.bytesRead and .bytesWritten: what the socket counts', async () => {
  const socket = net.connect(await listen(echo), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  const written = (): number => {
    const { appBytesRead, appBytesWritten } = readTcpInfo(socket)
    expect(appBytesRead).toBe(socket.bytesRead)
    expect(appBytesWritten).toBe(socket.bytesWritten)
    return socket.bytesWritten
  }
  expect(written()).toBe(0)
  socket.cork()
  socket.write('\u{e9}')
  socket.write(Buffer.alloc(3))
  socket.write('ffff', 'hex')
  expect(socket.writableLength).toBeGreaterThan(0)
  expect(written()).toBe(7)
  socket.uncork()
  await once(socket, 'data')
  expect(socket.writableLength).toBe(0)
  expect(written()).toBe(7)
  // More than the kernel takes, and more behind it.
  socket.pause()
  const size = 32 * 1024 * 1024
  socket.write(Buffer.alloc(size))
  socket.write('and more')
  expect(socket.writableLength).toBeGreaterThan(size)
  expect(written()).toBe(7 + size + 8)
  socket.resume()
  await once(socket, 'drain')
  expect(written()).toBe(7 + size + 8)
  expect(socket.bytesRead).toBeGreaterThan(7)
})

test('server._handle.fd: the listening descriptor', async () => {
  const server = net.createServer().listen(0)
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  expect(isSocket(handleOf(server)?.fd)).toBe(true)
})

test('a TLSSocket forwards the descriptor, and knows a socket under it', async () => {
  const port = await listening(tls.createServer(certificate))

  const own = tls.connect({ port, host: '127.0.0.1', ...trust })
  await once(own, 'secureConnect')
  expect(isSocket(handleOf(own)?.fd)).toBe(true)
  expect(parentOf(own)).not.toBeInstanceOf(net.Socket)
  own.destroy()

  const raw = net.connect(port, '127.0.0.1')
  await once(raw, 'connect')
  const descriptor = handleOf(raw)?.fd
  const over = tls.connect({ socket: raw, ...trust })
  await once(over, 'secureConnect')
  expect(handleOf(over)?.fd).toBe(descriptor)
  expect(parentOf(over)).toBe(raw)
  over.destroy()
})

test.each([
  ['http', http.Agent],
  ['https', https.Agent as typeof http.Agent],
])(
  '%s: agent.addRequest calls getName, then takes a free socket',
  (_, Agent) => {
    const calls: string[] = []
    class Watched extends Agent {
      override getName(options?: object): string {
        calls.push('getName')
        return super.getName(options)
      }
      override reuseSocket(socket: net.Socket): void {
        calls.push(`reuseSocket ${sockets.indexOf(socket)}`)
      }
    }
    const sockets = [new net.Socket(), new net.Socket(), new net.Socket()]
    for (const [scheduling, taken] of [
      ['lifo', 2],
      ['fifo', 0],
    ] as const) {
      const agent = new Watched({ scheduling })
      Object.assign(agent.freeSockets, { [agent.getName({})]: [...sockets] })
      calls.length = 0
      const request = { getHeader() {}, onSocket() {} }
      const { addRequest } = agent as unknown as {
        addRequest(request: object, options: object): void
      }
      addRequest.call(agent, request, {})
      expect(calls).toEqual(['getName', `reuseSocket ${taken}`])
      expect(agent).toHaveProperty('scheduling', scheduling)
    }
  },
)
