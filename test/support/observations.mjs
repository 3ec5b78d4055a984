// What a program can see of a socket. Each observation runs with stock sockets,
// with ours and with instrumented ones, and logs the same each time.
// test/support/run-observations.mjs says what `t` is.

import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { EventEmitter, errorMonitor, once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { PerformanceObserver } from 'node:perf_hooks'
import stream from 'node:stream'
import tls from 'node:tls'
import { inspect } from 'node:util'
import { MessageChannel } from 'node:worker_threads'

const LOCAL = '127.0.0.1'
const MEGABYTES = Buffer.alloc(3 << 20)
const EVENTS = [
  ...['lookup', 'connectionAttempt', 'connectionAttemptFailed'],
  ...['connectionAttemptTimeout', 'connect', 'ready', 'data'],
  ...['drain', 'pipe', 'unpipe', 'timeout', 'end', 'finish', 'prefinish'],
  ...['error', errorMonitor, 'close', 'pause', 'resume'],
]
const lookup = (_host, options, callback) =>
  process.nextTick(() =>
    options.all
      ? callback(null, [{ address: LOCAL, family: 4 }])
      : callback(null, LOCAL, 4),
  )
const turn = () => new Promise(setImmediate)

/** Connects, hears an echo, ends: `at` is called at each stage of it. */
async function live(t, options, at) {
  const socket = t.connect({ port: t.echo, host: LOCAL, ...options })
  at('connecting', socket)
  for (const event of [
    'connectionAttempt',
    'connect',
    'ready',
    'end',
    'close',
  ]) {
    socket.once(event, () => at(`in ${event}`, socket))
  }
  socket.once('data', () => at('in data', socket))
  await once(socket, 'ready')
  await turn()
  at('connected', socket)
  socket.write('hello')
  at('written', socket)
  while (socket.bytesRead < 5) await turn()
  socket.end('bye')
  at('ended', socket)
  await once(socket, 'close')
  await turn()
  at('closed', socket)
  return socket
}

/** Arguments for connect(), of which some are wrong. */
const CONNECT_ARGUMENTS = [
  ...[[], [null], [undefined], [{}], [-1], [65_536], ['x'], [''], [Number.NaN]],
  ...[[true], [[]], [[80]], [() => {}], [Symbol('x')], [1n], ['0x10000']],
  ...[{ port: null }, { port: 'x' }, { port: 1.5 }, { port: {} }].map((o) => [
    o,
  ]),
  ...[{ path: 5 }, { path: {} }, { path: '' }, { path: '\0none' }].map((o) => [
    o,
  ]),
  ...[
    { host: 5 },
    { host: '' },
    { host: '1.2.3.4.5', lookup: (_h, _o, done) => done(new Error('mine')) },
    { localAddress: 'x' },
    { localAddress: 5 },
    { localPort: 'x' },
    { localPort: -1 },
    { localAddress: LOCAL, localPort: 70_000 },
    { family: 5, host: 'localhost' },
    { family: 'x', host: 'localhost' },
    { hints: 999, host: 'localhost' },
    { hints: 'x', host: 'localhost' },
    { lookup: 5, host: 'localhost' },
    { lookup: () => 'nothing', host: 'localhost', timeout: 10 },
    { lookup: (_h, _o, done) => done(null, 'x', 4), host: 'localhost' },
    { lookup: (_h, _o, done) => done(null, 5, 9), host: 'localhost' },
    { lookup: (_h, _o, done) => done(null, []), host: 'localhost' },
    { timeout: 'x' },
    { timeout: -1 },
    { signal: 5 },
    { signal: {} },
    { blockList: 5 },
    { fd: -1 },
    { fd: 'x' },
    { fd: 987_654 },
    { handle: {} },
    { objectMode: true },
    { readableObjectMode: true },
    { writableObjectMode: true },
    { keepAliveInitialDelay: 'x' },
    { keepAliveInitialDelay: -5 },
    { noDelay: 'x', keepAlive: 5 },
    { autoSelectFamily: 5, host: 'localhost' },
    { autoSelectFamilyAttemptTimeout: -1, host: 'localhost' },
    { autoSelectFamilyAttemptTimeout: 'x', host: 'localhost' },
    { highWaterMark: -1 },
    { highWaterMark: 'x' },
    { readableHighWaterMark: 1.5 },
    { encoding: 'none' },
    { defaultEncoding: 'none' },
    { onread: 5 },
    { onread: {} },
    { onread: { buffer: 5, callback() {} } },
    { typeOfService: 999 },
    { typeOfService: 'x' },
    { allowHalfOpen: 5, emitClose: false, autoDestroy: false },
  ].map((o) => [o]),
]

/** Options that are right, and what else they need. */
const OPTIONS = [
  { allowHalfOpen: true },
  { allowHalfOpen: false },
  { noDelay: true },
  { noDelay: true, keepAlive: true },
  { keepAlive: true, keepAliveInitialDelay: 60_000 },
  { localAddress: '127.0.0.2' },
  { localPort: 0 },
  { family: 4 },
  { host: 'localhost', family: 4 },
  { host: 'localhost', hints: 0, family: 4 },
  { host: 'name.test', lookup },
  { host: 'name.test', lookup, autoSelectFamily: true },
  { host: 'name.test', lookup, autoSelectFamily: false },
  {
    host: 'name.test',
    family: 4,
    autoSelectFamily: false,
    lookup: (_h, _o, done) => done(null, LOCAL, 4),
  },
  { timeout: 5_000 },
  { highWaterMark: 1 },
  { readableHighWaterMark: 7, writableHighWaterMark: 9 },
  { encoding: 'latin1' },
  { signal: new AbortController().signal },
  { typeOfService: 16 },
  { manualStart: true },
  { emitClose: true, autoDestroy: false },
  { blockList: new net.BlockList() },
  { captureRejections: true },
  {
    onread: { buffer: () => Buffer.alloc(100), callback: () => true },
  },
]

/** Methods with arguments, some wrong: what they return or throw. */
const CALLS = [
  ...[['address'], ['ref'], ['unref'], ['ref'], ['pause'], ['isPaused']],
  ...[['resume'], ['setNoDelay'], ['setNoDelay', false], ['setKeepAlive']],
  ...[['setKeepAlive', true, 5_000], ['setKeepAlive', 5, 'x'], ['setTimeout']],
  ...[
    ['setTimeout', 5_000],
    ['setTimeout', 'x'],
    ['setTimeout', -1],
  ],
  ...[
    ['setTimeout', 9, 'x'],
    ['setTimeout', 0, () => {}],
    ['setTimeout', 0],
  ],
  ...[['getTypeOfService'], ['setTypeOfService', 8], ['setTypeOfService', 'x']],
  ...[
    ['setEncoding', 'none'],
    ['setDefaultEncoding', 'none'],
  ],
  ...[
    ['setDefaultEncoding', 'utf8'],
    ['cork'],
    ['uncork'],
    ['read'],
    ['read', 5],
  ],
  ...[['write'], ['write', null], ['write', 5], ['write', {}], ['write', '']],
  ...[
    ['write', 'x'],
    ['write', 'x', 'none'],
    ['write', 'x', () => {}],
  ],
  ...[
    ['write', new Uint8Array(3)],
    ['push', 5],
    ['unshift', 'x'],
  ],
  ...[
    ['listenerCount', 'nothing'],
    ['getMaxListeners'],
    ['setMaxListeners', 99],
  ],
  ...[
    ['on', 'x', 5],
    ['on', 'x', () => {}],
    ['off', 'x', () => {}],
  ],
  ...[
    ['once', 'x', () => {}],
    ['removeAllListeners', 'x'],
    ['emit', 'nothing'],
  ],
  ...[['connect', -1], ['connect'], ['wrap', 5], ['unpipe'], ['pipe', 5]],
  ...[['end', 5], ['end', 'bye'], ['end'], ['destroySoon'], ['destroy']],
  ...[['destroy', new Error('again')], ['resetAndDestroy'], ['write', 'late']],
  ...[
    ['end'],
    ['ref'],
    ['unref'],
    ['address'],
    ['setTimeout', 5],
    ['setNoDelay'],
  ],
]

function callAll(t, socket) {
  for (const [name, ...args] of CALLS) {
    t.try(name, () => {
      if (typeof socket[name] !== 'function') return 'no method'
      const result = socket[name](...args)
      return result === socket ? 'the socket' : result
    })
  }
}

const errorless = (socket) => socket.on('error', () => {})

export const observations = [
  {
    name: 'what it is an instance of, and its static members',
    run(t) {
      const socket = new t.Socket()
      for (const Class of [
        ...[net.Socket, stream.Duplex, stream.Readable, stream.Writable],
        ...[stream.Stream, EventEmitter, t.Socket],
      ]) {
        t.log(Class.name, socket instanceof Class)
      }
      t.log(String(socket), typeof socket, socket.constructor.name)
      t.log(socket.constructor === t.Socket || t.kind === 'instrumented')
      for (const name of ['from', 'fromWeb', 'toWeb', 'init', 'usingDomains']) {
        t.log(name, typeof t.Socket[name])
      }
      t.log(stream.isReadable(socket), stream.isErrored(socket))
      t.log(stream.isDisturbed(socket), t.Socket.length)
      t.logThrow(() => structuredClone(socket))
      t.logThrow(() => JSON.stringify(socket).length)
    },
  },
  {
    name: 'every property at every stage',
    async run(t) {
      t.log('created', t.properties(new t.Socket()))
      await live(t, {}, (stage, socket) => t.log(stage, t.properties(socket)))
    },
  },
  {
    name: 'every property of one that fails',
    async run(t) {
      const socket = errorless(t.connect(await t.freePort(), LOCAL))
      socket.on('error', () => t.log('error', t.properties(socket)))
      await new Promise((resolve) => socket.on('close', resolve))
      t.log('closed', t.properties(socket))
    },
  },
  {
    name: 'names by Object.keys, for-in and inspect',
    async run(t) {
      const see = (stage, socket) => {
        const names = []
        for (const name in socket) names.push(name)
        // An instrumented one has its own, hidden, which hides the inherited one.
        if (t.kind === 'instrumented') names.push('_destroy')
        t.log(stage, Object.keys(socket), names.sort())
        // Listeners have an observation of their own; the order in which kinds of
        // them first came is all that is left of ours.
        const depth = socket.pending ? 0 : 4
        const shown = inspect(socket, { depth, sorted: true })
        t.log(shown.replace(/_eventsCount: .*/, ''))
      }
      see('created', new t.Socket())
      await live(t, {}, see)
    },
  },
  {
    name: 'listeners: no more than two until it is connected',
    async run(t) {
      t.log('created', t.listeners(new t.Socket()))
      await live(t, {}, (stage, socket) => t.log(stage, t.listeners(socket)))
      const socket = errorless(t.connect(await t.freePort(), LOCAL))
      await new Promise((resolve) => socket.on('close', resolve))
      t.log('refused', t.listeners(socket))
    },
  },
  ...['created', 'connecting', 'connected', 'closed'].map((stage) => ({
    name: `what methods return and throw: ${stage}`,
    async run(t) {
      const socket = errorless(
        stage === 'created' ? new t.Socket() : t.connect(t.echo, LOCAL),
      )
      t.watch(socket)
      if (stage === 'connected' || stage === 'closed') {
        await once(socket, 'connect')
      }
      if (stage === 'closed') await once(socket.destroy(), 'close')
      callAll(t, socket)
      await t.wait(50)
    },
  })),
  {
    name: 'wrong arguments of connect(), the constructor and the method',
    async run(t) {
      for (const [i, args] of CONNECT_ARGUMENTS.entries()) {
        const [options] = args
        const given =
          options && Object.getPrototypeOf(options) === Object.prototype
            ? {
                ...('path' in options ? {} : { port: t.closed }),
                host: LOCAL,
                ...options,
              }
            : options
        const ways = {
          connect: () => t.connect(...(args.length ? [given] : [])),
          constructor: () => new t.Socket(given),
          method: () => {
            const socket = new t.Socket()
            t.log(
              errorless(socket).connect(...(args.length ? [given] : [])) ===
                socket,
            )
            return socket
          },
        }
        for (const [way, open] of Object.entries(ways)) {
          t.log(i, way)
          const socket = t.try(way, open)
          if (!(socket instanceof net.Socket)) continue
          t.watch(errorless(socket))
          if (way !== 'constructor') {
            // Nobody answers some of the lookups.
            const closed = new Promise((resolve) => socket.on('close', resolve))
            await Promise.race([closed, t.wait(300)])
          }
          socket.destroy()
          await turn()
        }
      }
    },
  },
  ...OPTIONS.map((options) => ({
    name: `events, calls of the handle, what is read: ${inspect(options).slice(0, 80)}`,
    async run(t) {
      const calls = t.spyOnHandles()
      const socket = await live(t, options, (stage, each) => {
        if (stage === 'connecting') t.watch(each)
        t.log(stage, each.localPort > 0, t.listeners(each).data)
      })
      t.log(calls.stop())
      t.log(socket.bytesRead, socket.bytesWritten, socket.readableHighWaterMark)
      t.log(socket.writableHighWaterMark, socket.allowHalfOpen, socket.timeout)
      t.log(socket.autoSelectFamilyAttemptedAddresses?.length)
    },
  })),
  ...[
    { readable: false },
    { writable: false },
    { readable: false, writable: false },
  ].map((options) => ({
    name: `new Socket(${inspect(options)}).connect()`,
    async run(t) {
      const socket = t.watch(errorless(new t.Socket(options)))
      socket.connect(t.echo, LOCAL, () => t.log('called', socket.readyState))
      // Some never connect, and some are closed before they do.
      await t.wait(30)
      t.try('write', () => socket.write('x'))
      await t.wait(20)
      t.log(socket.readable, socket.writable, socket.readyState)
      socket.destroy()
      await turn()
      t.log(socket.closed)
    },
  })),
  {
    name: 'each event once, in order, whoever listens',
    async run(t) {
      const socket = t.connect({ port: t.echo, host: 'localhost', family: 4 })
      for (const event of EVENTS) {
        socket.on(event, () => t.log('on', String(event)))
        socket.prependListener(event, () => t.log('first', String(event)))
        socket.once(event, () => t.log('once', String(event)))
      }
      await once(socket, 'ready')
      socket.write('hello')
      await t.wait(20)
      socket.end()
      await once(socket, 'close')
    },
  },
  {
    name: 'backpressure and drain',
    async run(t) {
      const socket = t.watch(
        t.connect({ port: t.sink, host: LOCAL, writableHighWaterMark: 10 }),
      )
      const see = () =>
        t.log(
          socket.writableLength > 0,
          socket.writableNeedDrain,
          socket.bufferSize > 0,
        )
      t.log('write', socket.write('123456789'), socket.write('0'))
      see()
      await once(socket, 'drain')
      see()
      socket.cork()
      t.log(
        'write',
        socket.write(MEGABYTES, () => t.log('written')),
      )
      see()
      socket.uncork()
      await once(socket, 'drain')
      see()
      socket.end(() => t.log('ended'))
      await once(socket, 'close')
    },
  },
  {
    name: 'timeouts',
    async run(t) {
      const socket = t.watch(
        t.connect({ port: t.echo, host: LOCAL, timeout: 60 }),
      )
      t.log(socket.timeout)
      await once(socket, 'connect')
      for (let i = 0; i < 4; i++) {
        await t.wait(30)
        socket.write('x') // each puts it off
        t.log('no timeout yet')
      }
      await once(socket, 'timeout')
      socket.setTimeout(20, () => t.log('callback'))
      await once(socket, 'timeout')
      socket.setTimeout(0)
      await t.wait(40)
      t.log(socket.timeout, t.listeners(socket).timeout)
      socket.destroy()
      await once(socket, 'close')
    },
  },
  {
    name: 'what keeps the loop alive',
    async run(t) {
      const resources = () => process.getActiveResourcesInfo().sort().join()
      await live(t, { timeout: 5_000 }, (stage, socket) => {
        t.log(stage, resources(), socket._handle?.hasRef())
        if (stage === 'connected') t.log(socket.unref() === socket, resources())
        if (stage === 'written') t.log(socket.ref() === socket, resources())
      })
    },
  },
  ...[{}, { host: 'name.test', lookup }, { host: 'localhost', family: 4 }].map(
    (options) => ({
      name: `async_hooks: ${Object.keys(options).join() || 'address given'}`,
      async run(t) {
        const made = []
        const ids = new Map([[0, 'none']])
        const hook = createHook({
          init(id, type, trigger) {
            ids.set(id, type)
            made.push([type, ids.get(trigger) ?? 'older'])
          },
        }).enable()
        const socket = t.connect({ port: t.echo, host: LOCAL, ...options })
        socket.on('data', () => socket.destroy()).write('hello')
        await new Promise((resolve) => socket.on('close', resolve))
        hook.disable()
        const isTick = ([type]) => type === 'TickObject'
        t.log(made.filter((each) => !isTick(each)))
        // The callback of the final record.
        t.log(made.filter(isTick).length - (t.kind === 'stock' ? 0 : 1))
      },
    }),
  ),
  {
    name: 'AsyncLocalStorage in every handler',
    async run(t) {
      const storage = new AsyncLocalStorage()
      const at = (what) => () => t.log(what, storage.getStore())
      const socket = storage.run('connect', () =>
        t.connect(
          { port: t.echo, host: 'name.test', lookup, timeout: 30 },
          at('callback'),
        ),
      )
      storage.run('listen', () => {
        for (const event of EVENTS) {
          socket.on(event, at(String(event)))
        }
      })
      await once(socket, 'connect')
      storage.run('write', () => socket.write('hello', at('written')))
      await once(socket, 'timeout')
      storage.run('end', () => socket.end(at('ended')))
      await once(socket, 'close')
      storage.run('again', () => socket.connect(t.echo, LOCAL, at('callback')))
      await once(socket, 'connect')
      storage.run('destroy', () => socket.destroy())
      await once(socket, 'close')
    },
  },
  {
    name: 'what listens from outside: diagnostics, performance, patches',
    async run(t) {
      const told = []
      const hear = ({ socket }) => told.push(socket instanceof net.Socket)
      subscribe('net.client.socket', hear)
      const observer = new PerformanceObserver((list) => {
        for (const { name, detail } of list.getEntries()) {
          t.log(name, Object.keys(detail).sort(), detail.host)
        }
      })
      observer.observe({ entryTypes: ['net'] })
      const calls = []
      const { prototype } = net.Socket
      const stock = { ...prototype }
      for (const name of [
        'connect',
        'write',
        'end',
        'destroySoon',
        '_destroy',
        '_write',
        '_read',
      ]) {
        prototype[name] = function (...args) {
          calls.push(name)
          return Reflect.apply(
            stock[name] ?? stream.Duplex.prototype[name],
            this,
            args,
          )
        }
      }
      await live(t, {}, () => {})
      for (const name of new Set(calls)) {
        if (Object.hasOwn(stock, name)) prototype[name] = stock[name]
        else delete prototype[name]
      }
      await t.wait(10)
      t.log(calls)
      t.log(told.length, t.connect({ port: t.echo }).destroy() && told.length)
      new t.Socket().connect(t.echo, LOCAL).destroy()
      t.log(told)
      unsubscribe('net.client.socket', hear)
      observer.disconnect()
    },
  },
  {
    name: 'stream helpers',
    async run(t) {
      const open = () => t.watch(errorless(t.connect(t.hello, LOCAL)))
      for await (const [chunk] of stream.Readable.from([
        await open().toArray(),
      ])) {
        t.log('toArray', String(chunk))
      }
      const { readable, writable } = stream.Duplex.toWeb(open())
      for await (const chunk of readable) t.log('web', chunk.length)
      await writable.close().catch(({ name, code }) => t.log(name, code))
      for await (const chunk of stream.Readable.toWeb(open()))
        t.log('web', chunk.length)
      const upper = new stream.Transform({
        transform: (chunk, _, done) => done(null, String(chunk).toUpperCase()),
      })
      for await (const chunk of open().compose(upper))
        t.log('compose', String(chunk))
      for await (const chunk of stream.compose(
        open(),
        new stream.PassThrough(),
      )) {
        t.log('compose', String(chunk))
      }
      t.log('from', stream.Duplex.from(open()).constructor.name)
      const finished = open().resume()
      t.log('finished', await stream.promises.finished(finished))
      const reads = new stream.Writable({ write: (_c, _e, done) => done() })
      t.log('pipeline', await stream.promises.pipeline(open(), reads))
      const abort = new AbortController()
      const aborted = stream.addAbortSignal(abort.signal, open())
      abort.abort()
      await new Promise((resolve) => aborted.on('close', resolve))
      for await (const chunk of open().map(String).take(1)) t.log('map', chunk)
      for await (const chunk of open().iterator({ destroyOnReturn: true })) {
        t.log('iterator', chunk.length)
        break
      }
      await t.wait(20)
      if (Symbol.asyncDispose) {
        const disposed = open()
        await once(disposed, 'connect')
        t.log(
          typeof disposed[Symbol.asyncDispose],
          disposed[Symbol.asyncDispose].length,
        )
        await disposed[Symbol.asyncDispose]().catch(({ name }) => t.log(name))
      }
    },
  },
  {
    name: 'http.request and http2.connect with createConnection',
    async run(t) {
      const server = http.createServer((request, response) => {
        response.end(request.url)
      })
      const port = await t.listen(server)
      for (const agent of [
        undefined,
        false,
        new t.HttpAgent({ keepAlive: true }),
      ]) {
        const request = http.get({
          ...{ host: LOCAL, port, path: '/x', agent },
          ...(agent instanceof http.Agent
            ? {}
            : { createConnection: (o) => t.watch(t.connect(o)) }),
        })
        const [response] = await once(request, 'response')
        t.log(
          response.statusCode,
          String(Buffer.concat(await response.toArray())),
        )
        t.log(request.reusedSocket, request.shouldKeepAlive)
        if (agent) agent.destroy()
        request.destroy()
      }
      // A stream that a server has not accepted itself.
      const socket = await t.connected()
      server.emit('connection', t.watch(socket))
      await t.wait(10)
      t.log(t.listeners(socket).data, socket.parser === undefined)
      socket.destroy()
      const second = http2.createServer((_, response) => response.end('two'))
      const session = http2.connect(
        `http://${LOCAL}:${await t.listen(second)}`,
        {
          createConnection: ({ port: to, hostname }) =>
            t.watch(t.connect(to, hostname)),
        },
      )
      const stream2 = session.request({ ':path': '/' })
      t.log('http2', String(Buffer.concat(await stream2.toArray())))
      // For the server's last frame, which comes before or after what we send.
      await t.wait(50)
      session.close()
      await once(session, 'close')
    },
  },
  {
    name: 'tls.connect over a connected socket, and STARTTLS',
    async run(t) {
      const port = await t.listenTls((peer) => peer.end('secret'))
      const socket = t.watch(t.connect(port, LOCAL))
      await once(socket, 'connect')
      const secure = tls.connect({ socket, ...t.trust })
      await once(secure, 'secureConnect')
      t.log(secure._parent === socket, secure.authorized, secure.alpnProtocol)
      t.log(String(Buffer.concat(await secure.toArray())))
      await t.wait(20)
      t.log(socket.destroyed, secure.destroyed, t.listeners(socket))
    },
  },
  {
    name: 'sockets that go elsewhere',
    async run(t) {
      for (const keepOpen of [false, true]) {
        const socket = await t.connected()
        t.watch(socket)
        t.log('answer', await t.sendToChild(socket, { keepOpen }))
        t.log(socket.destroyed, socket._handle === null, socket.readyState)
        socket.destroy()
        await t.wait(20)
      }
      const { port1, port2 } = new MessageChannel()
      t.logThrow(() => port1.postMessage(new t.Socket()))
      const socket = await t.connected()
      t.watch(errorless(socket))
      t.logThrow(() => port1.postMessage(socket))
      socket.pause()
      await turn()
      // Since some Node 26 a connection can be moved to another thread.
      t.logThrow(() => {
        port1.postMessage(socket, [socket])
        t.log('moved', socket._handle === null, socket.destroyed)
      })
      port2.ref()
      const moved = await Promise.race([once(port2, 'message'), t.wait(100)])
      t.log(moved?.[0]?.constructor.name, moved?.[0]?.readyState)
      moved?.[0]?.destroy()
      port1.close()
      socket.destroy()
      await t.wait(20)
    },
  },
  {
    name: 'a connection to a worker of a cluster',
    async run(t) {
      const worker = t.clusterWorker()
      const [port] = await once(worker, 'message')
      const told = once(worker, 'message')
      t.connect(port, LOCAL).resume().end('hello')
      t.log(await told)
      worker.disconnect()
      t.log(await once(worker, 'exit'))
    },
  },
  {
    name: 'net.BoundSocket, where there is one',
    async run(t) {
      if (!net.BoundSocket) return t.log('none')
      const handle = new net.BoundSocket({ host: LOCAL })
      const { port } = handle.address()
      const socket = t.watch(new t.Socket({ handle }))
      t.log(socket.pending, socket.connecting, socket.readyState)
      t.logThrow(() => handle.address())
      socket.connect(t.echo, LOCAL)
      await once(socket, 'connect')
      socket.captureTcpInfo?.()
      t.log(socket.localPort === port, socket.remotePort === t.echo)
      socket.end()
      await once(socket.resume(), 'close')
      const other = new net.BoundSocket({ host: LOCAL })
      const direct = t.watch(
        t.connect({ port: t.echo, host: LOCAL, handle: other }),
      )
      await once(direct, 'connect')
      if (direct.captureTcpInfo) {
        t.check(direct.captureTcpInfo().remotePort === t.echo)
        t.check(socket.tcpInfo.remotePort === t.echo)
        t.check(socket.tcpInfo.localPort === port)
      }
      direct.destroy()
      await once(direct, 'close')
    },
  },
  {
    name: 'an error in a handler',
    async run(t) {
      for (const event of [
        'connectionAttempt',
        'connect',
        'ready',
        'data',
        'end',
        'close',
      ]) {
        const caught = once(process, 'uncaughtException')
        const socket = t.watch(errorless(t.connect(t.hello, LOCAL)))
        socket.resume().once(event, () => {
          throw new Error(event)
        })
        t.log((await caught)[0].message)
        await t.wait(20)
        t.log(socket.destroyed, socket.readyState)
        socket.destroy()
        await turn()
      }
    },
  },
]
