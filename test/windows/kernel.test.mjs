// What the Windows call answers, on good and on bad days. Each test runs in a
// process of its own (this file, with the test's name): which version of the
// struct is known is settled once for a process.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  addon,
  api,
  calls,
  connection,
  standIn,
  unanswered,
} from './stand-in.mjs'

const [, here, chosen] = process.argv

const SIZES = [88, 136, 152]
const TOTAL = 8 << 20

const WSAEINVAL = 10022
const WSAENOTSOCK = 10038
const WSAENOPROTOOPT = 10042
const WSAEOPNOTSUPP = 10045
const WSAENETDOWN = 10050

// TCP_INFO_v2 of the Windows SDK's mstcpip.h: offset and size.
const MEMBERS = {
  State: [0, 4],
  Mss: [4, 4],
  ConnectionTimeMs: [8, 8],
  TimestampsEnabled: [16, 1],
  RttUs: [20, 4],
  MinRttUs: [24, 4],
  BytesInFlight: [28, 4],
  Cwnd: [32, 4],
  SndWnd: [36, 4],
  RcvWnd: [40, 4],
  RcvBuf: [44, 4],
  BytesOut: [48, 8],
  BytesIn: [56, 8],
  BytesReordered: [64, 4],
  BytesRetrans: [68, 4],
  FastRetrans: [72, 4],
  DupAcksIn: [76, 4],
  TimeoutEpisodes: [80, 4],
  SynRetrans: [84, 1],
  SndLimTransRwin: [88, 4],
  SndLimTimeRwin: [92, 4],
  SndLimBytesRwin: [96, 8],
  SndLimTransCwnd: [104, 4],
  SndLimTimeCwnd: [108, 4],
  SndLimBytesCwnd: [112, 8],
  SndLimTransSnd: [120, 4],
  SndLimTimeSnd: [124, 4],
  SndLimBytesSnd: [128, 8],
  OutOfOrderPktsIn: [136, 4],
  EcnNegotiated: [140, 1],
  EceAcksIn: [144, 4],
  PtoEpisodes: [148, 4],
}

/** Members of the record that v1 and v2 added. */
const ADDED = [
  [],
  ['rwndLimitedUs', 'cwndLimitedUs', 'appLimitedUs'],
  ['outOfOrderPacketsIn', 'ecnNegotiated', 'eceAcksIn', 'ptoEpisodes'],
]

/** The members that fit into so many bytes, each byte being its own offset. */
function patternOf(filled) {
  const bytes = Buffer.from(Array.from({ length: 152 }, (_, at) => at))
  bytes.writeUInt32LE(4, 0)
  const memberAt = (at, size) =>
    size === 8 ? bytes.readBigUInt64LE(at) : bytes.readUIntLE(at, size)
  return Object.fromEntries(
    Object.entries(MEMBERS)
      .filter(([, [at, size]]) => at + size <= filled)
      .map(([name, [at, size]]) => [name, memberAt(at, size)]),
  )
}

const refuseAll = (errno) => standIn.refuse({ v0: errno, v1: errno, v2: errno })

/** How many calls of the system `act` makes. */
function callsOf(act) {
  const before = calls()
  act()
  return calls() - before
}

const isTyped = (error) =>
  error instanceof Error &&
  error instanceof api.TcpInfoError &&
  /^ERR_TCP_INFO_[A-Z_]+$/.test(error.code)

/** A socket of each kind: what is said of it is said in every way. */
function assertFails(socket, expected) {
  assert.throws(() => api.readTcpInfo(socket), expected)
  assert.throws(() => api.readTcpState(socket), expected)
  assert.equal(socket.captureTcpInfo(), undefined)
  assert.ok(isTyped(socket.tcpInfoError))
  const { code, errno, errorName } = socket.tcpInfoError
  assert.deepEqual({ code, errno, errorName }, expected)
}

const closed = (socket) =>
  new Promise((resolve) => socket.once('close', resolve))

/** What a socket tells of its end, in order. */
function eventsOf(socket) {
  const events = []
  socket.on('tcpinfo', ({ trigger }) => events.push(trigger))
  socket.on('error', ({ code }) => events.push(code))
  socket.on('close', () => events.push('closed'))
  return events
}

async function send(from, to, total) {
  const chunk = Buffer.alloc(Math.min(total, 1 << 16))
  let received = 0
  const all = new Promise((resolve) => {
    to.on('data', ({ length }) => {
      received += length
      if (received === total) resolve()
    })
  })
  for (let sent = 0; sent < total; sent += chunk.length) {
    if (!from.write(chunk)) await once(from, 'drain')
  }
  await all
}

function inProcess(name, env) {
  const folder = mkdtempSync(path.join(tmpdir(), 'tcpinfo-'))
  try {
    const file = path.join(folder, 'output')
    const output = openSync(file, 'w')
    const { status, error } = spawnSync(process.execPath, [here, name], {
      stdio: ['ignore', output, output],
      timeout: 120_000,
      env: { ...process.env, ...env },
    })
    closeSync(output)
    assert.ifError(error)
    assert.equal(status, 0, readFileSync(file, 'utf8'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function fresh(name, body, env) {
  if (chosen === undefined) test(name, () => inProcess(name, env))
  else if (chosen === name) test(name, body)
}

for (const version of [2, 1, 0]) {
  fresh(`v${version}: the figures, and every offset`, async (t) => {
    const refusal = (of) => (of > version ? WSAEINVAL : 0)
    standIn.refuse({ v1: refusal(1), v2: refusal(2) })
    // A stock one: ours would have asked already.
    const { client, peer } = await connection(t, { connect: net.connect })
    const read = () => api.readTcpInfo(client)
    assert.equal(callsOf(read), 3 - version)
    assert.equal(callsOf(read), 1)
    const { source, structBytes } = api.support()
    assert.equal(source, `SIO_TCP_INFO v${version}`)
    assert.equal(structBytes, SIZES[version])

    await send(client, peer, TOTAL)
    await send(peer, client, 12_345)
    const there = api.readTcpInfo(client)
    const back = api.readTcpInfo(peer)
    for (const info of [there, back]) {
      assert.equal(info.source, source)
      assert.equal(info.state, 'ESTABLISHED')
      assert.ok(info.rttUs > 0 && info.rttUs < 5e6, `rttUs ${info.rttUs}`)
      for (const [since, names] of ADDED.entries()) {
        for (const name of names) {
          assert.equal(info[name] !== undefined, since <= version, name)
        }
      }
    }
    assert.equal(there.bytesSent - there.bytesRetransmitted, TOTAL)
    assert.equal(back.bytesReceived, TOTAL)
    assert.equal(back.bytesSent - back.bytesRetransmitted, 12_345)
    assert.equal(there.bytesReceived, 12_345)

    standIn.pattern()
    assert.deepEqual({ ...read().raw }, patternOf(SIZES[version]))
  })
}

for (const errno of [WSAEINVAL, WSAEOPNOTSUPP, WSAENOPROTOOPT]) {
  fresh(`v2 and v1 refused with ${errno}: v0, for good`, async (t) => {
    standIn.pattern()
    standIn.refuse({ v1: errno, v2: errno })
    const { client } = await connection(t, { connect: net.connect })
    const read = () => {
      assert.equal(api.readTcpInfo(client).source, 'SIO_TCP_INFO v0')
    }
    assert.equal(callsOf(read), 3)
    assert.equal(callsOf(read), 1)
    standIn.refuse({})
    assert.equal(callsOf(read), 1)
  })
}

fresh('v2 and v1 fail in passing: v0, until they answer', async (t) => {
  standIn.refuse({ v1: WSAENETDOWN, v2: WSAENETDOWN })
  const { client } = await connection(t, { connect: net.connect })
  const readAs = (version) => () => {
    assert.equal(api.readTcpInfo(client).source, `SIO_TCP_INFO v${version}`)
  }
  assert.equal(callsOf(readAs(0)), 3)
  assert.equal(callsOf(readAs(0)), 3)
  standIn.refuse({})
  assert.equal(callsOf(readAs(2)), 1)
})

fresh('a refusal does not settle the version', async (t) => {
  refuseAll(WSAENETDOWN)
  const { client } = await connection(t)
  assert.equal(client.captureTcpInfo(), undefined)
  standIn.refuse({})
  assert.equal(client.captureTcpInfo().source, 'SIO_TCP_INFO v2')
  // From now on it is known, and nothing older is asked.
  standIn.refuse({ v2: WSAENETDOWN })
  assert.equal(
    callsOf(() => client.captureTcpInfo()),
    1,
  )
  assert.equal(client.tcpInfoError.errno, WSAENETDOWN)
  standIn.refuse({})
  const read = () => {
    assert.equal(api.readTcpInfo(client).source, 'SIO_TCP_INFO v2')
  }
  assert.equal(callsOf(read), 1)
})

fresh('no answer before the connection is made', async (t) => {
  standIn.connectedOnly()
  const client = await unanswered(t)
  const expected = {
    code: 'ERR_TCP_INFO_NOT_CONNECTED',
    errno: WSAEOPNOTSUPP,
    errorName: 'WSAEOPNOTSUPP',
  }
  assertFails(client, expected)
  assert.equal(api.support().supported, true)
  assertFails(client, expected)
  const events = eventsOf(client)
  client.destroy()
  await closed(client)
  assert.deepEqual(events, ['closed'])
  assert.equal(client.tcpInfoError.code, expected.code)
  const { client: other } = await connection(t)
  assert.equal(api.readTcpInfo(other).state, 'ESTABLISHED')
})

fresh(
  'a system without the call',
  async (t) => {
    const { client, peer } = await connection(t)
    const expected = {
      code: 'ERR_TCP_INFO_UNSUPPORTED',
      errno: WSAEOPNOTSUPP,
      errorName: 'WSAEOPNOTSUPP',
    }
    assertFails(client, expected)
    const { supported, source, structBytes, reason } = api.support()
    assert.deepEqual(
      [supported, source, structBytes],
      [false, undefined, undefined],
    )
    assert.ok(isTyped(reason))
    const { code, errno, errorName } = reason
    assert.deepEqual({ code, errno, errorName }, expected)
    // And the socket does what it should.
    await send(client, peer, 1000)
    const events = eventsOf(client)
    client.resume().end()
    peer.end()
    await closed(client)
    assert.deepEqual(events, ['closed'])
    assert.equal(client.tcpInfo, undefined)
    assert.equal(client.tcpInfoError.code, expected.code)
  },
  { TCPINFO_STAND_IN: '' },
)

fresh('refusals keep their number', async (t) => {
  const CASES = [
    ['ERR_TCP_INFO_SYSTEM', WSAENETDOWN, 'WSAENETDOWN'],
    ['ERR_TCP_INFO_CLOSED', WSAENOTSOCK, 'WSAENOTSOCK'],
  ]
  // Before there was any answer, and after.
  for (const _ of ['before', 'after']) {
    for (const [code, errno, errorName] of CASES) {
      refuseAll(errno)
      const { client } = await connection(t)
      assertFails(client, { code, errno, errorName })
      const { supported, reason } = api.support()
      assert.equal(supported, api.support().supported)
      if (!supported) assert.equal(reason.errno, errno)
    }
    standIn.refuse({})
    assert.equal(api.support().supported, true)
  }
})

fresh('answers that are too short, or claim to be longer', async (t) => {
  standIn.pattern()
  const { client } = await connection(t)
  const number = addon.socketOf(client._handle)
  for (const bytes of [1, 4, 50, 87, 88, 100, 136, 151, 152, 153, 4096]) {
    standIn.returned(bytes)
    const info = api.readTcpInfo(client)
    assert.deepEqual({ ...info.raw }, patternOf(bytes), `${bytes} bytes`)
    assert.match(info.source, /^SIO_TCP_INFO v[012]$/, `${bytes} bytes`)
    assert.equal(info.state, bytes < 4 ? undefined : 'ESTABLISHED')
    assert.equal(info.pmtuBytes, undefined)
    assert.equal(info.bytesReceived !== undefined, bytes >= 64)
    assert.deepEqual(client.captureTcpInfo().raw, info.raw)
    // Nothing from beyond the answer, whatever is claimed.
    const filled = addon.readInfo(number, new ArrayBuffer(512), 0)
    assert.equal(filled, Math.min(bytes, 152))
  }
  standIn.returned(0)
  assert.throws(() => api.readTcpInfo(client), isTyped)
  assert.equal(client.captureTcpInfo(), undefined)
  assert.ok(isTyped(client.tcpInfoError))
  client.destroy()
  await closed(client)
})

fresh('no answer once the connection is over', async (t) => {
  standIn.openOnly()
  const { client, peer } = await connection(t)
  api.instrument(peer)
  const events = [client, peer].map(eventsOf)
  client.resume().end('x')
  peer.resume()
  await once(peer, 'end')
  // What is read until here is what stands.
  await sleep(50)
  const last = Date.now()
  await sleep(50)
  peer.end()
  await Promise.all([closed(client), closed(peer)])
  assert.deepEqual(events, [
    ['close', 'closed'],
    ['close', 'closed'],
  ])
  for (const { tcpInfo, tcpInfoError } of [client, peer]) {
    assert.equal(tcpInfo.trigger, 'close')
    assert.ok(tcpInfo.capturedAt <= last)
    assert.equal(tcpInfoError, undefined)
  }
  assert.match(client.tcpInfo.state, /^FIN_WAIT_[12]$/)
  assert.equal(peer.tcpInfo.state, 'CLOSE_WAIT')
  assert.equal(client.tcpInfo.bytesSent, 1)
})

fresh('likewise after a reset', async (t) => {
  standIn.openOnly()
  const asked = await connection(t)
  const { capturedAt, bytesSent } = asked.client.captureTcpInfo()
  const silent = await connection(t)
  await sleep(20)
  const connected = Date.now()
  await sleep(20)
  const ends = []
  for (const { client, peer } of [asked, silent]) {
    const events = eventsOf(client)
    peer.resetAndDestroy()
    await closed(client)
    ends.push(events)
  }
  assert.deepEqual(ends, [
    ['close', 'ECONNRESET', 'closed'],
    ['close', 'ECONNRESET', 'closed'],
  ])
  const { tcpInfo, tcpInfoError } = asked.client
  assert.equal(tcpInfo.trigger, 'close')
  assert.equal(tcpInfo.capturedAt, capturedAt)
  assert.equal(tcpInfo.bytesSent, bytesSent)
  assert.equal(tcpInfoError, undefined)
  // Of one that nobody asked there is what it was when it was connected.
  const first = silent.client.tcpInfo
  assert.deepEqual([first.trigger, first.state], ['close', 'ESTABLISHED'])
  assert.ok(first.capturedAt <= connected)
  assert.equal(api.readTcpInfo(silent.client), first)
})

fresh('on no bad day anything is thrown or left open', async (t) => {
  const DAYS = {
    'no answer before the connection is made': standIn.connectedOnly,
    'no answer once it is over': standIn.openOnly,
    'newer versions refused': () => standIn.refuse({ v2: 1, v1: 1 }),
    'another error': () => refuseAll(WSAENETDOWN),
    'not a socket': () => refuseAll(WSAENOTSOCK),
    'one byte': () => standIn.returned(1),
    'too much': () => standIn.returned(0x7fffffff),
    'error 0 to end with': () => standIn.returned(0),
    'not supported': () => refuseAll(WSAEOPNOTSUPP),
  }
  const ENDS = {
    end: ({ client, peer }) => {
      client.resume().end()
      peer.resume().end()
    },
    destroy: ({ client }) => client.destroy(),
    error: ({ client }) => client.destroy(new Error('on purpose')),
    reset: ({ peer }) => peer.resetAndDestroy(),
    'own reset': ({ client }) => client.resetAndDestroy(),
  }
  for (const [day, begin] of Object.entries(DAYS)) {
    for (const isAsked of [true, false]) {
      for (const [way, end] of Object.entries(ENDS)) {
        standIn.reset()
        begin()
        const pair = await connection(t)
        const { client, peer } = pair
        api.instrument(peer)
        if (isAsked) {
          for (const socket of [client, peer]) {
            const info = socket.captureTcpInfo()
            if (!info) assert.ok(isTyped(socket.tcpInfoError), `${day}, ${way}`)
          }
        }
        const over = closed(client)
        end(pair)
        await over
        const { tcpInfo, tcpInfoError } = client
        if (tcpInfo) assert.equal(tcpInfo.trigger, 'close', `${day}, ${way}`)
        else assert.ok(isTyped(tcpInfoError), `${day}, ${way}`)
        client.captureTcpInfo()
        peer.destroy()
      }
    }
  }
})

fresh('readMany() gives what readInfo() does', async (t) => {
  const STRIDE = 160
  const server = net.createServer()
  const sockets = []
  server.on('connection', (peer) => sockets.push(peer))
  server.listen(0, '127.0.0.1')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  await once(server, 'listening')
  for (let i = 1; i <= 5; i++) {
    const { client } = await connection(t, { server })
    client.write(Buffer.alloc(1000 * i))
    sockets.push(client)
  }
  await sleep(100)
  const NOT_ONE = 0x7ffffff0
  const numbers = Int32Array.from([
    NOT_ONE,
    ...sockets.map(({ _handle }) => addon.socketOf(_handle)),
    NOT_ONE,
  ])
  const rows = new Uint8Array(STRIDE * numbers.length)
  const filled = new Int32Array(numbers.length)
  const read = () => addon.readMany(numbers, rows, STRIDE, filled)
  assert.equal(callsOf(read), numbers.length)
  assert.equal(read(), sockets.length)
  // The age of a connection moves on from one call to the next.
  const compared = (bytes) => [...bytes.fill(0, 8, 16)]
  const sent = new Set()
  for (const [index, number] of numbers.entries()) {
    const row = rows.subarray(index * STRIDE, (index + 1) * STRIDE)
    // After the clock.
    const one = new Uint8Array(8 + STRIDE).subarray(8)
    assert.equal(filled[index], addon.readInfo(number, one.buffer, 0))
    assert.deepEqual(compared(row), compared(one))
    sent.add(new DataView(one.buffer, 8).getUint32(48, true))
  }
  assert.deepEqual([filled[0], filled.at(-1)], [-WSAENOTSOCK, -WSAENOTSOCK])
  assert.deepEqual([...sent].sort(), [0, 1000, 2000, 3000, 4000, 5000])
})
