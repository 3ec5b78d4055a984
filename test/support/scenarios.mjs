// Ways in which a connection ends. Each scenario runs with stock sockets and
// with ours; what it logs must be the same. test/support/run-scenarios.mjs says
// what `t` is.
//
// `final`: what our sockets must give: the number of final records, or the code
// of tcpInfoError where no kernel socket ever existed (or it is not TCP).
// `isSlow`: it waits for seconds until the system gives up.

import { once } from 'node:events'
import net from 'node:net'
import { pipeline, Readable, Transform } from 'node:stream'
import { pipeline as pipelinePromise } from 'node:stream/promises'
import tls from 'node:tls'

const LOCAL = '127.0.0.1'
// In the namespace of the runner: packets to the first vanish, the second has a
// route that refuses at once.
const SILENT = '10.255.1.1'
const UNREACHABLE = '10.255.2.1'
// Windows has neither numbers for sockets nor, in Node, Unix domain sockets.
const POSIX = ['linux', 'darwin']
// More at once hangs in QEMU, whoever writes it.
const MEGABYTES = Buffer.alloc(3 << 20)

const echo = (peer) => peer.pipe(peer)
const drain = (peer) => peer.resume()
const hold = () => {}

/** A lookup function that gives the addresses, as dns.lookup with all: true. */
const lookup = (addresses) => (_host, options, callback) =>
  process.nextTick(() =>
    options.all
      ? callback(null, addresses)
      : callback(null, addresses[0].address, addresses[0].family),
  )

const addresses = (...list) =>
  lookup(list.map((address) => ({ address, family: net.isIP(address) })))

export const scenarios = [
  {
    name: 'client ends',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      t.log('end', socket.end('bye') === socket)
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'client ends before it is connected',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect({ port, host: LOCAL })
      socket.end('bye')
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'client ends after an exchange',
    final: 1,
    async run(t) {
      const port = await t.listen(echo)
      const socket = t.connect(port, LOCAL, () => t.log('listener called'))
      socket.setEncoding('utf8')
      socket.write('hello')
      await once(socket, 'data')
      socket.end()
      await t.closed(socket)
    },
  },
  {
    name: 'peer sends FIN',
    final: 1,
    async run(t) {
      const port = await t.listen((peer) => peer.end('bye'))
      const socket = t.connect(port, LOCAL)
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'peer sends FIN, nobody reads',
    final: 1,
    async run(t) {
      const port = await t.listen((peer) => peer.end())
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      await t.wait(50)
      socket.destroy()
      await t.closed(socket)
    },
  },
  {
    name: 'peer sends FIN, client half-open goes on writing',
    final: 1,
    async run(t) {
      const port = await t.listen(
        (peer) => {
          peer.resume()
          peer.end('bye')
        },
        { allowHalfOpen: true },
      )
      const socket = t.connect({ port, host: LOCAL, allowHalfOpen: true })
      socket.resume()
      await once(socket, 'end')
      t.log('write', socket.write('still here'))
      await t.wait(20)
      socket.end()
      await t.closed(socket)
    },
  },
  {
    name: 'client sends FIN, peer half-open goes on writing',
    final: 1,
    async run(t) {
      const port = await t.listen(
        (peer) => {
          peer.resume()
          peer.on('end', () => setTimeout(() => peer.end('late'), 20))
        },
        { allowHalfOpen: true },
      )
      const socket = t.connect({ port, host: LOCAL })
      await once(socket, 'connect')
      socket.end()
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'destroy()',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      t.log('destroy', socket.destroy() === socket, socket.destroyed)
      await t.closed(socket)
    },
  },
  {
    name: 'destroy() twice',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      socket.destroy()
      socket.destroy(new Error('second'))
      await t.closed(socket)
    },
  },
  {
    name: 'destroy(error)',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      socket.destroy(Object.assign(new Error('mine'), { code: 'MINE' }))
      await t.closed(socket)
    },
  },
  {
    name: 'destroy() in the tick of connect, address given',
    final: 'ERR_TCP_INFO_NOT_CONNECTED',
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, LOCAL)
      socket.destroy()
      await t.closed(socket)
    },
  },
  {
    name: 'destroy(error) during the name lookup',
    final: 'ERR_TCP_INFO_NOT_CONNECTED',
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, 'localhost')
      socket.destroy(new Error('mine'))
      await t.closed(socket)
    },
  },
  {
    name: 'destroy() of a socket that never connects',
    final: 'ERR_TCP_INFO_NOT_CONNECTED',
    async run(t) {
      const socket = t.socket()
      socket.destroy()
      await t.closed(socket)
    },
  },
  {
    name: 'destroy() in SYN_SENT',
    final: 1,
    state: 'SYN_SENT',
    async run(t) {
      const socket = t.connect(9, SILENT)
      await t.wait(50)
      socket.destroy()
      await t.closed(socket)
    },
  },
  {
    name: 'destroy() with megabytes unsent',
    final: 1,
    async run(t) {
      const port = await t.listen((peer) => peer.pause())
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      t.log('write', socket.write(MEGABYTES))
      await t.wait(50)
      socket.destroy()
      await t.closed(socket)
    },
  },
  {
    name: 'destroySoon() with data unsent',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      socket.write(MEGABYTES)
      t.log('destroySoon', socket.destroySoon())
      await t.closed(socket)
    },
  },
  {
    name: 'resetAndDestroy()',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      t.log('resetAndDestroy', socket.resetAndDestroy() === socket)
      await t.closed(socket)
    },
  },
  {
    name: 'resetAndDestroy() while connecting',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, LOCAL)
      socket.resetAndDestroy()
      await t.closed(socket)
    },
  },
  {
    name: 'resetAndDestroy() after the close',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      socket.destroy()
      await t.closed(socket)
      socket.resetAndDestroy()
      await t.wait(20)
    },
  },
  {
    name: 'AbortSignal before connect',
    final: 1,
    // Node closes the socket and then connects it all the same.
    isLate: true,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect({
        port,
        host: LOCAL,
        signal: AbortSignal.abort(),
      })
      await t.wait(100)
      socket.destroy()
      await t.wait(20)
    },
  },
  {
    name: 'AbortSignal after connect',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const abort = new AbortController()
      const socket = t.connect({ port, host: LOCAL, signal: abort.signal })
      await once(socket, 'connect')
      abort.abort()
      await t.closed(socket)
    },
  },
  {
    name: 'AbortSignal in SYN_SENT',
    final: 1,
    state: 'SYN_SENT',
    async run(t) {
      const abort = new AbortController()
      const socket = t.connect({ port: 9, host: SILENT, signal: abort.signal })
      await t.wait(50)
      abort.abort()
      await t.closed(socket)
    },
  },
  {
    name: 'timeout',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect({ port, host: LOCAL, timeout: 50 })
      socket.on('timeout', () => socket.destroy())
      await t.closed(socket)
    },
  },
  {
    name: 'refused',
    final: 1,
    state: 'CLOSED',
    async run(t) {
      const socket = t.connect(await t.freePort(), LOCAL)
      await t.closed(socket)
    },
  },
  {
    name: 'unreachable',
    final: 1,
    async run(t) {
      const socket = t.connect(9, UNREACHABLE)
      await t.closed(socket)
    },
  },
  {
    name: 'SYN timed out',
    isSlow: true,
    final: 1,
    state: 'CLOSED',
    async run(t) {
      const socket = t.connect(9, SILENT)
      await t.closed(socket)
    },
  },
  {
    name: 'RST while idle',
    final: 1,
    state: 'CLOSED',
    async run(t) {
      const port = await t.listen((peer) =>
        setTimeout(() => peer.resetAndDestroy(), 30),
      )
      const socket = t.connect(port, LOCAL)
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'RST while writing',
    final: 1,
    state: 'CLOSED',
    async run(t) {
      const port = await t.listen((peer) => {
        peer.pause()
        setTimeout(() => peer.resetAndDestroy(), 50)
      })
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      socket.write(MEGABYTES)
      await t.closed(socket)
    },
  },
  {
    name: 'name lookup fails',
    isSlow: true,
    final: 'ERR_TCP_INFO_NOT_CONNECTED',
    async run(t) {
      const socket = t.connect(80, 'name.invalid')
      await t.closed(socket)
    },
  },
  {
    name: 'name lookup fails, one family',
    isSlow: true,
    final: 'ERR_TCP_INFO_NOT_CONNECTED',
    async run(t) {
      const socket = t.connect({ port: 80, host: 'name.invalid', family: 4 })
      await t.closed(socket)
    },
  },
  {
    name: 'local address in use',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect({
        port,
        host: LOCAL,
        localAddress: LOCAL,
        localPort: port,
      })
      await t.closed(socket)
    },
  },
  {
    name: 'blocked by a BlockList',
    final: 'ERR_TCP_INFO_NOT_CONNECTED',
    async run(t) {
      const blockList = new net.BlockList()
      blockList.addAddress(LOCAL)
      const port = await t.listen(drain)
      const socket = t.connect({ port, host: LOCAL, blockList })
      await t.closed(socket)
    },
    // Node 20 has no blockList option for a client and connects.
    nodes: (major) => major >= 22,
  },
  {
    name: 'happy eyeballs: the first address refuses',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect({
        port,
        host: 'test.invalid',
        autoSelectFamily: true,
        lookup: addresses('::1', LOCAL),
      })
      await once(socket, 'connect')
      socket.end()
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'happy eyeballs: the first address hangs',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect({
        port,
        host: 'test.invalid',
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: 50,
        lookup: addresses(SILENT, LOCAL),
      })
      await once(socket, 'connect')
      socket.end()
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'happy eyeballs: all addresses refuse',
    final: 1,
    async run(t) {
      const socket = t.connect({
        port: await t.freePort(),
        host: 'test.invalid',
        autoSelectFamily: true,
        lookup: addresses('::1', LOCAL),
      })
      await t.closed(socket)
    },
  },
  {
    name: 'happy eyeballs: all addresses hang',
    isSlow: true,
    final: 1,
    async run(t) {
      const socket = t.connect({
        port: 9,
        host: 'test.invalid',
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: 20,
        lookup: addresses(SILENT, '10.255.1.2'),
      })
      await t.closed(socket)
    },
  },
  {
    name: 'static onread buffer',
    final: 1,
    async run(t) {
      const port = await t.listen((peer) => peer.end('some text'))
      let received = ''
      const socket = t.connect({
        port,
        host: LOCAL,
        onread: {
          buffer: Buffer.alloc(1024),
          callback(length, buffer) {
            received += buffer.toString('utf8', 0, length)
            return true
          },
        },
      })
      await t.closed(socket)
      t.log('received', received)
    },
  },
  {
    name: 'async iteration broken off',
    final: 1,
    async run(t) {
      const port = await t.listen((peer) => peer.write('x'.repeat(1000)))
      const socket = t.connect(port, LOCAL)
      for await (const chunk of socket) {
        t.log('chunk', chunk.length)
        break
      }
      await t.closed(socket)
    },
  },
  {
    name: 'async iteration to the end',
    final: 1,
    async run(t) {
      const port = await t.listen((peer) => peer.end('x'.repeat(1000)))
      const socket = t.connect(port, LOCAL)
      let length = 0
      for await (const chunk of socket) length += chunk.length
      t.log('length', length)
      await t.closed(socket)
    },
  },
  {
    name: 'failing pipeline',
    final: 1,
    async run(t) {
      const port = await t.listen(echo)
      const socket = t.connect(port, LOCAL)
      const source = new Readable({ read() {} })
      source.push('data')
      const failing = new Transform({
        transform: (_chunk, _encoding, callback) =>
          callback(new Error('transform fails')),
      })
      await new Promise((resolve) =>
        pipeline(source, failing, socket, (error) => {
          t.log('pipeline', error?.message)
          resolve()
        }),
      )
      await t.closed(socket)
    },
  },
  {
    name: 'pipeline to the end',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, LOCAL)
      socket.resume()
      await pipelinePromise(Readable.from(['a', 'b']), socket)
      await t.closed(socket)
    },
  },
  {
    name: 'asyncDispose',
    final: 1,
    async run(t) {
      const port = await t.listen(drain)
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      await socket[Symbol.asyncDispose]().catch((error) =>
        t.log('dispose', error.name),
      )
      await t.closed(socket)
    },
  },
  {
    name: 'new Socket({ fd })',
    platforms: POSIX,
    final: 1,
    async run(t) {
      const fd = t.connectedDescriptor
      const socket = t.socket({ fd, readable: true, writable: true })
      socket.write('hello')
      const [data] = await once(socket, 'data')
      t.log('echoed', String(data))
      socket.end()
      await t.closed(socket)
    },
  },
  {
    name: 'new Socket({ handle })',
    final: 1,
    async run(t) {
      const port = await t.listen(echo)
      const first = net.connect(port, LOCAL)
      await once(first, 'connect')
      const handle = first._handle
      first._handle = null
      const socket = t.socket({ handle })
      socket.end('hello')
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'accepted socket, peer ends',
    final: 1,
    async run(t) {
      let accepted
      const port = await t.listen((peer) => {
        accepted = t.adopt(peer, 'accepted')
        accepted.resume()
      })
      const client = net.connect(port, LOCAL)
      client.end('hello')
      client.resume()
      await once(client, 'close')
      await t.closed(accepted)
    },
  },
  {
    name: 'accepted socket, peer resets',
    final: 1,
    state: 'CLOSED',
    async run(t) {
      let accepted
      const port = await t.listen((peer) => {
        accepted = t.adopt(peer, 'accepted')
        accepted.resume()
      })
      const client = net.connect(port, LOCAL)
      await once(client, 'connect')
      await t.wait(20)
      client.resetAndDestroy()
      await t.wait(50)
      await t.closed(accepted)
    },
  },
  {
    name: 'accepted socket, paused on connect',
    final: 1,
    async run(t) {
      let accepted
      const port = await t.listen(
        (peer) => {
          accepted = t.adopt(peer, 'accepted')
        },
        { pauseOnConnect: true },
      )
      const client = net.connect(port, LOCAL)
      client.end('hello')
      client.resume()
      await t.wait(50)
      t.log('readable', accepted.readableLength)
      accepted.resume()
      await t.closed(accepted)
    },
  },
  {
    name: 'TLS client ends',
    final: 1,
    async run(t) {
      const port = await t.listenTls(echo)
      const socket = t.adopt(tls.connect({ port, host: LOCAL, ...t.trust }))
      await once(socket, 'secureConnect')
      t.log('authorized', socket.authorized, socket.alpnProtocol)
      socket.end('hello')
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'TLS server ends',
    final: 1,
    async run(t) {
      const port = await t.listenTls((peer) => peer.end('bye'))
      const socket = t.adopt(tls.connect({ port, host: LOCAL, ...t.trust }))
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'TLS client, certificate not trusted',
    final: 1,
    async run(t) {
      const port = await t.listenTls(drain)
      const socket = t.adopt(tls.connect({ port, host: LOCAL }))
      await t.closed(socket)
    },
  },
  {
    name: 'TLS client, refused',
    final: 1,
    async run(t) {
      const socket = t.adopt(
        tls.connect({ port: await t.freePort(), host: LOCAL, ...t.trust }),
      )
      await t.closed(socket)
    },
  },
  {
    name: 'TLS client, peer resets',
    final: 1,
    async run(t) {
      const port = await t.listenTls((peer) => peer._parent.resetAndDestroy())
      const socket = t.adopt(tls.connect({ port, host: LOCAL, ...t.trust }))
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'TLS client, destroyed in the handshake',
    final: 1,
    async run(t) {
      const port = await t.listenTls(drain)
      const socket = t.adopt(tls.connect({ port, host: LOCAL, ...t.trust }))
      await once(socket, 'connect')
      socket.destroy()
      await t.closed(socket)
    },
  },
  {
    name: 'TLS client over a connected socket (STARTTLS)',
    final: 1,
    async run(t) {
      const port = await t.listenTls(echo)
      const raw = t.connect(port, LOCAL)
      await once(raw, 'connect')
      const socket = t.adopt(tls.connect({ socket: raw, ...t.trust }), 'tls')
      await once(socket, 'secureConnect')
      socket.end('hello')
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'TLS server side',
    final: 1,
    async run(t) {
      let accepted
      const port = await t.listenTls((peer) => {
        accepted = t.adopt(peer, 'accepted')
        accepted.resume()
      })
      const client = tls.connect({ port, host: LOCAL, ...t.trust })
      await once(client, 'secureConnect')
      await t.wait(20)
      client.end('hello')
      client.resume()
      await once(client, 'close')
      await t.closed(accepted)
    },
  },
  {
    name: 'Unix domain socket',
    platforms: POSIX,
    final: 'ERR_TCP_INFO_NOT_TCP',
    async run(t) {
      const path = await t.listenUnix(echo)
      const socket = t.connect(path)
      await once(socket, 'connect')
      socket.end('hello')
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'Unix domain socket that is not there',
    platforms: POSIX,
    final: 'ERR_TCP_INFO_NOT_TCP',
    async run(t) {
      const socket = t.connect({ path: '/nowhere/socket' })
      await t.closed(socket)
    },
  },
  {
    name: 'reconnect after close',
    final: 2,
    async run(t) {
      const port = await t.listen(echo)
      const socket = t.connect(port, LOCAL)
      await once(socket, 'connect')
      socket.end()
      socket.resume()
      await t.closed(socket)
      t.log('again', socket.connect(port, LOCAL) === socket)
      await once(socket, 'connect')
      socket.end('hello')
      socket.resume()
      await t.closed(socket)
    },
  },
  {
    name: 'reconnect after a refusal',
    final: 2,
    async run(t) {
      const socket = t.connect(await t.freePort(), LOCAL)
      await t.closed(socket)
      const port = await t.listen(drain)
      socket.connect(port, LOCAL)
      await once(socket, 'connect')
      socket.destroy()
      await t.closed(socket)
    },
  },
  {
    name: 'two connections in the same handler, one destroys the other',
    final: 1,
    async run(t) {
      const port = await t.listen(hold)
      const socket = t.connect(port, LOCAL)
      const other = net.connect(port, LOCAL)
      other.on('connect', () => socket.destroy())
      await t.closed(socket)
      other.destroy()
    },
  },
  {
    name: 'bad port',
    final: 'thrown',
    async run(t) {
      t.logThrow(() => t.connect(70_000, LOCAL))
      t.logThrow(() => t.connect({}))
      t.logThrow(() => t.connect())
      t.logThrow(() => t.connect({ port: 80, host: 5 }))
      t.logThrow(() => t.connect({ port: 80, localAddress: 'x', host: LOCAL }))
      t.logThrow(() => t.connect({ port: 80, timeout: 'soon' }))
      t.logThrow(() => t.connect({ port: 80, host: LOCAL, lookup: 5 }))
      t.logThrow(() => t.connect({ port: 80, signal: 5 }))
      t.logThrow(() => t.socket({ fd: -5 }))
      t.logThrow(() => t.socket({ objectMode: true }))
    },
  },
]
