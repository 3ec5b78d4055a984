/**
 * Connections of which it is known what limits them and how they end, because
 * we see to it: the truth that explain() is measured by. `parameters` draws what
 * differs between the runs of a case; `run` leads the connection, in a network
 * namespace of its own.
 *
 * `truth` holds what explain() must say of them, or else "unknown".
 */

import { setTimeout as wait } from 'node:timers/promises'
import { sysctl } from './link.mjs'

const KB = 1000
const CUBIC_OR_RENO = ['cubic', 'reno']
const ANY_CONTROL = ['cubic', 'reno', 'bbr']

/** Bytes that no run can get through. */
const ENDLESS = 64_000 * KB

/**
 * The window that Linux offers grows as it is used, over a long path and on a busy
 * machine more slowly than a congestion window, and would be what limits it.
 */
function haveLargeWindows() {
  sysctl('tcp_rmem', '4096 16777216 33554432')
}

/** Sends all it can for a while, or until all is acknowledged. */
async function transfer(lab, { bytes = ENDLESS, ms }) {
  haveLargeWindows()
  const { client } = await lab.pair()
  client.write(Buffer.alloc(bytes), () => {})
  const until = performance.now() + ms
  while (performance.now() < until && !client.destroyed) {
    await wait(10)
    if (client.captured().bytesAcked > bytes) break
  }
  client.destroy()
}

/** (events.once would reject at an error, which here is what is awaited.) */
function ended(socket) {
  return new Promise((resolve) => socket.on('close', resolve))
}

/** Asks once, and reads what comes for a while. */
async function receive(lab, ms) {
  const { client, accepted } = await lab.pair()
  client.resume()
  client.write('request')
  accepted.write(Buffer.alloc(ENDLESS))
  await wait(ms)
  client.destroy()
}

/** Over a link with the same delay both ways; further rules are for our data. */
async function overLink(lab, { rttMs, ...rules }) {
  const delayMs = rttMs / 2
  await lab.link({ up: { delayMs, ...rules }, down: { delayMs } })
}

/** Reads so many bytes, and then no more. */
function readUpTo(socket, bytes) {
  socket.on('data', () => {
    if (socket.bytesRead >= bytes) socket.pause()
  })
  if (bytes === 0) socket.pause()
}

/** More than can be sent in that time. */
async function sendFor(socket, ms) {
  socket.write(Buffer.alloc(ENDLESS))
  await wait(ms)
}

export const cases = {
  delay: {
    truth: { limitedBy: 'path-rtt' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(60, 250),
      bytes: draw.between(300, 3000) * KB,
      ms: 5000,
    }),
    async run(lab, p) {
      await overLink(lab, { rttMs: p.rttMs })
      await transfer(lab, p)
    },
  },

  'delay, requests': {
    truth: { limitedBy: 'path-rtt' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(30, 250),
      requestBytes: draw.between(50, 2000),
      responseBytes: draw.between(50, 8000),
      ms: draw.between(1500, 3000),
    }),
    async run(lab, p) {
      await overLink(lab, { rttMs: p.rttMs })
      const { client, accepted } = await lab.pair()
      const answer = (socket, awaited, bytes) => {
        let received = 0
        socket.on('data', ({ length }) => {
          received += length
          if (received < awaited) return
          received = 0
          socket.write(Buffer.alloc(bytes))
        })
      }
      answer(accepted, p.requestBytes, p.responseBytes)
      answer(client, p.responseBytes, p.requestBytes)
      client.write(Buffer.alloc(p.requestBytes))
      await wait(p.ms)
      client.destroy()
    },
  },

  'loss 1 %': {
    truth: { limitedBy: 'loss' },
    parameters: (draw) => ({
      control: draw.one(CUBIC_OR_RENO),
      rttMs: draw.between(10, 60),
      lose: 0.01,
      seed: draw.between(1, 1e6),
      ms: draw.between(3000, 4500),
    }),
    async run(lab, { rttMs, lose, seed, ms }) {
      await overLink(lab, { rttMs, lose, seed })
      await transfer(lab, { ms })
    },
  },

  'loss 5 %': {
    truth: { limitedBy: 'loss' },
    parameters: (draw) => ({
      control: draw.one(CUBIC_OR_RENO),
      rttMs: draw.between(10, 100),
      lose: 0.05,
      seed: draw.between(1, 1e6),
      ms: draw.between(2500, 4000),
    }),
    async run(lab, { rttMs, lose, seed, ms }) {
      await overLink(lab, { rttMs, lose, seed })
      await transfer(lab, { ms })
    },
  },

  'rate limit': {
    truth: { limitedBy: 'path-rate' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(5, 60),
      rateKBps: draw.between(200, 2000),
      queueMs: draw.between(50, 300),
      ms: draw.between(2500, 4000),
    }),
    async run(lab, { rttMs, rateKBps, queueMs, ms }) {
      await overLink(lab, { rttMs, rateKBps, queueMs })
      await transfer(lab, { ms })
    },
  },

  'rate limit by tc': {
    truth: { limitedBy: 'path-rate' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(5, 60),
      rateKbit: draw.between(1600, 16_000),
      queueMs: draw.between(50, 300),
      ms: draw.between(2500, 4000),
    }),
    async run(lab, { rttMs, rateKbit, queueMs, ms }) {
      await overLink(lab, { rttMs })
      lab.tc(
        ...['qdisc', 'replace', 'dev', 'link0', 'root', 'tbf'],
        ...['rate', `${rateKbit}kbit`, 'burst', '5kb'],
        ...['latency', `${queueMs}ms`],
      )
      await transfer(lab, { ms })
    },
  },

  'peer stops reading': {
    truth: { limitedBy: 'receiver-window' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 100),
      readsBytes: draw.between(0, 200) * KB,
      ms: draw.between(2000, 3500),
    }),
    async run(lab, { rttMs, readsBytes, ms }) {
      await overLink(lab, { rttMs })
      const { client, accepted } = await lab.pair({ reads: false })
      readUpTo(accepted, readsBytes)
      await sendFor(client, ms)
      client.destroy()
    },
  },

  'peer reads slowly': {
    truth: { limitedBy: 'receiver-window' },
    parameters: (draw) => ({
      // BBR takes the peer's pace for the path's.
      control: draw.one(CUBIC_OR_RENO),
      rttMs: draw.between(2, 60),
      pauseMs: draw.between(50, 200),
      ms: draw.between(2000, 3500),
    }),
    async run(lab, { rttMs, pauseMs, ms }) {
      await overLink(lab, { rttMs })
      const { client, accepted } = await lab.pair({ reads: false })
      accepted.on('data', () => {
        accepted.pause()
        setTimeout(() => accepted.resume(), pauseMs)
      })
      await sendFor(client, ms)
      client.destroy()
    },
  },

  'small send buffer': {
    truth: { limitedBy: 'send-buffer' },
    parameters: (draw) => ({
      // CUBIC may leave slow start before the window is larger than the buffer.
      control: 'reno',
      rttMs: draw.between(40, 120),
      sndbuf: draw.between(64, 200) * 1024,
      ms: draw.between(2000, 3000),
    }),
    async run(lab, { rttMs, sndbuf, ms }) {
      sysctl('tcp_wmem', `4096 ${sndbuf} ${sndbuf}`)
      await overLink(lab, { rttMs })
      await transfer(lab, { ms })
    },
  },

  'small congestion window': {
    truth: { limitedBy: 'congestion-window' },
    parameters: (draw) => ({
      control: draw.one(CUBIC_OR_RENO),
      rttMs: draw.between(10, 120),
      segments: draw.between(4, 30),
      ms: draw.between(1500, 2500),
    }),
    async run(lab, { rttMs, segments, ms }) {
      await overLink(lab, { rttMs })
      lab.route('cwnd', 'lock', segments)
      await lab.learnRoute()
      await transfer(lab, { ms })
    },
  },

  'we stop reading': {
    truth: { limitedBy: 'application' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 60),
      readsBytes: draw.between(0, 200) * KB,
      ms: draw.between(2000, 3000),
    }),
    async run(lab, { rttMs, readsBytes, ms }) {
      await overLink(lab, { rttMs })
      const { client, accepted } = await lab.pair()
      readUpTo(client, readsBytes)
      await sendFor(accepted, ms)
      client.destroy()
    },
  },

  'we receive, rate limit': {
    truth: { limitedBy: 'unknown' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(5, 60),
      rateKBps: draw.between(200, 2000),
      queueMs: draw.between(50, 300),
      ms: draw.between(1500, 2500),
    }),
    async run(lab, { rttMs, rateKBps, queueMs, ms }) {
      const delayMs = rttMs / 2
      const down = { delayMs, rateKBps, queueMs }
      await lab.link({ up: { delayMs }, down })
      await receive(lab, ms)
    },
  },

  'we receive, loss 5 %': {
    truth: { limitedBy: 'unknown' },
    parameters: (draw) => ({
      control: draw.one(CUBIC_OR_RENO),
      rttMs: draw.between(10, 100),
      seed: draw.between(1, 1e6),
      ms: draw.between(1500, 2500),
    }),
    async run(lab, { rttMs, seed, ms }) {
      const delayMs = rttMs / 2
      const down = { delayMs, lose: 0.05, seed }
      await lab.link({ up: { delayMs }, down })
      await receive(lab, ms)
    },
  },

  'application dribbles': {
    truth: { limitedBy: 'application' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 150),
      chunkBytes: draw.between(10, 4000),
      everyMs: draw.between(20, 300),
      ms: draw.between(2000, 3000),
    }),
    async run(lab, { rttMs, chunkBytes, everyMs, ms }) {
      await overLink(lab, { rttMs })
      const { client } = await lab.pair()
      const until = performance.now() + ms
      while (performance.now() < until) {
        client.write(Buffer.alloc(chunkBytes))
        await wait(everyMs)
      }
      client.destroy()
    },
  },

  'blackhole after connect': {
    truth: { limitedBy: 'timeouts' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 100),
      bytes: draw.between(1, 200) * KB,
      ms: draw.between(2500, 4000),
    }),
    async run(lab, { rttMs, bytes, ms }) {
      await overLink(lab, { rttMs })
      const { client } = await lab.pair()
      await lab.link({ up: { blackhole: true }, down: { blackhole: true } })
      client.write(Buffer.alloc(bytes))
      await wait(ms)
      client.destroy()
    },
  },

  'reset in mid-transfer': {
    truth: { limitedBy: 'path-rtt', closedBy: 'peer', closedHow: 'rst' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(60, 200),
      bytes: draw.between(300, 1000) * KB,
    }),
    async run(lab, { rttMs, bytes }) {
      haveLargeWindows()
      await overLink(lab, { rttMs })
      const { client, accepted } = await lab.pair()
      accepted.on('data', () => {
        if (accepted.bytesRead >= bytes) accepted.resetAndDestroy()
      })
      client.write(Buffer.alloc(ENDLESS))
      await ended(client)
    },
  },

  'SYN lost': {
    truth: { limitedBy: 'handshake' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 60),
      bytes: draw.between(1, 30) * KB,
    }),
    async run(lab, { rttMs, bytes }) {
      const delayMs = rttMs / 2
      await lab.link({ up: { delayMs, dropSyns: 1 }, down: { delayMs } })
      await transfer(lab, { bytes, ms: 5000 })
    },
  },

  'nothing wrong, fast': {
    truth: { limitedBy: 'unknown' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      bytes: draw.between(10, 2000) * KB,
    }),
    async run(lab, { bytes }) {
      lab.onLoopback()
      await transfer(lab, { bytes, ms: 5000 })
    },
  },

  'idle, kept alive': {
    truth: { limitedBy: 'application' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 100),
      bytes: draw.between(10, 4000),
      ms: draw.between(1500, 3000),
    }),
    async run(lab, { rttMs, bytes, ms }) {
      await overLink(lab, { rttMs })
      const { client, accepted } = await lab.pair()
      accepted.once('data', () => accepted.write('answer'))
      client.resume().write(Buffer.alloc(bytes))
      await wait(ms)
      client.destroy()
    },
  },

  'we await an answer': {
    truth: { limitedBy: 'unknown' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 100),
      bytes: draw.between(10, 4000),
      ms: draw.between(1500, 3000),
    }),
    async run(lab, { rttMs, bytes, ms }) {
      await overLink(lab, { rttMs })
      const { client } = await lab.pair()
      client.write(Buffer.alloc(bytes))
      await wait(ms)
      client.destroy()
    },
  },

  'nothing gets through': {
    truth: { limitedBy: 'timeouts' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      bytes: draw.between(500, 5000) * KB,
      ms: draw.between(2500, 4000),
    }),
    async run(lab, { bytes, ms }) {
      lab.onLoopback()
      // A bucket smaller than a segment never lets one pass.
      lab.tc(
        ...['qdisc', 'replace', 'dev', 'lo', 'root', 'tbf'],
        ...['rate', '4mbit', 'burst', '10k', 'latency', '400ms'],
      )
      await transfer(lab, { bytes, ms })
    },
  },

  // Loopback has segments as large as the first windows.
  'loopback, peer stops reading': {
    truth: { limitedBy: 'receiver-window' },
    parameters: (draw) => ({
      readsBytes: draw.between(0, 200) * KB,
      ms: draw.between(2000, 3500),
    }),
    async run(lab, { readsBytes, ms }) {
      lab.onLoopback()
      const { client, accepted } = await lab.pair({ reads: false })
      client.resume()
      readUpTo(accepted, readsBytes)
      await sendFor(client, ms)
      client.destroy()
    },
  },

  'loopback, slow proxy': {
    truth: { limitedBy: 'receiver-window' },
    parameters: (draw) => ({
      rateKBps: draw.between(200, 2000),
      ms: draw.between(2000, 3500),
    }),
    async run(lab, { rateKBps, ms }) {
      lab.onLoopback()
      const { client, accepted } = await lab.pair({ reads: false })
      client.resume()
      accepted.on('data', ({ length }) => {
        accepted.pause()
        setTimeout(() => accepted.resume(), length / rateKBps)
      })
      await sendFor(client, ms)
      client.destroy()
    },
  },

  'loopback, application pauses': {
    truth: { limitedBy: 'application' },
    parameters: (draw) => ({
      chunkBytes: draw.between(10, 300) * KB,
      everyMs: draw.between(50, 300),
      ms: draw.between(2000, 3000),
    }),
    async run(lab, { chunkBytes, everyMs, ms }) {
      lab.onLoopback()
      const { client } = await lab.pair()
      client.resume()
      const until = performance.now() + ms
      while (performance.now() < until) {
        client.write(Buffer.alloc(chunkBytes))
        await wait(everyMs)
      }
      client.destroy()
    },
  },

  'loopback, we stop reading': {
    truth: { limitedBy: 'application' },
    parameters: (draw) => ({
      readsBytes: draw.between(0, 200) * KB,
      ms: draw.between(2000, 3000),
    }),
    async run(lab, { readsBytes, ms }) {
      lab.onLoopback()
      const { client, accepted } = await lab.pair()
      readUpTo(client, readsBytes)
      await sendFor(accepted, ms)
      client.destroy()
    },
  },

  'loopback, neither side reads': {
    truth: { limitedBy: 'unknown' },
    parameters: (draw) => ({ ms: draw.between(2000, 3000) }),
    async run(lab, { ms }) {
      lab.onLoopback()
      const { client, accepted } = await lab.pair({ reads: false })
      client.pause().write(Buffer.alloc(ENDLESS))
      accepted.pause().write(Buffer.alloc(ENDLESS))
      await wait(ms)
      client.destroy()
    },
  },

  'we close': {
    truth: { closedBy: 'us', closedHow: 'fin' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      // No sample would see what is over sooner.
      rttMs: draw.between(60, 150),
      bytes: draw.between(0, 4000),
    }),
    async run(lab, { rttMs, bytes }) {
      await overLink(lab, { rttMs })
      const { client, accepted } = await lab.pair()
      accepted.on('end', () => accepted.end())
      client.end(Buffer.alloc(bytes))
      await ended(client)
    },
  },

  'the peer closes': {
    truth: { closedBy: 'peer', closedHow: 'fin' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(4, 150),
      bytes: draw.between(0, 4000),
    }),
    async run(lab, { rttMs, bytes }) {
      await overLink(lab, { rttMs })
      const { client, accepted } = await lab.pair()
      client.write('request')
      client.resume()
      accepted.end(Buffer.alloc(bytes))
      await ended(client)
    },
  },

  'both close': {
    truth: { closedBy: 'both', closedHow: 'fin' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(150, 300),
    }),
    async run(lab, { rttMs }) {
      await overLink(lab, { rttMs })
      const { client, accepted } = await lab.pair()
      client.resume()
      client.end()
      accepted.end()
      await ended(client)
    },
  },

  'we destroy': {
    truth: { closedBy: 'us', closedHow: 'destroy' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 60),
      way: draw.one(['destroy', 'resetAndDestroy', 'own error']),
      unreadBytes: draw.one([0, 5000]),
    }),
    async run(lab, { rttMs, way, unreadBytes }) {
      await overLink(lab, { rttMs })
      const { client, accepted } = await lab.pair()
      accepted.write(Buffer.alloc(unreadBytes))
      await wait(100)
      if (way === 'own error') {
        // As libraries do when their own patience is at an end.
        const error = new Error('too slow')
        client.destroy(Object.assign(error, { code: 'ETIMEDOUT' }))
      } else {
        client[way]()
      }
      await ended(client)
    },
  },

  'the peer resets': {
    truth: { closedBy: 'peer', closedHow: 'rst' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 100),
      bytes: draw.between(0, 4000),
    }),
    async run(lab, { rttMs, bytes }) {
      await overLink(lab, { rttMs })
      const { client, accepted } = await lab.pair()
      client.write(Buffer.alloc(bytes))
      await wait(2 * rttMs)
      accepted.resetAndDestroy()
      await ended(client)
    },
  },

  'the peer closes, we write on': {
    truth: { closedBy: 'peer', closedHow: 'fin' },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 100),
    }),
    async run(lab, { rttMs }) {
      await overLink(lab, { rttMs })
      const { client, accepted } = await lab.pair({ allowHalfOpen: true })
      client.resume()
      accepted.destroy()
      const timer = setInterval(() => client.write('more'), 20)
      await ended(client)
      clearInterval(timer)
    },
  },

  'no answer': {
    truth: {
      limitedBy: 'timeouts',
      closedBy: 'network',
      closedHow: 'timeout',
    },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 60),
      bytes: draw.between(1, 100) * KB,
    }),
    async run(lab, { rttMs, bytes }) {
      sysctl('tcp_retries2', 2)
      await overLink(lab, { rttMs })
      const { client } = await lab.pair()
      await lab.link({ up: { blackhole: true }, down: { blackhole: true } })
      client.write(Buffer.alloc(bytes))
      await ended(client)
    },
  },

  refused: {
    truth: {
      limitedBy: 'handshake',
      closedBy: 'peer',
      closedHow: 'refused',
    },
    parameters: (draw) => ({
      control: draw.one(ANY_CONTROL),
      rttMs: draw.between(2, 200),
    }),
    async run(lab, { rttMs }) {
      await overLink(lab, { rttMs })
      await ended(lab.connect(9))
    },
  },

  'SYN unanswered': {
    truth: {
      limitedBy: 'handshake',
      closedBy: 'network',
      closedHow: 'timeout',
    },
    parameters: (draw) => ({ control: draw.one(ANY_CONTROL) }),
    async run(lab) {
      await lab.link({ up: { blackhole: true }, down: {} })
      await ended(lab.connect(9))
    },
  },

  unreachable: {
    truth: {
      limitedBy: 'handshake',
      closedBy: 'network',
      closedHow: 'unreachable',
    },
    parameters: (draw) => ({ control: draw.one(ANY_CONTROL) }),
    async run(lab) {
      await lab.link({ up: {}, down: {} })
      lab.onLoopback()
      lab.ip('route', 'add', 'unreachable', '192.0.2.0/24')
      await ended(lab.connect(9, { host: '192.0.2.1' }))
    },
  },
}
