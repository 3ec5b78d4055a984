// A program that samples, for what needs a process of its own:
//
//   node sampling.mjs alive | throws | timers | clocks | descriptors
//   node --expose-gc sampling.mjs context | loaded | others

import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import timers from 'node:timers'
import { setTimeout as wait } from 'node:timers/promises'
import { sample, support, toJsonLine } from '../../dist/index.js'

let accepted = 0
const server = net.createServer((peer) => {
  accepted++
  peer.unref()
})
server.listen(0, '127.0.0.1').unref()
await once(server, 'listening')
const sockets = await Promise.all(
  Array.from({ length: 3 }, async () => {
    const socket = net.connect(server.address().port, '127.0.0.1')
    await once(socket, 'connect')
    return socket
  }),
)

while (accepted < sockets.length) await once(server, 'connection')

const RUNS = {
  alive() {
    for (const socket of sockets) socket.unref()
    sample(sockets, { intervalMs: 5, jitter: 0.5 }).on('sample', () => {})
    // Long enough for samples to be taken; then nothing is left but ours.
    setTimeout(() => {}, 50)
  },

  async throws() {
    let caught = 0
    let samples = 0
    process.on('uncaughtException', (error) => {
      if (error.message !== 'of the listener') throw error
      caught++
    })
    const sampling = sample(sockets, { intervalMs: 5, maxSamples: 1 })
    sampling.on('sample', () => {
      samples++
      throw new Error('of the listener')
    })
    await once(sampling, 'end')
    await wait(20)
    return { caught, samples }
  },

  /** Timers that are numbers, as in browsers, everywhere. */
  async timers() {
    timers.setTimeout = globalThis.setTimeout = () => 7
    timers.clearTimeout = globalThis.clearTimeout = () => {}
    syncBuiltinESMExports()
    let samples = 0
    const sampling = sample(sockets, { intervalMs: 5, maxSamples: 1 })
    sampling.on('sample', () => samples++)
    await once(sampling, 'end')
    return { samples }
  },

  /** Whether the store of a sampling that has ended lives as long as another. */
  async context() {
    const storage = new AsyncLocalStorage()
    sample(sockets[0], { intervalMs: 5 })
    return { isKept: await isKept(await ended(storage)) }
  },

  /** Whether the store in which the package was loaded lives as long as it does. */
  async loaded() {
    const storage = new AsyncLocalStorage()
    const require = createRequire(import.meta.url)
    const store = loadedIn(storage, () => require('../../dist/index.cjs'))
    sample(sockets[0], { intervalMs: 5 })
    return { isKept: await isKept(store) }
  },

  /** Whether a sample keeps a socket that was read in the same call. */
  async others() {
    const other = new WeakRef(sockets[1])
    const sampling = sample(sockets.splice(1, 1), {
      intervalMs: 5,
      maxSamples: 1,
    }).add(sockets[0])
    const kept = []
    sampling.on('sample', (each) => {
      if (each.socket === sockets[0]) kept.push(each)
      else each.socket.destroy()
    })
    await once(sampling, 'end')
    return { samples: kept.length, isKept: await isKept(other) }
  },

  /** Samples with no descriptor free, then with some: bytes of the struct. */
  async descriptors() {
    const sampling = sample(sockets[0], { intervalMs: 5 })
    const taken = []
    try {
      for (;;) taken.push(openSync('/dev/null'))
    } catch {
      // There is no further one.
    }
    const [{ info }] = await once(sampling, 'sample')
    for (const descriptor of taken) closeSync(descriptor)
    const [{ info: later }] = await once(sampling, 'sample')
    const lengthOf = (each) => {
      const { structBytes } = JSON.parse(toJsonLine(each))
      return Buffer.from(structBytes, 'base64').length
    }
    const { structBytes } = support()
    return { structBytes, first: lengthOf(info), second: lengthOf(later) }
  },
}

async function ended(storage) {
  const store = {}
  const sampling = storage.run(store, () =>
    // Due before the other one, so that its timer is made here.
    sample(sockets[1], { intervalMs: 1, maxSamples: 1 }).on('sample', () => {}),
  )
  await once(sampling, 'end')
  return new WeakRef(store)
}

function loadedIn(storage, load) {
  const store = {}
  storage.run(store, load)
  return new WeakRef(store)
}

async function isKept(reference) {
  for (let i = 0; i < 5; i++) {
    await wait(20)
    gc()
  }
  return reference.deref() !== undefined
}

const result = await RUNS[process.argv[2]]()
if (result) {
  console.log(JSON.stringify(result))
  process.exit()
}
