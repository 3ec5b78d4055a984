// Programs that do to the language and to Node's classes what no program should.
// Preloaded (--import), this does at once what HOSTILE_BEFORE names; a program that
// imports it does what HOSTILE names once all is loaded, by beHostile().

// Node loads it late, which some of these do not allow.
import 'node:cluster'
import { EventEmitter } from 'node:events'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import path from 'node:path'
import { performance } from 'node:perf_hooks'

const { prototype } = Object
const source = (name) =>
  fs.readFileSync(path.join(import.meta.dirname, '../../lib', name), 'utf8')

/** Those of which Node itself thinks that they are its own. */
const READ = new Set(['localAddress', 'localPort', 'raw'])

/** Of every record, and of what else this package keeps in objects. */
function memberNames() {
  const members = source('tcp-info.ts').matchAll(/^ {2}readonly (\w+)[:?]/gm)
  return [
    ...[...members].map(([, name]) => name).filter((name) => !READ.has(name)),
    ...['endpoints', 'info', 'filled', 'at', 'words', 'layout'],
    ...['errorName', 'cause', 'decode', 'release', 'counters'],
    ...['perSecond', 'durationMs', 'structBytes', 'delta', 'addresses'],
    ...['skipped', 'connections', 'failures', 'isOther', 'isActive', 'before'],
  ]
}

const OPTIONS = [
  ...['intervalMs', 'jitter', 'maxSamples', 'appBytes', 'keep', 'keepOpen'],
  ...['staleCheck', 'maxKeys'],
]

function pollute(names, descriptor) {
  for (const name of names) {
    Object.defineProperty(prototype, name, {
      __proto__: null,
      configurable: true,
      ...descriptor,
    })
  }
}

const throwing = () => {
  throw new Error('a trap was sprung')
}

/** Puts a function around a method, which calls it as it was called. */
function wrap(object, name, around) {
  const stock = object[name]
  object[name] = function (...args) {
    return around.call(this, () => Reflect.apply(stock, this, args), args)
  }
}

const realNow = performance.now

/** Each is done to stock sockets too, which must bear it. */
export const hostiles = {
  'members of records in Object.prototype': () =>
    pollute(memberNames(), {
      value: 'polluted',
      writable: true,
      enumerable: true,
    }),
  'members of records in Object.prototype, read-only': () =>
    pollute(memberNames(), { value: 'polluted' }),
  'members of records in Object.prototype, with setters that throw': () =>
    pollute(memberNames(), { get: () => undefined, set: throwing }),
  'options in Object.prototype': () =>
    pollute(OPTIONS, { value: 'polluted', writable: true, enumerable: true }),
  'members of descriptors in Object.prototype': () =>
    pollute(['get', 'set', 'value'], { value: 'polluted', writable: true }),
  'Object.prototype frozen': () => Object.freeze(prototype),
  'Error.prototype and Function.prototype frozen': () => {
    Object.freeze(Error.prototype)
    Object.freeze(Function.prototype)
  },
  'arrays with members that are enumerable': () => {
    for (const name of ['extra', 'last', 'at2']) {
      Array.prototype[name] = throwing
    }
  },
  'typed arrays that are gone': () => {
    for (const name of [
      'ArrayBuffer',
      'Uint32Array',
      'Int32Array',
      'WeakMap',
    ]) {
      delete globalThis[name]
    }
  },
  'a Date that stands still': () => {
    Date.now = () => 0
  },
  'a Date that goes backwards': () => {
    let ms = 1e12
    Date.now = () => (ms -= 3_600_000)
  },
  'a Date without now()': () => {
    globalThis.Date = class {}
  },
  'a Date.now() that throws': () => {
    Date.now = throwing
  },
  'a performance.now() that stands still': () => {
    performance.now = () => 5
  },
  'a performance.now() that goes backwards': () => {
    let ms = 1e9
    performance.now = () => (ms -= 1000)
  },
  'a performance.now() that gives no number': () => {
    performance.now = () => Number.NaN
  },
  'a process.nextTick that comes late': () => {
    process.nextTick = (call, ...args) => void setImmediate(call, ...args)
  },
  'a process.nextTick of somebody else': () => {
    wrap(process, 'nextTick', (next) => next())
  },
  'a queueMicrotask that throws': () => {
    globalThis.queueMicrotask = throwing
  },
  'net.Socket.prototype frozen': () => Object.freeze(net.Socket.prototype),
  'net.Socket frozen': () => Object.freeze(net.Socket),
  "somebody's _destroy": () =>
    wrap(net.Socket.prototype, '_destroy', (next) => next()),
  "somebody's _destroy, which comes late": () =>
    wrap(net.Socket.prototype, '_destroy', (next) => void setImmediate(next)),
  "somebody's _destroy, which calls twice": () =>
    wrap(net.Socket.prototype, '_destroy', (next, args) => {
      const [, callback] = args
      args[1] = () => {}
      next()
      args[1] = callback
      return next()
    }),
  "somebody's connect": () =>
    wrap(net.Socket.prototype, 'connect', (next) => next()),
  "somebody's emit": () =>
    wrap(EventEmitter.prototype, 'emit', (next) => next()),
  "somebody's on, which gives nothing back": () =>
    wrap(net.Socket.prototype, 'on', function (next) {
      next()
      return this
    }),
  "somebody's net.connect": () => wrap(net, 'connect', (next) => next()),
  'net.Socket replaced': () => {
    const { Socket } = net
    // (TLSSocket calls it without new.)
    function Other(...args) {
      return new.target
        ? Reflect.construct(Socket, args, new.target)
        : Socket.apply(this, args)
    }
    Object.setPrototypeOf(Other, Socket)
    Object.setPrototypeOf(Other.prototype, Socket.prototype)
    net.Socket = Other
  },
  // (Its import alone changes emit.)
  'a domain': () =>
    createRequire(import.meta.url)('node:domain')
      .create()
      .enter(),
}

/** Not for the checks of a program, which want the real time. */
export const monotonicMs = () => realNow.call(performance)

/** Does what HOSTILE in the environment names, once all is loaded. */
export function beHostile() {
  // Node makes these when they are first used.
  for (const { isTTY: _ } of [process.stdout, process.stderr]);
  hostiles[process.env.HOSTILE]?.()
}

hostiles[process.env.HOSTILE_BEFORE]?.()
