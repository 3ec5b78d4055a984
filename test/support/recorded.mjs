// A program to be run under `tcpinfo run`: what it does is its first argument.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isMainThread, Worker, workerData } from 'node:worker_threads'

const BYTES = 1_000_000
const [what, value] = isMainThread ? process.argv.slice(2) : workerData

/** A connection, both of whose sides are here. */
async function connect() {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = net.connect(server.address().port, '127.0.0.1')
  const [peer] = await once(server, 'connection')
  server.close()
  return [socket, peer]
}

async function transfer(ms) {
  const [socket, peer] = await connect()
  peer.write(Buffer.alloc(BYTES))
  let left = BYTES
  while (left > 0) left -= (await once(socket, 'data'))[0].length
  await wait(ms)
  peer.end()
  socket.end()
  await Promise.all([once(socket, 'close'), once(peer, 'close')])
}

/** Where the records are put. */
const recording = () => JSON.parse(process.env.TCPINFO_SOCKET_RECORD).folder

const actions = {
  exit: () => process.exit(Number(value)),
  throw: () => {
    throw new TypeError('thrown by the program')
  },
  signal: () => process.kill(process.pid, value),
  async echo() {
    for await (const chunk of process.stdin) process.stdout.write(chunk)
    console.error('an error of the program')
  },
  // With one of Node’s own, as many as may be without a warning.
  listeners: () => {
    for (let i = 0; i < 9; i++) process.on('exit', () => {})
  },
  readSync: () => process.stdout.write(readFileSync(0)),
  async tidy() {
    await connect()
    rmSync(recording(), { recursive: true })
    process.exit(Number(value))
  },
  /** Who may read what is recorded, once it is written. */
  async rights() {
    await transfer(1000)
    for (const name of readdirSync(recording())) {
      console.log(
        (statSync(path.join(recording(), name)).mode & 0o777).toString(8),
      )
    }
  },
  /** More than a string can hold. */
  async gigantic() {
    await transfer(0)
    const file = path.join(recording(), 'gigantic.jsonl')
    writeFileSync(file, '')
    truncateSync(file, 2 ** 29)
    process.exit(3)
  },
  /** An attempt in vain beside a connection whose peer has not answered. */
  async refused() {
    await new Promise((resolve) => {
      net.connect(1, '127.0.0.1').on('error', resolve)
    })
    const [asking] = await connect()
    asking.write('?')
    await wait(300)
    process.exit()
  },
  /** More records than 64 MiB have room for. */
  many() {
    const records = new URL('../fixtures/lossy-transfer.jsonl', import.meta.url)
    const text = readFileSync(records, 'utf8')
    const times = Math.ceil(1e8 / text.length)
    writeFileSync(path.join(recording(), 'many.jsonl'), text.repeat(times))
    process.exit(3)
  },
  async chdir() {
    process.chdir('/')
    await transfer(0)
  },
  async nobody() {
    process.setgid(65534)
    process.setuid(65534)
    await transfer(0)
  },
  survive() {
    process.on(value, () => {
      console.log(`got ${value}`)
      process.exit(3)
    })
    setInterval(() => {}, 1000)
    console.log('ready')
  },
  transfer: () => transfer(200),
  async timers() {
    globalThis.setTimeout = () => 7
    globalThis.clearTimeout = () => {}
    const [socket, peer] = await connect()
    await wait(200)
    peer.end()
    socket.resume().end()
    await once(socket, 'close')
  },
  async open() {
    await connect()
    process.exit()
  },
  async killed() {
    await connect()
    await wait(900)
    process.kill(process.pid, 'SIGKILL')
  },
  async family() {
    const child = fork(import.meta.filename, ['transfer'])
    const worker = new Worker(new URL(import.meta.url), {
      workerData: ['transfer'],
    })
    await Promise.all([once(child, 'exit'), once(worker, 'exit'), transfer(0)])
  },
}

await actions[what]()
