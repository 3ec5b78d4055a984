// Finding the SOCKET of a handle: whatever is found must have the addresses
// that Node itself gives for the socket; no two connections share them.

import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import cluster from 'node:cluster'
import dgram from 'node:dgram'
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import {
  setImmediate as nextTurn,
  setTimeout as sleep,
} from 'node:timers/promises'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { certificate } from '../support/certificate.mjs'
import {
  addon,
  api,
  connection,
  listen,
  standIn,
  unanswered,
} from './stand-in.mjs'

const here = fileURLToPath(import.meta.url)

// Not the package's own connect: it looks the handle up when it pleases.
const connect = net.connect
const plain = (t, options) => connection(t, { connect, ...options })

const endsOf = ({ localAddress, localPort, remoteAddress, remotePort }) => ({
  localAddress,
  localPort,
  remoteAddress,
  remotePort,
})

/** What the system says of the SOCKET that is found for a TCP handle. */
function foundEnds(handle) {
  const found = addon.socketOf(handle)
  assert.ok(found > 0, `socketOf() gave ${found}`)
  const bytes = new ArrayBuffer(48)
  assert.ok(addon.readEndpoints(found, bytes, 0) > 0)
  const view = new DataView(bytes)
  const port = (at) => view.getUint16(at + 2, true) || undefined
  return {
    localAddress: addon.formatAddress(bytes, 0),
    localPort: port(0),
    remoteAddress: addon.formatAddress(bytes, 24),
    remotePort: port(24),
  }
}

/** Found by a search, then by memory, and by the package. */
function assertFound(
  socket,
  { handle = socket._handle, ends = endsOf(socket) } = {},
) {
  assert.ok(ends.localPort > 0)
  assert.deepEqual(foundEnds(handle), ends, 'first look')
  assert.deepEqual(foundEnds(handle), ends, 'second look')
  assert.deepEqual(endsOf(api.readTcpInfo(socket)), ends, 'record')
}

function assertNotTcp(socket) {
  assert.throws(() => api.readTcpInfo(socket), { code: 'ERR_TCP_INFO_NOT_TCP' })
}

/** once(socket, 'close') would fail with the socket's 'error'. */
const closed = (socket) =>
  new Promise((resolve) => socket.once('close', resolve))

async function stateIs(socket, wanted) {
  while (api.readTcpState(socket) !== wanted) await sleep(5)
}

/** Two streams in JavaScript, each giving what is written to the other. */
function duplexPair() {
  const [a, b] = [0, 1].map(
    (index) =>
      new Duplex({
        read() {},
        write(chunk, _encoding, done) {
          both[1 - index].push(chunk)
          done()
        },
      }),
  )
  const both = [a, b]
  return both
}

/** In a worker thread: sockets of its own, looked at twice. */
async function inWorker() {
  const t = { after() {} }
  const { client, peer } = await plain(t)
  assertFound(client)
  assertFound(peer)
  parentPort.postMessage('open')
  await once(parentPort, 'message')
  assertFound(client)
  assertFound(peer)
  process.exit()
}

/** In a child process: sockets that come from the parent. */
function inChild() {
  const answer = (socket) =>
    process.send({
      ends: foundEnds(socket._handle),
      record: endsOf(api.readTcpInfo(socket)),
    })
  process.on('message', (_, socket) => answer(socket))
  process.on('disconnect', () => process.exit())
  if (cluster.isWorker) {
    const server = net.createServer(answer)
    server.listen(0, '127.0.0.1', () => process.send(server.address().port))
  } else {
    process.send('ready')
  }
}

function tests() {
  const FAMILIES = [
    ['IPv4', '127.0.0.1', '127.0.0.1'],
    ['IPv6', '::1', '::1'],
    ['IPv4 mapped into IPv6', '::', '127.0.0.1'],
  ]
  for (const [name, host, target] of FAMILIES) {
    test(`${name}: both ends in one process`, async (t) => {
      const server = await listen(t, net.createServer(), 0, host)
      const { client, peer } = await plain(t, { server, host: target })
      assertFound(client)
      assertFound(peer)
      const numbers = [client, peer, server].map(({ _handle }) =>
        addon.socketOf(_handle),
      )
      assert.equal(new Set(numbers).size, 3)
    })
  }

  for (const isRef of [true, false]) {
    test(`a socket that is ${isRef ? 'ref' : 'unref'}-ed stays so`, async (t) => {
      const { client, peer, server } = await plain(t)
      if (!isRef) client.unref()
      const handles = [client, peer, server].map(({ _handle }) => _handle)
      for (const look of ['first', 'second', 'third']) {
        assert.ok(addon.socketOf(client._handle) > 0)
        const refs = handles.map((handle) => handle.hasRef())
        assert.deepEqual(refs, [isRef, true, true], `${look} look`)
      }
      if (!isRef) client.ref()
      assert.equal(client._handle.hasRef(), true)
      assertFound(client)
    })
  }

  test('the same when it is unref-ed between two looks', async (t) => {
    const { client } = await plain(t)
    const found = addon.socketOf(client._handle)
    client.unref()
    assert.equal(addon.socketOf(client._handle), found)
    assert.equal(client._handle.hasRef(), false)
    client.ref()
    assert.equal(addon.socketOf(client._handle), found)
    assert.equal(client._handle.hasRef(), true)
  })

  test('a socket that begins to connect', async (t) => {
    const server = await listen(t, net.createServer())
    const client = connect(server.address().port, '127.0.0.1')
    t.after(() => client.destroy())
    // libuv makes the SOCKET when the attempt begins, on the next tick.
    assert.equal(addon.socketOf(client._handle), -1)
    const code = 'ERR_TCP_INFO_NOT_CONNECTED'
    assert.throws(() => api.readTcpInfo(client), { code })
    await nextTurn()
    assert.ok(client.connecting)
    assert.equal(foundEnds(client._handle).localPort, client.localPort)
    await once(client, 'connect')
    assertFound(client)
  })

  test('a socket whose SYN gets no answer', async (t) => {
    const client = await unanswered(t, connect)
    const ends = foundEnds(client._handle)
    assert.ok(ends.localPort > 0)
    assert.equal(ends.localPort, client.localPort)
    assert.equal(api.readTcpState(client), 'SYN_SENT')
    client.destroy()
  })

  for (const first of ['client', 'peer']) {
    test(`half-closed by the ${first}`, async (t) => {
      const pair = await plain(t)
      const closing = pair[first]
      const other = first === 'client' ? pair.peer : pair.client
      closing.end()
      other.resume()
      await once(other, 'end')
      await stateIs(closing, 'FIN_WAIT_2')
      assert.equal(api.readTcpState(other), 'CLOSE_WAIT')
      assertFound(closing)
      assertFound(other)
    })
  }

  test('reset, and Node does not know yet', async (t) => {
    const { client, peer } = await plain(t, { noDelay: true })
    const ends = endsOf(client)
    client.pause()
    peer.resetAndDestroy()
    await stateIs(client, 'CLOSED')
    assert.equal(foundEnds(client._handle).localPort, ends.localPort)
  })

  test('reset: the record at the close is of that connection', async (t) => {
    const { client, peer } = await connection(t)
    const ends = endsOf(client)
    peer.resetAndDestroy()
    await closed(client)
    assert.equal(client.tcpInfo.trigger, 'close')
    assert.equal(client.tcpInfo.state, 'CLOSED')
    assert.deepEqual(endsOf(client.tcpInfo), ends)
  })

  test('a named pipe has none', async (t) => {
    const name = `\\\\.\\pipe\\tcpinfo-${process.pid}`
    const server = await listen(t, net.createServer(), name)
    const accepted = once(server, 'connection')
    const client = connect(name)
    t.after(() => client.destroy())
    const [peer] = await accepted
    for (const pipe of [client, peer]) {
      assertNotTcp(pipe)
      assert.ok(addon.socketOf(pipe._handle) < 0)
      assert.equal(pipe._handle.hasRef(), true)
    }
  })

  test('TLS, client and server', async (t) => {
    const server = await listen(t, tls.createServer(certificate))
    const secured = once(server, 'secureConnection')
    const { port } = server.address()
    const client = tls.connect({
      port,
      host: '127.0.0.1',
      ca: certificate.cert,
    })
    t.after(() => client.destroy())
    client.on('error', () => {})
    const [peer] = await secured
    for (const socket of [client, peer]) {
      assertFound(socket, { handle: socket._handle._parent })
    }
  })

  test('TLS over a socket', async (t) => {
    const server = await listen(t, tls.createServer(certificate))
    const secured = once(server, 'secureConnection')
    const { client: under } = await plain(t, { server })
    const client = tls.connect({ socket: under, rejectUnauthorized: false })
    t.after(() => client.destroy())
    await secured
    assertFound(under)
    assert.deepEqual(endsOf(api.readTcpInfo(client)), endsOf(under))
  })

  test('TLS over a stream in JavaScript has none', async (t) => {
    const [a, b] = duplexPair()
    const peer = new tls.TLSSocket(a, { isServer: true, ...certificate })
    const client = tls.connect({ socket: b, rejectUnauthorized: false })
    t.after(() => {
      peer.destroy()
      client.destroy()
    })
    await once(client, 'secureConnect')
    assertNotTcp(client)
    assertNotTcp(peer)
  })

  test('an http.Agent that keeps its connection', async (t) => {
    const accepted = []
    const server = http.createServer((request, response) => {
      assertFound(request.socket)
      accepted.push(addon.socketOf(request.socket._handle))
      response.end('x')
    })
    await listen(t, server)
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    t.after(() => agent.destroy())
    const { port } = server.address()
    const used = []
    for (let i = 0; i < 4; i++) {
      const request = http.get({ port, host: '127.0.0.1', agent })
      const [response] = await once(request, 'response')
      assertFound(request.socket)
      used.push(addon.socketOf(request.socket._handle))
      response.resume()
      await once(response, 'close')
    }
    assert.equal(new Set(used).size, 1)
    assert.equal(new Set(accepted).size, 1)
    assert.equal(accepted.length, 4)
    assert.notEqual(used[0], accepted[0])
  })

  test('the socket of an HTTP/2 session', async (t) => {
    const server = await listen(t, http2.createServer())
    server.on('stream', (stream) => stream.end('x'))
    const accepted = once(server, 'connection')
    const { port } = server.address()
    const socket = connect(port, '127.0.0.1')
    const session = http2.connect(`http://127.0.0.1:${port}`, {
      createConnection: () => socket,
    })
    t.after(() => session.destroy())
    const request = session.request().resume()
    await once(request, 'end')
    assertFound(socket)
    const [peer] = await accepted
    assertFound(peer)
  })

  test('sockets of a worker thread, beside those of the main one', async (t) => {
    const before = await plain(t)
    assertFound(before.client)
    const worker = new Worker(here)
    t.after(() => worker.terminate())
    await once(worker, 'message')
    const { client, peer } = await plain(t)
    for (const socket of [client, peer, before.peer, before.client]) {
      assertFound(socket)
    }
    worker.postMessage('again')
    assert.deepEqual(await once(worker, 'exit'), [0])
    assertFound(client)
  })

  test('a socket that was sent to another process', async (t) => {
    const child = fork(here, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    t.after(() => child.kill())
    assert.deepEqual((await once(child, 'message'))[0], 'ready')
    const server = net.createServer({ pauseOnConnect: true })
    const { client, peer } = await plain(t, { server: await listen(t, server) })
    // Both are found in this process before one leaves it.
    assertFound(client)
    const ends = endsOf(peer)
    assertFound(peer)
    const handle = peer._handle
    child.send('socket', peer)
    const [answer] = await once(child, 'message')
    assert.deepEqual(answer, { ends, record: ends })
    assert.equal(addon.socketOf(handle), -1)
    assertFound(client)
  })

  test('sockets that a process of a cluster accepts', async (t) => {
    cluster.setupPrimary({
      exec: here,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const worker = cluster.fork()
    t.after(() => worker.process.kill())
    const [port] = await once(worker, 'message')
    for (let i = 0; i < 3; i++) {
      const answered = once(worker, 'message')
      const client = connect(port, '127.0.0.1')
      t.after(() => client.destroy())
      client.on('error', () => {})
      const [{ ends, record }] = await answered
      assert.deepEqual(record, ends)
      assert.equal(ends.localPort, port)
      assert.equal(ends.remotePort, client.localPort)
    }
  })

  test('the handle is another one for each address that is tried', async (t) => {
    const server = await listen(t, net.createServer())
    const handles = []
    const client = connect({
      port: server.address().port,
      host: 'localhost',
      autoSelectFamily: true,
      lookup: (_host, _options, done) =>
        setImmediate(done, null, [
          { address: '::1', family: 6 },
          { address: '127.0.0.1', family: 4 },
        ]),
    })
    t.after(() => client.destroy())
    client.on('connectionAttempt', () => {
      handles.push(client._handle)
      // Each is looked at while it is the socket's.
      addon.socketOf(client._handle)
    })
    await once(client, 'connect')
    assert.equal(handles.length, 2)
    assert.notEqual(handles[0], handles[1])
    assertFound(client)
    assert.equal(client._handle, handles[1])
    assert.equal(addon.socketOf(handles[0]), -1)
  })

  test('a server', async (t) => {
    for (const host of ['127.0.0.1', '::1']) {
      const server = await listen(t, net.createServer(), 0, host)
      const { port } = server.address()
      const wanted = {
        localAddress: host,
        localPort: port,
        remoteAddress: undefined,
        remotePort: undefined,
      }
      assertFound(server, { ends: wanted })
      assert.equal(api.readTcpState(server), 'LISTEN')
      const handle = server._handle
      server.close()
      assert.equal(addon.socketOf(handle), -1)
    }
  })

  test('1,000 connections', async (t) => {
    const server = await listen(t, net.createServer(), {
      port: 0,
      host: '127.0.0.1',
      backlog: 511,
    })
    const sockets = []
    server.on('connection', (peer) => sockets.push(peer))
    for (let i = 0; i < 1000; i++) {
      const client = connect(server.address().port, '127.0.0.1')
      t.after(() => client.destroy())
      await once(client, 'connect')
      sockets.push(client)
      // Among handles whose flags differ.
      if (i % 3 === 0) client.unref()
    }
    while (sockets.length < 2000) await sleep(5)
    const handles = sockets.map(({ _handle }) => _handle)
    const refs = handles.map((handle) => handle.hasRef())
    for (const look of ['first', 'second']) {
      for (const socket of sockets) {
        assert.deepEqual(foundEnds(socket._handle), endsOf(socket), look)
      }
      assert.deepEqual(
        handles.map((handle) => handle.hasRef()),
        refs,
      )
    }
  })

  test('a closed handle finds nothing, whoever has its number now', async (t) => {
    const server = await listen(t, net.createServer())
    const past = []
    const numbers = new Set()
    let reused = 0
    for (let round = 0; round < 60; round++) {
      // Some keep a last record; of some the handle is never looked at.
      const isInstrumented = round % 2 === 0
      const isLookedAt = round % 3 !== 0
      const { client, peer } = await connection(t, {
        server,
        connect: isInstrumented ? api.connect : net.connect,
      })
      const ends = endsOf(client)
      const handle = client._handle
      if (isLookedAt) {
        assert.deepEqual(foundEnds(handle), ends)
        const number = addon.socketOf(handle)
        if (numbers.has(number)) reused++
        numbers.add(number)
      }
      for (const old of past) {
        assert.equal(addon.socketOf(old.handle), -1)
        if (old.isInstrumented) {
          assert.deepEqual(endsOf(api.readTcpInfo(old.client)), old.ends)
        } else {
          const code = 'ERR_TCP_INFO_CLOSED'
          assert.throws(() => api.readTcpInfo(old.client), { code })
        }
      }
      client.destroy()
      // While it closes, and after.
      assert.equal(addon.socketOf(handle), -1)
      await closed(client)
      assert.equal(addon.socketOf(handle), -1)
      peer.destroy()
      past.push({ client, handle, ends, isInstrumented })
    }
    t.diagnostic(`${reused} of ${numbers.size + reused} numbers came again`)
    assert.ok(reused > 0, 'no number came again, so that nothing was shown')
  })

  test('other handles', async (t) => {
    const { client } = await plain(t)
    const udp = dgram.createSocket('udp4').bind(0, '127.0.0.1')
    t.after(() => udp.close())
    await once(udp, 'listening')
    const timer = setTimeout(() => {}, 60_000)
    t.after(() => clearTimeout(timer))
    const [udpHandle] = Object.getOwnPropertySymbols(udp)
      .map((symbol) => udp[symbol]?.handle)
      .filter(Boolean)
    const TCP = client._handle.constructor
    const fresh = new TCP(0)
    for (const handle of [udpHandle, timer, fresh]) {
      for (const isRef of [true, false]) {
        handle[isRef ? 'ref' : 'unref']()
        for (let look = 0; look < 2; look++) {
          assert.ok(addon.socketOf(handle) < 0)
          assert.equal(handle.hasRef(), isRef)
        }
      }
    }
    fresh.close()
    assertNotTcp(udp)
    assertNotTcp(timer)
    assertFound(client)
  })

  test('junk finds nothing and harms nothing', async (t) => {
    const { client, peer } = await plain(t)
    const { client: quiet } = await plain(t)
    quiet.unref()
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const fail = () => {
      throw new Error('on purpose')
    }
    const nothing = () => {}
    const yes = () => true
    const no = () => false
    const TCP = client._handle.constructor
    const junk = [
      ...[undefined, null, true, 0, -1, 2 ** 31, Number.NaN, 1n, 'TCP'],
      ...[Symbol('TCP'), nothing, class {}, TCP, [], {}, Object.create(null)],
      ...[new Map(), new Date(), Promise.resolve(), new Uint8Array(8)],
      ...[new Proxy({}, {}), new Proxy({}, { get: fail }), revoked.proxy],
      ...[new Proxy(client._handle, {}), Object.create(client._handle)],
      ...[Object.create(TCP.prototype), TCP.prototype, client, globalThis],
      { unref: 1, ref: 2, hasRef: 3 },
      { unref: fail, ref: fail, hasRef: fail },
      { unref: nothing, ref: nothing, hasRef: fail },
      { unref: nothing, ref: nothing, hasRef: yes },
      { unref: nothing, ref: nothing, hasRef: no },
      { unref: nothing, ref: nothing, hasRef: () => 'yes' },
      { unref: nothing, ref: nothing },
      { hasRef: yes },
      {
        get unref() {
          return fail()
        },
      },
      // Two flags change, so there is no telling.
      {
        unref: () => [client, peer].map((socket) => socket._handle.unref()),
        ref: () => [client, peer].map((socket) => socket._handle.ref()),
        hasRef: () => client._handle.hasRef(),
      },
    ]
    for (const one of junk) {
      for (let look = 0; look < 2; look++) {
        assert.ok(addon.socketOf(one) < 0)
      }
    }
    assert.ok(addon.socketOf() < 0)
    for (const socket of [client, peer, quiet]) assertFound(socket)
    const refs = [client, peer, quiet].map(({ _handle }) => _handle.hasRef())
    assert.deepEqual(refs, [true, true, false])
  })

  test('a frozen handle', async (t) => {
    const { client, peer } = await plain(t)
    Object.freeze(client._handle)
    for (let look = 0; look < 3; look++) {
      assert.deepEqual(foundEnds(client._handle), endsOf(client))
      assert.equal(client._handle.hasRef(), true)
    }
    peer.destroy()
    client.destroy()
  })

  const FORWARDING = {
    honest: (handle) => () => handle.hasRef(),
    'untrue about hasRef()': () => () => true,
  }
  for (const [name, hasRefOf] of Object.entries(FORWARDING)) {
    test(`an object that forwards to a handle, ${name}`, async (t) => {
      const { client, server } = await plain(t)
      const handle = client._handle
      const forwarding = {
        ref: () => handle.ref(),
        unref: () => handle.unref(),
        hasRef: hasRefOf(handle),
      }
      for (let look = 0; look < 2; look++) {
        const found = addon.socketOf(forwarding)
        assert.ok(found < 0 || found === addon.socketOf(handle))
        assert.equal(handle.hasRef(), true)
      }
      client.destroy()
      await closed(client)
      // Their memory may be that of the closed one.
      for (let i = 0; i < 30; i++) await plain(t, { server })
      assert.ok(addon.socketOf(forwarding) < 0)
    })
  }
}

if (!isMainThread) await inWorker()
else if (process.send) inChild()
else {
  standIn.kernel()
  tests()
}
