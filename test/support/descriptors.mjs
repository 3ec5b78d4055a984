// A program that runs out of descriptors; prints as JSON what happened:
//
//   node descriptors.mjs stock | ours | instrumented | registered
//   node descriptors.mjs late      loads the package when there is none left
//
// Wants a low limit (ulimit -n).

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import Module, { createRequire } from 'node:module'
import net from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { kinds } from './kinds.mjs'

const LOCAL = '127.0.0.1'
const [kind, port] = process.argv.slice(2)
const log = []

/** Takes all that are left; what gives them back. */
function exhaust() {
  const taken = []
  try {
    for (;;) taken.push(openSync('/dev/null'))
  } catch (error) {
    if (error.code !== 'EMFILE') throw error
  }
  return () => {
    for (const descriptor of taken) closeSync(descriptor)
  }
}

function watch(label, socket) {
  for (const event of ['connect', 'data', 'end', 'close']) {
    socket.on(event, () => log.push([label, event]))
  }
  socket.on('error', ({ code }) => log.push([label, 'error', code]))
  return new Promise((resolve) => socket.on('close', resolve))
}

async function live() {
  const { connect, adopt } = kinds[kind]
  if (kind === 'registered') await import('../../dist/register.js')
  const server = net.createServer((peer) => {
    watch('accepted', adopt(peer))
    peer.end('hello')
  })
  server.listen(0, LOCAL)
  await once(server, 'listening')
  const { port: own } = server.address()
  const client = fork(process.argv[1], ['client', own], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await once(client, 'message')

  const release = exhaust()
  const failed = connect(own, LOCAL)
  await watch('none left', failed)
  const failure = failed.tcpInfoError?.code
  // Its connections are accepted and closed at once, or wait.
  client.send('connect')
  await wait(100)
  release()
  client.send('disconnect')
  await once(client, 'exit')
  const socket = connect(own, LOCAL)
  await watch('some left', socket.resume())
  await wait(50)
  server.close()
  return { log: log.sort(), failure, trigger: socket.tcpInfo?.trigger }
}

/** As of a program in one file: what is loaded late needs none for JavaScript. */
function late() {
  const file = createRequire(import.meta.url).resolve('../../dist/index.cjs')
  const source = readFileSync(file, 'utf8')
  createRequire(file)('node-gyp-build')
  const release = exhaust()
  const module = new Module(file)
  module.filename = file
  module._compile(source, file)
  const { reason, supported } = module.exports.support()
  release()
  return { supported, code: reason?.code, message: reason?.message }
}

/** In a process of its own, which has descriptors. */
function client() {
  let socket
  process.on('message', (what) => {
    if (what === 'disconnect') process.exit()
    socket = net.connect(port, LOCAL).on('error', () => {})
    socket.resume()
  })
  process.send('ready')
}

if (kind === 'client') client()
else {
  const result = kind === 'late' ? late() : await live()
  process.stdout.write(JSON.stringify(result), () => process.exit())
}
