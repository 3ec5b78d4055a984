// Exercises an installed copy of the package with whatever Node runs this, on any
// platform: copied beside a node_modules folder that holds it. One line at the
// end says what was found, any failure is an exception.
//
// TCPINFO_EXPECT=unsupported: there are no statistics here, and that is to be
// said properly while sockets work as ever. TCPINFO_BINARY: the end of the name of
// the file that is to be loaded. TCPINFO_TIMEOUT_S: for slow, emulated machines.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Duplex } from 'node:stream'
import { isMainThread, threadId, Worker } from 'node:worker_threads'
import * as imported from 'tcpinfo-socket'

const required = createRequire(import.meta.url)('tcpinfo-socket')

const TIMEOUT_MS = 1_000 * Number(process.env.TCPINFO_TIMEOUT_S ?? 30)
const MIB = 1 << 20
const CHUNK = Buffer.alloc(64 * 1024, 'x')
const LOOPBACK = '127.0.0.1'
const unsupported = process.env.TCPINFO_EXPECT === 'unsupported'
const UNSUPPORTED = 'ERR_TCP_INFO_UNSUPPORTED'
const NOT_CONNECTED = 'ERR_TCP_INFO_NOT_CONNECTED'
const NOT_TCP = 'ERR_TCP_INFO_NOT_TCP'
/** Of a socket that the kernel never had: without statistics both are true. */
const NEVER_OPENED = unsupported ? [UNSUPPORTED, NOT_CONNECTED] : NOT_CONNECTED

let step = 'loading'

/** A server, or undefined where this machine lacks the address. */
async function listen(server, host) {
  server.listen(0, host)
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    if (host === LOOPBACK) throw error
  }
}

async function close(server) {
  server.close()
  await once(server, 'close')
}

async function send(socket, bytes) {
  for (let sent = 0; sent < bytes; sent += CHUNK.length) {
    if (!socket.write(CHUNK)) await once(socket, 'drain')
  }
}

function receive(socket, bytes) {
  let received = 0
  return new Promise((resolve) => {
    socket.on('data', (chunk) => {
      received += chunk.length
      if (received >= bytes) resolve()
    })
  })
}

/** The events of a socket that have to do with its end, as they come. */
function record(socket) {
  const events = []
  socket.on('tcpinfo', ({ trigger }) => events.push(trigger))
  socket.on('error', ({ code }) => events.push(code))
  socket.on('end', () => events.push('end'))
  const closed = new Promise((resolve) => {
    socket.on('close', () => {
      events.push('closed')
      resolve()
    })
  })
  return { events, closed }
}

function checkError(error, { TcpInfoError }, codes) {
  assert.ok(error instanceof TcpInfoError && error instanceof Error, error)
  assert.ok([codes].flat().includes(error.code), error)
  assert.ok(error.message.length > 20)
}

function fails(api, codes, act) {
  assert.throws(act, (error) => {
    checkError(error, api, codes)
    return true
  })
}

const addressesOf = ({
  localAddress,
  localPort,
  remoteAddress,
  remotePort,
}) => ({ localAddress, localPort, remoteAddress, remotePort })

/** What holds for every record of a connection that was established. */
function checkRecord(info, trigger, addresses) {
  assert.equal(info.trigger, trigger)
  assert.equal(info.platform, process.platform)
  assert.equal(typeof info.source, 'string')
  assert.ok(Math.abs(Date.now() - info.capturedAt) < TIMEOUT_MS)
  assert.deepEqual(addressesOf(info), addresses)
  for (const [name, value] of Object.entries(info)) {
    if (typeof value !== 'number') continue
    assert.ok(value >= 0 && Number.isFinite(value), `${name}: ${value}`)
  }
  assert.equal(typeof info.raw, 'object')
  const copy = structuredClone(info)
  assert.deepEqual(copy, { ...info })
  assert.equal(JSON.parse(JSON.stringify(info)).state, info.state)
}

/** A count that the system may not give. */
function atLeast(info, name, least) {
  const value = info[name]
  if (value === undefined) return
  assert.ok(value >= least && value < 2 * least, `${name}: ${value}`)
}

function checkSupport(api) {
  const { supported, platform, arch, source, structBytes, reason } =
    api.support()
  assert.deepEqual([platform, arch], [process.platform, process.arch])
  if (unsupported) {
    assert.equal(supported, false)
    checkError(reason, api, UNSUPPORTED)
    assert.deepEqual([source, structBytes], [undefined, undefined])
  } else {
    assert.ok(supported && !reason, reason?.message)
    assert.ok(source.length > 0 && structBytes > 0)
  }
}

async function transfer(api, host) {
  let finished
  const server = await listen(
    net.createServer((peer) => {
      finished = (async () => {
        await receive(peer, MIB)
        await send(peer, MIB)
      })()
    }),
    host,
  )
  if (!server) return
  const { port } = server.address()
  const socket = api.connect(port, host)
  const { events, closed } = record(socket)
  await once(socket, 'connect')
  const arrived = receive(socket, MIB)
  await send(socket, MIB)
  await arrived
  await finished

  const addresses = addressesOf(socket)
  assert.deepEqual(
    [addresses.remoteAddress, addresses.remotePort],
    [host, port],
  )
  if (unsupported) {
    fails(api, UNSUPPORTED, () => api.readTcpInfo(socket))
    fails(api, UNSUPPORTED, () => api.readTcpState(socket))
    assert.equal(socket.captureTcpInfo(), undefined)
  } else {
    const read = api.readTcpInfo(socket)
    checkRecord(read, 'demand', addresses)
    const info = socket.captureTcpInfo()
    assert.ok(info, socket.tcpInfoError?.message)
    checkRecord(info, 'demand', addresses)
    assert.equal(socket.tcpInfo, info)
    assert.ok(info.connectDurationMs >= 0)
    for (const each of [read, info]) {
      assert.equal(each.state, 'ESTABLISHED')
      assert.equal(each.appBytesRead, MIB)
      assert.equal(each.appBytesWritten, MIB)
      atLeast(each, 'bytesReceived', MIB)
      atLeast(each, 'bytesSent', MIB)
    }
    assert.equal(api.readTcpState(socket), 'ESTABLISHED')
  }

  socket.end()
  await closed
  if (unsupported) {
    assert.deepEqual(events, ['end', 'closed'])
    assert.equal(socket.tcpInfo, undefined)
    checkError(socket.tcpInfoError, api, UNSUPPORTED)
  } else {
    assert.deepEqual(events, ['demand', 'end', 'close', 'closed'])
    const last = socket.tcpInfo
    checkRecord(last, 'close', addresses)
    assert.equal(typeof last.state, 'string')
    assert.equal(last.appBytesRead, MIB)
    atLeast(last, 'bytesReceived', MIB)
    assert.equal(socket.tcpInfoError, undefined)
    assert.equal(socket.captureTcpInfo(), last)
    assert.equal(api.readTcpInfo(socket), last)
  }
  await close(server)
}

async function accepted(api) {
  const server = await listen(net.createServer(), LOOPBACK)
  const client = net.connect(server.address().port, LOOPBACK).resume()
  const [peer] = await once(server, 'connection')
  assert.equal(api.instrument(peer), peer)
  const { events, closed } = record(peer.resume())
  const addresses = addressesOf(peer)
  const info = peer.captureTcpInfo()
  if (!unsupported) {
    checkRecord(info, 'demand', addresses)
    assert.equal(info.state, 'ESTABLISHED')
    assert.equal(info.remotePort, client.localPort)
  }
  client.end()
  await closed
  const expected = unsupported
    ? ['end', 'closed']
    : ['demand', 'end', 'close', 'closed']
  assert.deepEqual(events, expected)
  if (!unsupported) checkRecord(peer.tcpInfo, 'close', addresses)
  await close(server)
}

async function httpRequest(api, agent) {
  const server = await listen(
    http.createServer((_, response) => response.end('hello')),
    LOOPBACK,
  )
  const { port } = server.address()
  const request = http.get({ host: LOOPBACK, port, agent })
  const [socket] = await once(request, 'socket')
  assert.ok(socket instanceof api.TcpInfoSocket)
  const { events, closed } = record(socket)
  const [response] = await once(request, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  assert.equal(body, 'hello')
  agent.destroy()
  await closed
  assert.equal(
    events.filter((each) => each === 'close').length,
    unsupported ? 0 : 1,
  )
  if (!unsupported) assert.equal(socket.tcpInfo.remotePort, port)
  await close(server)
}

async function reset(api) {
  const server = await listen(
    net.createServer((peer) => {
      peer.once('data', () => peer.resetAndDestroy())
    }),
    LOOPBACK,
  )
  const { port } = server.address()
  const socket = api.connect(port, LOOPBACK)
  const { events, closed } = record(socket.resume())
  await once(socket, 'connect')
  const addresses = addressesOf(socket)
  socket.captureTcpInfo()
  socket.write('hello')
  await closed
  const expected = unsupported ? [] : ['demand', 'close']
  assert.deepEqual(events, [...expected, 'ECONNRESET', 'closed'])
  if (!unsupported) {
    checkRecord(socket.tcpInfo, 'close', addresses)
    // Windows may have forgotten the connection: then it is an older record.
    if (process.platform !== 'win32') {
      assert.equal(socket.tcpInfo.state, 'CLOSED')
    }
  }
  await close(server)
}

async function destroyedAtOnce(api) {
  const server = await listen(net.createServer(), LOOPBACK)
  const socket = api.connect(server.address().port, LOOPBACK)
  const { events, closed } = record(socket)
  socket.destroy()
  await closed
  assert.deepEqual(events, ['closed'])
  assert.equal(socket.tcpInfo, undefined)
  checkError(socket.tcpInfoError, api, NEVER_OPENED)
  await close(server)
}

async function pipe(api) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'pipe-'))
  const address =
    process.platform === 'win32'
      ? `\\\\.\\pipe\\${path.basename(scratch)}-${threadId}`
      : path.join(scratch, 'socket')
  const server = net.createServer((peer) => peer.pipe(peer)).listen(address)
  await once(server, 'listening')
  const socket = api.connect(address)
  const { events, closed } = record(socket)
  await once(socket, 'connect')
  if (!unsupported) {
    fails(api, NOT_TCP, () => api.readTcpInfo(socket))
    assert.equal(socket.captureTcpInfo(), undefined)
    checkError(socket.tcpInfoError, api, NOT_TCP)
  }
  socket.end('hello').resume()
  await closed
  assert.deepEqual(events, ['end', 'closed'])
  await close(server)
  rmSync(scratch, { recursive: true })
}

function noSockets(api) {
  for (const each of [{}, undefined, null, 42, 'socket', new Duplex()]) {
    for (const ask of [api.readTcpInfo, api.readTcpState, api.instrument]) {
      fails(api, NOT_TCP, () => ask(each))
    }
  }
  fails(api, NEVER_OPENED, () => api.readTcpInfo(new net.Socket()))
}

async function exercise() {
  for (const [name, api] of Object.entries({ imported, required })) {
    const agent = new http.Agent()
    agent.createConnection = api.createConnection
    for (const [what, act] of [
      ['support()', () => checkSupport(api)],
      ['a transfer', () => transfer(api, LOOPBACK)],
      ['a transfer over IPv6', () => transfer(api, '::1')],
      ['an accepted socket', () => accepted(api)],
      ['an http.Agent', () => httpRequest(api, agent)],
      ['an HttpAgent', () => httpRequest(api, new api.HttpAgent())],
      ['a reset', () => reset(api)],
      ['a socket destroyed at once', () => destroyedAtOnce(api)],
      ['a pipe', () => pipe(api)],
      ['no sockets', () => noSockets(api)],
    ]) {
      step = `${what} (${name}, ${isMainThread ? 'main thread' : 'worker'})`
      try {
        await act()
      } catch (error) {
        throw new Error(`${step}: ${error.message}`, { cause: error })
      }
    }
  }
}

/** On a system where another binary than the one that is meant works as well. */
function checkBinary(name) {
  const { sharedObjects } = process.report.getReport()
  const loaded = sharedObjects.map((file) => file.replaceAll(path.sep, '/'))
  assert.ok(
    loaded.some((file) => file.endsWith(name)),
    `${name} is not among what was loaded: ${loaded.join(', ')}`,
  )
}

/** The same in a worker thread, while the main thread is at it too. */
async function inWorker() {
  const worker = new Worker(new URL(import.meta.url))
  const [code] = await once(worker, 'exit') // rejects on 'error'
  assert.equal(code, 0, 'the exit code of the worker')
}

if (isMainThread) {
  const timer = setTimeout(() => {
    console.error(`nothing more happened after ${TIMEOUT_MS} ms: ${step}`)
    process.exit(1)
  }, TIMEOUT_MS)
  const worker = inWorker()
  worker.catch(() => {}) // until it is awaited
  await exercise()
  step = 'the worker'
  await worker
  const { TCPINFO_BINARY } = process.env
  if (TCPINFO_BINARY) checkBinary(TCPINFO_BINARY)
  const { platform, arch, source, structBytes } = imported.support()
  const found = unsupported ? 'unsupported' : `${source} ${structBytes}`
  console.log(`ok ${platform}-${arch} node ${process.version} ${found}`)
  step = 'the process should have ended'
  timer.unref()
} else {
  await exercise()
}
