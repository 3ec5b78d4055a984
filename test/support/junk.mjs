// Calls every function of the addon with argument lists at random, and prints
// as JSON what was not as the contract has it:
//
//   node junk.mjs main | worker <seed> <calls per function>
//
// A process of its own, so that a crash is a signal to whoever started it.

import { once } from 'node:events'
import { createRequire } from 'node:module'
import net from 'node:net'
import path from 'node:path'
import { inspect, types } from 'node:util'
import vm from 'node:vm'
import {
  isMainThread,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads'

const EINVAL = -22
const GUARD_BYTES = 64
const GUARD = 0xa5
const ENDPOINT_BYTES = 24
/** What readInfo() fills before the struct. */
const CLOCK_BYTES = 8

/** mulberry32: the same junk for the same seed. */
function randomFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Every kind of typed array that this Node has. */
const KINDS = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
].flatMap((name) => globalThis[name] ?? [])

function run(seed, calls, live) {
  const addon = load()
  const random = randomFrom(seed)
  const below = (limit) => Math.floor(random() * limit)
  const pick = (list) => list[below(list.length)]
  const problems = []
  let guards = []
  let ends = []

  /** A buffer whose first and last bytes nobody may touch. */
  function guarded(Buffer, bytes, options) {
    const buffer = new Buffer(bytes + 2 * GUARD_BYTES, options)
    const all = new Uint8Array(buffer)
    all.fill(GUARD)
    guards.push({ all, bytes })
    return buffer
  }

  const areGuardsWhole = () =>
    guards.every(({ all, bytes }) =>
      all.every(
        (byte, i) =>
          (i >= GUARD_BYTES && i < GUARD_BYTES + bytes) || byte === GUARD,
      ),
    ) && ends.every(isEndWhole)

  /** Memory of its own; what is written past its end shows when it grows. */
  function bufferOf() {
    const length = pick(lengths)
    const max = length + GUARD_BYTES
    const buffer = new ArrayBuffer(length, { maxByteLength: max })
    fillEndpoints(new Uint8Array(buffer))
    ends.push(buffer)
    return buffer
  }

  function isEndWhole(buffer) {
    const length = buffer.byteLength
    buffer.resize(buffer.maxByteLength)
    return new Uint8Array(buffer, length).every((byte) => byte === 0)
  }

  const lengths = [0, 1, 2, 3, 4, 7, 24, 47, 48, 49, 100, 279, 280, 512, 2000]

  function arrayOf(Kind) {
    const length = pick(lengths)
    const Memory = pick([ArrayBuffer, ArrayBuffer, SharedArrayBuffer])
    const buffer = guarded(Memory, length * Kind.BYTES_PER_ELEMENT)
    const array = new Kind(buffer, GUARD_BYTES, length)
    // Descriptors that exist, and that do not.
    if (Kind === Int32Array) {
      for (let i = 0; i < length; i++) array[i] = pick([live, -1, 0, 1e6])
    }
    return array
  }

  function fillEndpoints(bytes) {
    if (random() < 0.5) return
    for (let i = 0; i + ENDPOINT_BYTES <= bytes.length; i += ENDPOINT_BYTES) {
      bytes.set(junkEndpoint(), i)
    }
  }

  /** As native/tcp_info.h lays it out, link-local addresses included. */
  function junkEndpoint() {
    const endpoint = Uint8Array.from({ length: ENDPOINT_BYTES }, () =>
      below(256),
    )
    endpoint.set([pick([4, 6, 6, 0, below(256)]), 0])
    if (random() < 0.5) endpoint.set([pick([0, 1, 255]), 0, 0, 0], 4)
    if (random() < 0.5) endpoint.set([0xfe, 0x80], 8)
    return endpoint
  }

  function detached() {
    const array = new (pick([Uint8Array, Int32Array]))(pick([0, 8, 512]))
    const { buffer } = array
    structuredClone(buffer, { transfer: [buffer] })
    return pick([array, buffer])
  }

  /** Views whose buffer has become shorter, or longer, beneath them. */
  function resized() {
    const Kind = pick([Uint8Array, Int32Array])
    const isGrowable = random() < 0.3
    const buffer = isGrowable
      ? new SharedArrayBuffer(128, { maxByteLength: 4096 })
      : new ArrayBuffer(1024, { maxByteLength: 4096 })
    const from = pick([0, 8, 64])
    const array = new Kind(buffer, from, ...pick([[], [pick([0, 1])]]))
    const size = pick([0, 8, 60, 64, 1024, 4096])
    if (!isGrowable) buffer.resize(size)
    else if (size > 128) buffer.grow(size)
    return isGrowable ? array : pick([array, buffer])
  }

  function wasmMemory() {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 3 })
    const view = new Uint8Array(memory.buffer, 65_000)
    const { buffer } = memory
    if (random() < 0.5) memory.grow(1) // detaches the view
    return pick([view, buffer])
  }

  const throwing = () => {
    throw new Error('a trap was sprung')
  }
  const everyTrap = Object.fromEntries(
    Reflect.ownKeys(Reflect)
      .filter((name) => typeof name === 'string')
      .map((name) => [name, throwing]),
  )

  function revoked() {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }

  const foreign = vm.createContext()

  const numbers = () =>
    pick([
      ...[0, -0, 1, -1, 2, 24, 48, 279, 280, 512, 1.5, -1.5, 1e6, live, live],
      ...[2 ** 31 - 1, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 32 + live, 2 ** 53],
      ...[Number.NaN, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE],
    ])
  const bytes = () => arrayOf(Uint8Array)
  const ints = () => arrayOf(Int32Array)
  const buffers = () =>
    pick([bufferOf, bufferOf, bufferOf, resized, detached])()
  const offsets = () => pick([0, 1, 24, 48, numbers()])

  const makers = [
    numbers,
    bytes,
    ints,
    buffers,
    () => arrayOf(pick(KINDS)),
    () => arrayOf(pick(KINDS)),
    detached,
    resized,
    wasmMemory,
    () => pick([undefined, null, true, false]),
    () => pick(['', '0', String(live), 'é'.repeat(100), '\0']),
    () => pick([0n, BigInt(live), 2n ** 70n, -1n]),
    () => pick([Symbol.iterator, Symbol('junk'), Symbol.for('junk')]),
    () => pick([{}, [], [live], Object.create(null), new Date(0), /x/]),
    () => pick([new Number(live), new String('1'), Object(1n)]),
    () => ({ valueOf: throwing, [Symbol.toPrimitive]: throwing }),
    () => ({ length: 512, byteLength: 512, byteOffset: 0, buffer: null }),
    () => pick([() => live, class Junk {}, async () => {}, Math.max]),
    () => pick([new Map(), new WeakSet(), Promise.resolve(live), globalThis]),
    () => pick([new ArrayBuffer(512), new SharedArrayBuffer(512)]),
    () => new DataView(guarded(ArrayBuffer, 600), GUARD_BYTES, 600),
    () => Buffer.from(guarded(ArrayBuffer, 512), GUARD_BYTES, 512),
    () => new (class extends Uint8Array {})(pick(lengths)),
    () => Object.create(pick([Uint8Array, Int32Array]).prototype),
    () => Object.setPrototypeOf(new Uint8Array(512), null),
    () => new Proxy(pick([new Uint8Array(512), {}, () => live]), {}),
    () => new Proxy(new Uint8Array(512), everyTrap),
    revoked,
    () => vm.runInContext('new Uint8Array(512)', foreign),
    () => vm.runInContext('new Int32Array(2)', foreign),
    () => addon,
    () => addon.readInfo,
  ]
  const anything = () => pick(makers)()

  const isInt32 = (value) => typeof value === 'number' && (value | 0) === value
  const tagOf = Object.getOwnPropertyDescriptor(
    Object.getPrototypeOf(Uint8Array.prototype),
    Symbol.toStringTag,
  ).get
  const isA = (name) => (value) => tagOf.call(value) === name
  const isBytes = isA('Uint8Array')
  const isInts = isA('Int32Array')
  const isBuffer = (value) => {
    try {
      sizeOf(value)
      return true
    } catch {
      return false
    }
  }
  /** ArrayBuffer, offset: the bytes from there on. */
  const roomOf = (buffer, offset) => (offset < 0 ? -1 : sizeOf(buffer) - offset)

  const functions = {
    readInfo: {
      likely: [numbers, buffers, offsets],
      kinds: [isInt32, isBuffer, isInt32],
      fits: (_, buffer, offset) => roomOf(buffer, offset) > CLOCK_BYTES,
      answers: ([fd], answer) => fd !== live || answer > 0,
    },
    readState: {
      likely: [numbers],
      kinds: [isInt32],
      fits: () => true,
      answers: ([fd], answer) => fd !== live || answer === 1,
    },
    readMany: {
      likely: [ints, bytes, numbers, ints],
      kinds: [isInts, isBytes, isInt32, isInts],
      fits: (fds, rows, stride, filled) =>
        stride > 0 &&
        lengthOf(filled) >= lengthOf(fds) &&
        Math.floor(lengthOf(rows) / stride) >= lengthOf(fds),
      // Of an empty or detached array Node-API tells nothing else.
      answers: ([fds], answer) =>
        (answer >= 0 && answer <= lengthOf(fds)) ||
        (answer === EINVAL && lengthOf(fds) === 0),
    },
    readEndpoints: {
      likely: [numbers, buffers, offsets],
      kinds: [isInt32, isBuffer, isInt32],
      fits: (_, buffer, offset) => roomOf(buffer, offset) >= 2 * ENDPOINT_BYTES,
      answers: ([fd], answer) => fd !== live || answer === 3,
    },
    formatAddress: {
      likely: [buffers, offsets],
      kinds: [isBuffer, isInt32],
      fits: (buffer, offset) => roomOf(buffer, offset) >= ENDPOINT_BYTES,
      refusal: undefined,
      answers: (_, answer) =>
        answer === undefined || typeof answer === 'string',
    },
    keepsPeer: {
      likely: [],
      kinds: [],
      fits: () => true,
      answers: (_, answer) => answer === 1,
    },
    probe: {
      likely: [],
      kinds: [],
      fits: () => true,
      answers: (_, answer) => answer > 0,
    },
  }

  function judge(spec, args, answer) {
    const refusal = 'refusal' in spec ? spec.refusal : EINVAL
    const needed = spec.kinds.map((_, i) => args[i])
    const areKinds = spec.kinds.every((isKind, i) => isKind(needed[i]))
    if (!areKinds) {
      if (answer !== refusal) return 'took arguments of the wrong kind'
      return undefined
    }
    // Node-API takes shared memory for an ArrayBuffer since Node 22.
    if (needed.some(isShared) && answer === refusal) return undefined
    const fits = spec.fits(...needed)
    if (!fits && answer !== refusal) return 'took what does not fit'
    if (fits && !spec.answers(needed, answer)) return 'refused what is right'
    return undefined
  }

  const counts = {}
  for (const [name, spec] of Object.entries(functions)) {
    const call = addon[name]
    const count = { calls: 0, constructed: 0, refused: 0, answered: 0 }
    counts[name] = count
    for (let i = 0; i < calls; i++) {
      guards = []
      ends = []
      const args =
        random() < 0.6
          ? spec.likely.map((make) => (random() < 0.85 ? make() : anything()))
          : Array.from({ length: below(7) }, anything)
      if (random() < 0.1) args.pop()
      if (random() < 0.1) args.push(anything(), anything())
      const how = random()
      const report = (problem) =>
        problems.push(`${name}, call ${i} of seed ${seed}: ${problem}`)
      count.calls++
      try {
        if (how < 0.1) {
          count.constructed++
          // An object in place of the answer: JavaScript's own rule for `new`.
          if (typeof Reflect.construct(call, args) !== 'object') {
            report('new gave no object')
          }
        } else {
          const answer =
            how < 0.3 ? Reflect.apply(call, anything(), args) : call(...args)
          const problem = judge(spec, args, answer)
          if (problem) report(`${problem}: ${describe(args)} -> ${answer}`)
          const isRefusal = answer === EINVAL || answer === undefined
          count[isRefusal ? 'refused' : 'answered']++
        }
      } catch (error) {
        if (how < 0.1 && error instanceof TypeError) continue
        report(`threw ${error?.stack ?? error}`)
      }
      if (!areGuardsWhole()) report(`wrote outside: ${describe(args)}`)
    }
  }
  return { problems: problems.slice(0, 20), counts }
}

/** Of a typed array; what is out of bounds or detached has 0. */
function lengthOf(array) {
  const prototype = Object.getPrototypeOf(Uint8Array.prototype)
  return Object.getOwnPropertyDescriptor(prototype, 'length').get.call(array)
}

/** Of an ArrayBuffer, shared or not; a detached one has 0. */
function sizeOf(buffer) {
  const { prototype } = isShared(buffer) ? SharedArrayBuffer : ArrayBuffer
  return Object.getOwnPropertyDescriptor(prototype, 'byteLength').get.call(
    buffer,
  )
}

function isShared(value) {
  return types.isSharedArrayBuffer(value)
}

function describe(args) {
  try {
    return inspect(args, { depth: 1, maxArrayLength: 4, customInspect: false })
  } catch {
    return 'what cannot be shown'
  }
}

function load() {
  const root = path.join(import.meta.dirname, '../..')
  return createRequire(import.meta.url)('node-gyp-build')(root)
}

if (isMainThread) {
  const [where, seed, calls] = process.argv.slice(2)
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = net.connect(server.address().port, '127.0.0.1')
  await Promise.all([once(socket, 'connect'), once(server, 'connection')])
  const input = [Number(seed), Number(calls), socket._handle.fd]
  let result
  if (where === 'worker') {
    const worker = new Worker(new URL(import.meta.url), { workerData: input })
    ;[result] = await once(worker, 'message')
    await once(worker, 'exit')
  } else {
    result = run(...input)
  }
  process.stdout.write(JSON.stringify(result))
  socket.destroy()
  server.close()
} else {
  parentPort.postMessage(run(...workerData))
}
