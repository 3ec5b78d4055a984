// The addon in several environments of one process; prints as JSON what each
// of them got:
//
//   node environments.mjs workers | copies | contexts
//
// A process of its own, so that a crash is a signal to whoever started it.

import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import vm from 'node:vm'
import {
  isMainThread,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads'

const WORKERS = 20
const READS = 500
const require = createRequire(import.meta.url)
const root = path.join(import.meta.dirname, '../..')
const nodeGypBuild = require('node-gyp-build')
const countDescriptors = () => readdirSync('/proc/self/fd').length

async function connected(port) {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** Everything the addon can do, for one connection. */
function useAll(addon, fd, make = (Kind, length) => new Kind(length)) {
  const bytes = make(ArrayBuffer, 600)
  const rows = make(Uint8Array, 1024)
  const filled = make(Int32Array, 2)
  const fds = make(Int32Array, 2)
  fds[0] = fd
  fds[1] = -1
  const read = addon.readInfo(fd, bytes, 8)
  const many = addon.readMany(fds, rows, 512, filled)
  const flags = addon.readEndpoints(fd, bytes, 0)
  return {
    ...{ read, many, filled: [...filled], flags },
    state: addon.readState(fd),
    local: addon.formatAddress(bytes, 0),
    remote: addon.formatAddress(bytes, 24),
    probe: addon.probe(),
  }
}

/** Reads without end where the main thread is to terminate it. */
async function beWorker({ port, isVictim }) {
  const addon = nodeGypBuild(root)
  const socket = await connected(port)
  const { fd } = socket._handle
  const result = useAll(addon, fd)
  for (let i = 0; i < READS; i++) useAll(addon, fd)
  parentPort.postMessage(result)
  while (isVictim) useAll(addon, fd)
  socket.destroy()
}

async function workers(port) {
  const before = countDescriptors()
  const results = await Promise.all(
    Array.from({ length: WORKERS }, async (_, i) => {
      const isVictim = i % 2 === 1
      const worker = new Worker(new URL(import.meta.url), {
        workerData: { port, isVictim },
      })
      const exit = once(worker, 'exit')
      const [result] = await once(worker, 'message')
      if (isVictim) await worker.terminate()
      return { ...result, isVictim, code: (await exit)[0] }
    }),
  )
  // A worker's sockets are closed with its loop, the server's ends a bit later.
  for (let i = 0; i < 100 && countDescriptors() > before; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { results, leaked: countDescriptors() - before }
}

/** Two files are two libraries to the loader, with two sets of functions. */
async function copies(port) {
  const socket = await connected(port)
  const directory = mkdtempSync(path.join(tmpdir(), 'addon-copies-'))
  const addons = ['one.node', 'two.node'].map((name) => {
    const copy = path.join(directory, name)
    copyFileSync(nodeGypBuild.resolve(root), copy)
    return require(copy)
  })
  addons.push(nodeGypBuild(root))
  const results = addons.map((addon) => useAll(addon, socket._handle.fd))
  rmSync(directory, { recursive: true })
  socket.destroy()
  return { results, distinct: new Set(addons.map((a) => a.readInfo)).size }
}

/** One file, loaded anew: an empty require cache, and other realms. */
async function contexts(port) {
  const socket = await connected(port)
  const { fd } = socket._handle
  const file = nodeGypBuild.resolve(root)
  const addons = [require(file)]
  delete require.cache[file]
  addons.push(require(file))
  const results = addons.map((addon) => useAll(addon, fd))
  for (let i = 0; i < 2; i++) {
    const context = vm.createContext({})
    const module = vm.runInContext('({ exports: {} })', context)
    process.dlopen(module, file)
    addons.push(module.exports)
    const make = (Kind, length) =>
      vm.runInContext(`new ${Kind.name}(${length})`, context)
    results.push(useAll(module.exports, fd), useAll(module.exports, fd, make))
    results.push(useAll(addons[0], fd, make))
  }
  socket.destroy()
  return { results, distinct: new Set(addons.map((a) => a.readInfo)).size }
}

if (isMainThread) {
  const server = net.createServer((peer) => peer.on('error', () => {}).resume())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const mode = { workers, copies, contexts }[process.argv[2]]
  process.stdout.write(JSON.stringify(await mode(server.address().port)))
  server.close()
} else {
  await beWorker(workerData)
}
