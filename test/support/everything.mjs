// Uses all that this package exports, on connections that are made here, and prints
// as JSON what was not as it should be:
//
//   node everything.mjs
//
// What HOSTILE in the environment names is done to the program before: see
// hostile.mjs.

import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import * as api from '../../dist/index.js'
import { register, unregister } from '../../dist/register.js'
import { beHostile, monotonicMs } from './hostile.mjs'

const LOCAL = '127.0.0.1'
const LONGEST_MS = 10_000
const wrong = []
const say = process.stdout.write.bind(process.stdout)
const { stringify, parse } = JSON
const netConnect = net.connect

function check(what, isRight) {
  try {
    const answer = isRight()
    if (answer !== true) wrong.push([what, String(answer)])
  } catch (error) {
    wrong.push([what, String(error?.stack ?? error)])
  }
}

const codeOf = (act) => {
  try {
    act()
    return 'nothing was thrown'
  } catch (error) {
    if (!(error instanceof api.TcpInfoError)) return String(error)
    return error.code
  }
}

process.on('uncaughtException', (error) => {
  wrong.push(['uncaught', String(error?.stack ?? error)])
})

const accepted = []
const echo = api.createServer((peer) => {
  peer.on('error', () => {})
  accepted.push(peer)
  peer.pipe(peer)
})
const web = http.createServer((_, response) => response.end('hello'))
for (const server of [echo, web]) {
  server.listen(0, LOCAL)
  await once(server, 'listening')
}
const ports = { echo: echo.address().port, web: web.address().port }

// A record of before, for what is to be read and compared after.
beHostile()

const isTime = (ms) => typeof ms === 'number' && ms >= 0 && ms < LONGEST_MS

function checkRecord(what, info, received) {
  check(`${what}: is a record`, () => info !== undefined)
  if (!info) return
  check(`${what}: state`, () => info.state === 'ESTABLISHED' || info.state)
  check(`${what}: bytesReceived`, () => info.bytesReceived === received)
  check(`${what}: what does not apply`, () => info.backlog === undefined)
  check(`${what}: its own members only`, () => Object.hasOwn(info, 'backlog'))
  check(`${what}: capturedAt`, () => typeof info.capturedAt === 'number')
  check(`${what}: remotePort`, () =>
    Object.values(ports).includes(info.remotePort),
  )
  check(
    `${what}: connectDurationMs`,
    () => isTime(info.connectDurationMs) || info.connectDurationMs,
  )
  check(`${what}: raw`, () => info.raw.tcpi_state === 1)
}

async function oneConnection(kind, open) {
  const socket = open()
  const told = []
  socket.on('error', (error) => wrong.push([kind, String(error?.stack)]))
  socket.on('tcpinfo', (info) => told.push(info))
  const closed = new Promise((resolve) => socket.on('close', resolve))
  await once(socket, 'connect')
  const before = socket.captureTcpInfo()
  checkRecord(`${kind} at first`, before, 0)
  const sampling = api.sample(socket, { intervalMs: 5, maxSamples: 3, keep: 2 })
  const samples = []
  sampling.on('sample', (each) => samples.push(each))
  const sampled = Promise.race([once(sampling, 'end'), wait(2000, 'no end')])
  socket.write('hello')
  await once(socket, 'data')
  const after = socket.captureTcpInfo()
  checkRecord(`${kind} after`, after, 5)
  checkRecord(
    `${kind} read`,
    { ...api.readTcpInfo(socket), raw: after.raw, connectDurationMs: 0 },
    5,
  )
  check(`${kind} state`, () => api.readTcpState(socket) === 'ESTABLISHED')
  check(`${kind} error`, () => socket.tcpInfoError === undefined)
  check(`${kind} delta`, () => {
    const { counters, durationMs } = api.deltaBetween(before, after)
    return counters.bytesReceived === 5 && durationMs >= 0
  })
  if ((await sampled) === 'no end') wrong.push([`${kind} sampling`, 'no end'])
  check(`${kind} samples`, () => samples.length === 3 || samples.length)
  for (const { info, delta, atMs, skipped } of samples) {
    check(`${kind} sample`, () => info.state === 'ESTABLISHED')
    check(
      `${kind} sample: delta`,
      () =>
        delta.durationMs === undefined ||
        isTime(delta.durationMs) ||
        delta.durationMs,
    )
    check(
      `${kind} sample: when`,
      () => Math.abs(atMs - monotonicMs()) < LONGEST_MS || atMs,
    )
    check(`${kind} sample: skipped`, () => skipped < 1000 || skipped)
  }
  check(`${kind} series`, () => sampling.series(socket).length === 2)
  socket.end()
  await closed
  // 'tcpinfo' is late where ticks are.
  for (let i = 0; i < 100 && told.length < 3; i++) await wait(5)
  check(`${kind} events`, () => {
    const triggers = told.map(({ trigger }) => trigger).join()
    return triggers === 'demand,demand,close' || triggers
  })
  check(`${kind} last`, () => socket.tcpInfo.trigger === 'close')
  check(`${kind} closed`, () => socket.tcpInfo === socket.captureTcpInfo())
  const records = [before, after, socket.tcpInfo]
  check(
    `${kind} explain`,
    () => typeof api.explain(records).limitedBy === 'string',
  )
  check(`${kind} lines`, () => {
    const { info, connection } = api.fromJsonLine(api.toJsonLine(after, 'x'))
    return (
      connection === 'x' &&
      stringify(info) === stringify(after) &&
      api.toCsvLine(after).split(',').length ===
        api.csvHeader().split(',').length
    )
  })
  check(`${kind} a line that lacks something`, () => {
    const line = parse(api.toJsonLine(after, 'x'))
    delete line.platform
    const code = codeOf(() => api.fromJsonLine(stringify(line)))
    return code === 'ERR_TCP_INFO_FORMAT' || code
  })
  check(`${kind} summary`, () => {
    const summary = new api.TcpInfoSummary()
    for (const each of records) summary.add(each, socket)
    const [row] = summary.rows()
    return row.connections === 1 && row.bytesSent === 5
  })
}

async function requests() {
  const agent = new api.HttpAgent({ keepAlive: true })
  const sockets = []
  for (let i = 0; i < 3; i++) {
    const request = http.get({ agent, host: LOCAL, port: ports.web })
    request.on('socket', (socket) => sockets.push(socket))
    const [response] = await once(request, 'response')
    await once(response.resume(), 'end')
    // It goes back to the agent in a later tick.
    await wait(50)
  }
  check('agent: one connection', () => new Set(sockets).size === 1)
  check(
    'agent: record',
    () => sockets[0].captureTcpInfo().state === 'ESTABLISHED',
  )
  agent.destroy()
}

async function errors() {
  check(
    'no socket',
    () => codeOf(() => api.readTcpInfo({})) === 'ERR_TCP_INFO_NOT_TCP',
  )
  check(
    'not yet',
    () =>
      codeOf(() => api.readTcpInfo(new net.Socket())) ===
      'ERR_TCP_INFO_NOT_CONNECTED',
  )
  check(
    'no record',
    () => codeOf(() => api.deltaBetween({}, {})) === 'ERR_TCP_INFO_ARGUMENT',
  )
  check('an error has no number of its own', () => {
    const { tcpInfoError } = new api.TcpInfoSocket().destroy()
    return tcpInfoError.errno === undefined
  })
  check(
    'support',
    () => api.support().supported && api.support().reason === undefined,
  )
}

const run = async () => {
  await oneConnection('ours', () => api.connect(ports.echo, LOCAL))
  register()
  await oneConnection('instrumented', () =>
    api.instrument(netConnect(ports.echo, LOCAL)),
  )
  unregister()
  check('accepted', () =>
    accepted.every((each) => each.tcpInfo || each.captureTcpInfo()),
  )
  await requests()
  await errors()
}
await run().catch((error) => wrong.push(['it all', String(error?.stack)]))
say(stringify(wrong), () => process.exit())
