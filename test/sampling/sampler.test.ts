import { AsyncLocalStorage } from 'node:async_hooks'
import { spawnSync } from 'node:child_process'
import { getEventListeners, once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Binding, binding } from '../../lib/binding.js'
import {
  connect,
  readTcpInfo,
  sample,
  type TcpInfoSample,
} from '../../lib/index.js'
import { Queue } from '../../lib/queue.js'
import { jsonOf, runNode, script } from '../support/child.js'
import { connected, echo, listen, openSockets, wait } from '../support/net.js'

const PROGRAM = script('sampling.mjs')

/** Keeps the event loop from doing anything else. */
function block(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

async function exchange(socket: net.Socket, bytes: number): Promise<void> {
  socket.write(Buffer.alloc(bytes))
  let left = bytes
  while (left > 0) left -= (await once(socket, 'data'))[0].length
}

/**
 * A port on which 127.0.0.1 does not answer, since its queue is full and nobody
 * accepts, and 127.0.0.2 does.
 */
async function silentAndLive(): Promise<[port: number, live: net.Server]> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const server = require('node:net').createServer()
     server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port)
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20_000)
     })`,
    { eval: true },
  )
  onTestFinished(() => void worker.terminate())
  const [port] = (await once(worker, 'message')) as [number]
  for (let i = 0; i < 4; i++) {
    const filler = net.connect(port, '127.0.0.1').on('error', () => {})
    onTestFinished(() => void filler.destroy())
  }
  const live = net.createServer().listen(port, '127.0.0.2')
  live.on('connection', (peer) => {
    onTestFinished(() => void peer.destroy())
  })
  onTestFinished(() => void live.close())
  await once(live, 'listening')
  return [port, live]
}

describe('a socket', () => {
  test('is read at the interval, each time with what has happened since', async () => {
    const socket = await connected(echo)
    const sampling = sample(socket, { intervalMs: 20, keep: 100 })
    const samples: TcpInfoSample[] = []
    sampling.on('sample', (each) => samples.push(each))
    await once(sampling, 'sample')
    for (let i = 0; i < 3; i++) {
      await exchange(socket, 1000)
      await once(sampling, 'sample')
    }
    const now = readTcpInfo(socket)
    const sum = samples.reduce(
      (bytes, { delta }) => bytes + (delta.counters.bytesReceived as number),
      0,
    )
    expect(sum).toBe(3000)
    expect(now.bytesReceived).toBe(3000)
    for (const { info, delta, socket: of } of samples.slice(1)) {
      expect(info.trigger).toBe('sample')
      expect(info.remotePort).toBe(socket.remotePort)
      expect(delta.durationMs).toBeGreaterThan(10)
      expect(of).toBe(socket)
    }
    expect(sampling.series(socket)).toEqual(samples)
    sampling.stop()
  })

  test('ends with its final record, and so does the sampling', async () => {
    const socket = await connected(echo)
    const sampling = sample(socket, { intervalMs: 10 })
    const samples: TcpInfoSample[] = []
    sampling.on('sample', (each) => samples.push(each))
    await once(sampling, 'sample')
    await exchange(socket, 500)
    socket.destroy()
    await once(sampling, 'end')
    expect(samples.at(-1)?.info.trigger).toBe('close')
    expect(samples.filter(({ info }) => info.trigger === 'close').length).toBe(
      1,
    )
    expect(samples.at(-1)?.info.bytesReceived).toBe(500)
    expect(sampling.size).toBe(0)
    expect(sampling.ended).toBe(true)
  })

  test('that connects later is read from then on', async () => {
    const port = await listen(echo)
    const socket = new net.Socket()
    onTestFinished(() => void socket.destroy())
    const sampling = sample(socket, { intervalMs: 10, keep: 10 })
    await wait(40)
    expect(sampling.series(socket)).toEqual([])
    socket.connect(port, '127.0.0.1')
    const [{ info }] = (await once(sampling, 'sample')) as [TcpInfoSample]
    expect(info.remotePort).toBe(port)
    sampling.stop()
  })

  test('that never has a connection is dropped when it closes', async () => {
    const socket = connect({ host: 'name.invalid', port: 1 })
    socket.on('error', () => {})
    const sampling = sample(socket, { intervalMs: 10 })
    const onSample = vi.fn()
    sampling.on('sample', onSample)
    await once(sampling, 'end')
    expect(onSample).not.toHaveBeenCalled()
  })

  test('that was closed before is dropped, too', async () => {
    const socket = await connected(echo)
    socket.destroy()
    await once(socket, 'close')
    const sampling = sample(socket, { intervalMs: 5, keep: 1 })
    expect(sampling.size).toBe(1)
    await once(sampling, 'end')
    expect(sampling.series(socket)).toEqual([])
  })

  test('of TLS is read as the connection under it', async () => {
    const port = await listen()
    const socket = tls.connect({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    onTestFinished(() => void socket.destroy())
    const sampling = sample(socket, { intervalMs: 10 })
    const [{ info, socket: of }] = (await once(sampling, 'sample')) as [
      TcpInfoSample,
    ]
    expect(of).toBe(socket)
    expect(info.state).toBe('ESTABLISHED')
    sampling.stop()
  })

  test('is read so many times at most', async () => {
    const socket = await connected(echo)
    const sampling = sample(socket, { intervalMs: 5, maxSamples: 3, keep: 9 })
    await once(sampling, 'end')
    expect(sampling.series(socket).length).toBe(3)
    expect(socket.destroyed).toBe(false)
  })

  test('has as many for somebody who comes later', async () => {
    const [socket, clock] = [await connected(echo), await connected(echo)]
    const sampling = sample(socket, { intervalMs: 5, maxSamples: 3 })
    // Of the same interval: by then the other one was read more than three times.
    await once(sample(clock, { intervalMs: 5, maxSamples: 9, keep: 1 }), 'end')
    expect(sampling.ended).toBe(false)
    let samples = 0
    sampling.on('sample', () => samples++)
    await once(sampling, 'end')
    expect(samples).toBe(3)
  })

  test('keeps only its newest samples', async () => {
    const socket = await connected(echo)
    const sampling = sample(socket, { intervalMs: 2, maxSamples: 6, keep: 2 })
    const samples: TcpInfoSample[] = []
    sampling.on('sample', (each) => samples.push(each))
    await once(sampling, 'end')
    expect(sampling.series(socket)).toEqual(samples.slice(-2))
  })

  test('has samples that still say the same when others were taken', async () => {
    const sockets = [await connected(echo), await connected(echo)]
    const [one, other] = sockets as [net.Socket, net.Socket]
    await exchange(one, 1000)
    await exchange(other, 2000)
    const sampling = sample(sockets, { intervalMs: 5, maxSamples: 3, keep: 3 })
    await once(sampling, 'end')
    const samples = [...sampling.series(one), ...sampling.series(other)]
    const read = samples.map(({ info }) => info)
    // Not asked for before: each has the bytes of its own read.
    const raw = read.map((info) => Number(info.raw.tcpi_bytes_sent))
    expect(raw).toEqual([1000, 1000, 1000, 2000, 2000, 2000])
    expect(read.map(({ bytesSent }) => bytesSent)).toEqual(raw)
  })

  test('is not kept by the samples of others', async () => {
    const nodeOptions = ['--expose-gc']
    expect(await jsonOf(runNode([PROGRAM, 'others'], { nodeOptions }))).toEqual(
      { samples: 1, isKept: false },
    )
  })

  test('that was removed is left alone', async () => {
    const [one, other] = [await connected(echo), await connected(echo)]
    const sampling = sample([one, other], { intervalMs: 5 })
    await once(sampling, 'sample')
    sampling.remove(one)
    const seen = new Set<net.Socket>()
    sampling.on('sample', ({ socket }) => seen.add(socket))
    one.destroy()
    await once(one, 'close')
    await once(sampling, 'sample')
    expect(seen).toEqual(new Set([other]))
    sampling.stop()
  })

  test.each(['remove', 'stop'] as const)(
    'that was closed just before %s() is left alone, too',
    async (method) => {
      const socket = await connected(echo)
      const sampling = sample(socket, { intervalMs: 5 })
      await once(sampling, 'sample')
      const onSample = vi.fn()
      sampling.on('sample', onSample)
      socket.destroy()
      sampling[method](socket)
      await wait(30)
      expect(onSample).not.toHaveBeenCalled()
    },
  )

  test('that a listener of another one removes has no sample any more', async () => {
    const sockets = [await connected(echo), await connected(echo)]
    const [one, other] = sockets as [net.Socket, net.Socket]
    const sampling = sample(sockets, { intervalMs: 5 })
    const seen: net.Socket[] = []
    sampling.on('sample', ({ socket }) => {
      seen.push(socket)
      sampling.remove(other)
    })
    await once(sampling, 'sample')
    await once(sampling, 'sample')
    expect(seen).toEqual([one, one])
    sampling.stop()
  })

  test('that is added again by a listener of its last sample goes on', async () => {
    const port = await listen(echo)
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const sampling = sample(socket, { intervalMs: 5 })
    const triggers: string[] = []
    sampling.on('sample', ({ info }) => {
      triggers.push(info.trigger)
      if (info.trigger === 'close') {
        socket.connect(port, '127.0.0.1')
        sampling.add(socket)
      } else if (triggers.length === 1) {
        socket.destroy()
      }
    })
    await vi.waitFor(() =>
      expect(triggers.slice(0, 3)).toEqual(['sample', 'close', 'sample']),
    )
    sampling.stop()
    socket.destroy()
  })

  test('that a listener takes out and in again goes on', async () => {
    const socket = await connected(echo)
    const options = { intervalMs: 5, maxSamples: 1, keepOpen: true }
    const sampling = sample(socket, options)
    let samples = 0
    sampling.on('sample', () => {
      samples++
      if (samples < 3) sampling.remove(socket)
      if (samples < 3) sampling.add(socket)
    })
    await vi.waitFor(() => expect(samples).toBe(3))
    expect(sampling.size).toBe(0)
    sampling.stop()
  })

  test('that a listener closes at the limit has no final sample', async () => {
    const socket = await connected(echo)
    const sampling = sample(socket, { intervalMs: 5, maxSamples: 1, keep: 9 })
    sampling.on('sample', () => socket.destroy())
    await once(socket, 'close')
    await wait(10)
    expect(sampling.series(socket).length).toBe(1)
    expect(sampling.ended).toBe(true)
  })

  describe('whose next address has a connection of its own', () => {
    async function connectToTwo(): Promise<[net.Socket, net.Server]> {
      const [port, live] = await silentAndLive()
      const addresses = ['127.0.0.1', '127.0.0.2']
      const socket = net.connect({
        port,
        host: 'two.addresses',
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: 100,
        lookup: (_host, _options, answer) =>
          setImmediate(
            answer,
            null,
            addresses.map((address) => ({ address, family: 4 })),
          ),
      })
      onTestFinished(() => void socket.destroy())
      return [socket, live]
    }

    function expectFromBeginning({ info, delta }: TcpInfoSample): void {
      expect(info.remoteAddress).toBe('127.0.0.2')
      expect(delta.counters.segmentsOut).toBe(info.segmentsOut)
      // Linux does not tell how old a connection is.
      expect(delta.durationMs).toBeUndefined()
    }

    test('begins anew', async () => {
      const [socket, live] = await connectToTwo()
      const sampling = sample(socket, { intervalMs: 10, keep: 100 })
      await once(live, 'connection')
      await once(sampling, 'sample')
      sampling.stop()
      const samples = sampling.series(socket)
      const addresses = samples.map(({ info }) => info.remoteAddress)
      const at = addresses.indexOf('127.0.0.2')
      expect(addresses[0]).toBe('127.0.0.1')
      expect(at).toBeGreaterThan(0)
      expectFromBeginning(samples[at] as TcpInfoSample)
      for (const [i, { delta }] of samples.entries()) {
        if (i > 0 && i !== at) expect(delta.durationMs).toBeGreaterThan(0)
      }
    })

    test('and is closed before its first sample has the final one', async () => {
      const [socket] = await connectToTwo()
      await once(socket, 'connectionAttempt')
      // The first sample soon, and no second one.
      const stub = vi.spyOn(Math, 'random').mockReturnValueOnce(0)
      onTestFinished(() => stub.mockRestore())
      stub.mockReturnValue(0.5)
      const options = { intervalMs: 20_000, jitter: 1, keep: 9 }
      const sampling = sample(socket, options)
      socket.once('connect', () => socket.destroy())
      await once(sampling, 'end')
      const [first, final, ...others] = sampling.series(socket)
      expect(others).toEqual([])
      expect(first?.info.remoteAddress).toBe('127.0.0.1')
      expect(final?.info.trigger).toBe('close')
      expectFromBeginning(final as TcpInfoSample)
    })
  })
})

describe('many sockets', () => {
  test('are all read, each as itself', async () => {
    const port = await listen(echo)
    const sockets = await Promise.all(
      Array.from({ length: 150 }, async () => {
        const socket = net.connect(port, '127.0.0.1')
        onTestFinished(() => void socket.destroy())
        await once(socket, 'connect')
        return socket
      }),
    )
    const sampling = sample(new Set(sockets), { intervalMs: 10, keep: 1 })
    await Promise.all(
      sockets.map((socket, i) => exchange(socket, 10 * (i + 1))),
    )
    const descriptors = openSockets()
    await vi.waitFor(() => {
      for (const [i, socket] of sockets.entries()) {
        const [newest] = sampling.series(socket)
        expect(newest?.info.bytesReceived).toBe(10 * (i + 1))
        expect(newest?.info.localPort).toBe(socket.localPort)
      }
    })
    expect(openSockets()).toBe(descriptors)
    sampling.stop()
  })

  test('have no samples of a call that was refused, and then some', async () => {
    const [one, other] = [await connected(echo), await connected(echo)]
    const first = sample(one, { intervalMs: 5, maxSamples: 1, keep: 1 })
    await once(first, 'end')
    // A mock: nothing is known that makes the addon refuse what it is given.
    const calls = vi.spyOn(binding as Binding, 'readMany')
    onTestFinished(() => calls.mockRestore())
    calls.mockReturnValue(-22)
    const sampling = sample(other, { intervalMs: 5, keep: 9 })
    await vi.waitFor(() => expect(calls.mock.calls.length).toBeGreaterThan(2))
    expect(sampling.series(other)).toEqual([])
    calls.mockRestore()
    const [{ info }] = (await once(sampling, 'sample')) as [TcpInfoSample]
    expect(info.localPort).toBe(other.localPort)
    sampling.stop()
  })

  test('of several samplings share the timer', async () => {
    const socket = await connected(echo)
    const quick = sample(socket, { intervalMs: 5 })
    const slow = sample(socket, { intervalMs: 60 })
    const times = { quick: [] as number[], slow: [] as number[] }
    quick.on('sample', ({ atMs }) => times.quick.push(atMs))
    slow.on('sample', ({ atMs }) => times.slow.push(atMs))
    await vi.waitFor(
      () => {
        expect(times.slow.length).toBeGreaterThanOrEqual(3)
        expect(times.quick.length).toBeGreaterThan(3 * times.slow.length)
      },
      { timeout: 10_000 },
    )
    for (const [i, atMs] of times.slow.slice(1).entries()) {
      // One that is due within 1 ms is read with the others.
      expect(atMs - (times.slow[i] as number)).toBeGreaterThanOrEqual(59)
    }
    quick.stop()
    slow.stop()
  })

  test('may come later, if it is kept open', async () => {
    const sampling = sample([], { intervalMs: 5, keepOpen: true })
    const first = await connected(echo)
    sampling.add(first)
    await once(sampling, 'sample')
    first.destroy()
    await vi.waitFor(() => expect(sampling.size).toBe(0))
    expect(sampling.ended).toBe(false)
    // Nor does it wait for anything meanwhile.
    const { dueMs } = sampling
    await wait(20)
    expect(sampling.dueMs).toBe(dueMs)
    sampling.add(await connected(echo))
    await once(sampling, 'sample')
    sampling.stop()
    await once(sampling, 'end')
  })

  test('whose getters throw do not harm the others', async () => {
    let isBad = false
    const bad = new net.Socket()
    Object.defineProperty(bad, 'destroyed', {
      get() {
        if (isBad) throw new Error('of a getter')
        return false
      },
    })
    const good = await connected(echo)
    const sampling = sample([bad, good], { intervalMs: 5 })
    isBad = true
    for (let i = 0; i < 3; i++) {
      const [{ socket }] = (await once(sampling, 'sample')) as [TcpInfoSample]
      expect(socket).toBe(good)
    }
    isBad = false
    sampling.stop()
  })

  test('none at all: it ends', async () => {
    await once(sample([]), 'end')
  })
})

describe('an iterator', () => {
  test('gives every sample up to the final one', async () => {
    const socket = await connected(echo)
    const triggers: string[] = []
    for await (const { info } of sample(socket, { intervalMs: 10 })) {
      triggers.push(info.trigger)
      if (triggers.length === 3) socket.destroy()
    }
    expect(triggers).toEqual(['sample', 'sample', 'sample', 'close'])
  })

  test('that is left stops the sampling', async () => {
    const socket = await connected(echo)
    const sampling = sample(socket, { intervalMs: 5 })
    for await (const _ of sampling) break
    expect(sampling.ended).toBe(true)
  })

  test('that is left does not stop one that is kept open', async () => {
    const socket = await connected(echo)
    const sampling = sample(socket, { intervalMs: 5, keepOpen: true })
    for await (const _ of sampling) break
    expect(sampling.ended).toBe(false)
    await once(sampling, 'sample')
    sampling.stop()
  })

  test('who lags behind loses what is too much, which is counted', async () => {
    const port = await listen(echo)
    const sockets = await Promise.all(
      Array.from({ length: 400 }, async () => {
        const socket = net.connect(port, '127.0.0.1')
        onTestFinished(() => void socket.destroy())
        await once(socket, 'connect')
        return socket
      }),
    )
    let given = 0
    const sampling = sample(sockets, { intervalMs: 1, maxSamples: 170 })
    sampling.on('sample', () => given++)
    const samples = sampling[Symbol.asyncIterator]()
    await once(sampling, 'end')
    expect(given).toBe(400 * 170)
    expect(sampling.dropped).toBe(given - 65_536)
    let taken = 0
    while (!(await samples.next()).done) taken++
    expect(taken).toBe(65_536)
  })

  test('who lags behind pays no more for each', async () => {
    /** So many items, a number of them waiting at a time. @unit µs of CPU */
    async function costOf(items: number, waiting: number): Promise<number> {
      const queue = new Queue<number>(() => {})
      const before = process.cpuUsage()
      for (let i = 0; i < items; i += waiting) {
        for (let j = 0; j < waiting; j++) queue.push(j)
        for (let j = 0; j < waiting; j++) await queue.next()
      }
      const { user, system } = process.cpuUsage(before)
      return user + system
    }
    await costOf(65_536, 64)
    const few = await costOf(65_536, 64)
    // With Array.shift it is a hundred times as much.
    expect(await costOf(65_536, 65_536)).toBeLessThan(10 * few)
  })

  test('of a sampling that ended is at its end', async () => {
    const sampling = sample(await connected(echo))
    sampling.stop()
    for await (const _ of sampling) throw new Error('a sample')
  })
})

describe('time', () => {
  test('that the event loop was busy is counted, not hidden', async () => {
    const socket = await connected(echo)
    const sampling = sample(socket, { intervalMs: 10, keep: 50 })
    const [before] = (await once(sampling, 'sample')) as [TcpInfoSample]
    block(105)
    const [after] = (await once(sampling, 'sample')) as [TcpInfoSample]
    expect(after.skipped).toBeGreaterThanOrEqual(9)
    expect(after.skipped).toBe(
      Math.floor((after.atMs - (before.atMs + 10)) / 10),
    )
    await once(sampling, 'sample')
    sampling.stop()
    const each = sampling.series(socket).map(({ skipped }) => skipped)
    expect(each.reduce((sum, skipped) => sum + skipped)).toBe(sampling.skipped)
  })

  test('before a socket was added is not counted as left out', async () => {
    const [one, other] = [await connected(echo), await connected(echo)]
    const sampling = sample(one, { intervalMs: 10, keep: 1000 })
    await once(sampling, 'sample')
    block(105)
    const addedMs = performance.now()
    sampling.add(other)
    await vi.waitFor(() => expect(sampling.series(other)).not.toEqual([]))
    const [first] = sampling.series(other) as [TcpInfoSample]
    expect(first.skipped).toBeLessThanOrEqual((first.atMs - addedMs) / 10)
    expect(sampling.skipped).toBeGreaterThanOrEqual(9)
    sampling.stop()
  })

  test.each([
    [0, 5],
    [0.5, 50],
    [1, 95],
  ])('varies by the jitter: %d', async (random, expected) => {
    const stub = vi.spyOn(Math, 'random').mockReturnValue(random)
    onTestFinished(() => stub.mockRestore())
    const socket = await connected(echo)
    const began = performance.now()
    const sampling = sample(socket, { intervalMs: 50, jitter: 0.9 })
    const made = performance.now()
    const { dueMs } = sampling
    sampling.stop()
    // (Sums of doubles.)
    expect(dueMs).toBeGreaterThanOrEqual(began + expected - 0.001)
    expect(dueMs).toBeLessThanOrEqual(made + expected + 0.001)
  })

  test('ends with a signal', async () => {
    const controller = new AbortController()
    const socket = await connected(echo)
    const { signal } = controller
    const stopped = sample(socket, { signal })
    const sampling = sample(socket, { signal })
    stopped.stop()
    expect(getEventListeners(signal, 'abort').length).toBe(1)
    controller.abort()
    expect(sampling.ended).toBe(true)
    expect(sample(socket, { signal }).ended).toBe(true)
    expect(getEventListeners(signal, 'abort').length).toBe(0)
  })

  // Node 20 warns of more than ten.
  test('puts one listener on a signal, however many it stops', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const samplings = Array.from({ length: 12 }, () =>
      sample([], { signal, keepOpen: true }),
    )
    expect(getEventListeners(signal, 'abort').length).toBe(1)
    controller.abort()
    expect(samplings.every(({ ended }) => ended)).toBe(true)
  })
})

describe('the program', () => {
  test('keeps its own async context', async () => {
    const storage = new AsyncLocalStorage<string>()
    const sockets = [await connected(echo), await connected(echo)]
    const seen: unknown[] = []
    const samplings = ['a', 'b'].map((name, i) =>
      storage.run(name, () =>
        sample(sockets[i] as net.Socket, { intervalMs: 10 }),
      ),
    )
    await Promise.all(
      samplings.map(async (sampling, i) => {
        await new Promise<void>((resolve) =>
          sampling.once('sample', () => {
            seen[i] = storage.getStore()
            resolve()
          }),
        )
        sampling.stop()
      }),
    )
    expect(seen).toEqual(['a', 'b'])
  })

  test('is not kept alive', async () => {
    const finished = await runNode([PROGRAM, 'alive'])
    expect(finished).toMatchObject({ code: 0, stderr: '' })
  })

  test('sees what its listener throws, and the others get their samples', async () => {
    const finished = await runNode([PROGRAM, 'throws'])
    expect(finished).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(finished.stdout)).toEqual({ caught: 3, samples: 3 })
  })

  test.each([
    ['of a sampling that ended', 'context'],
    ['that the package was loaded in', 'loaded'],
  ])('is given back the context %s', async (_, run) => {
    const nodeOptions = ['--expose-gc']
    expect(await jsonOf(runNode([PROGRAM, run], { nodeOptions }))).toEqual({
      isKept: false,
    })
  })

  test('may replace the timers', async () => {
    expect(await jsonOf(runNode([PROGRAM, 'timers']))).toEqual({ samples: 3 })
  })

  test.skipIf(process.platform === 'win32')(
    'may have no descriptor left at the first sample',
    () => {
      const limit = 'ulimit -n 100 && exec "$0" "$@"'
      const { stdout, stderr } = spawnSync(
        'sh',
        ['-c', limit, process.execPath, PROGRAM, 'descriptors'],
        { encoding: 'utf8' },
      )
      expect(stderr).toBe('')
      const { structBytes, first, second } = JSON.parse(stdout)
      expect(first).toBe(structBytes)
      expect(second).toBe(structBytes)
    },
  )

  test('gets an error for a socket that takes no properties', async () => {
    const socket = await connected(echo)
    Object.preventExtensions(socket)
    expect(() => sample(socket)).toThrowError(
      expect.objectContaining({
        name: 'TcpInfoError',
        code: 'ERR_TCP_INFO_ARGUMENT',
      }),
    )
  })

  test('gets an error for no socket even when it is too late', async () => {
    const socket = await connected(echo)
    const sampling = sample([])
    expect(sampling.add(socket)).toBe(sampling)
    expect(sampling.size).toBe(0)
    expect(() => sampling.add(5 as never)).toThrowError(
      expect.objectContaining({ code: 'ERR_TCP_INFO_NOT_TCP' }),
    )
  })

  test.each([
    ['no socket', [{}], 'ERR_TCP_INFO_NOT_TCP'],
    ['nothing', [undefined], 'ERR_TCP_INFO_NOT_TCP'],
    ['one that is none', [[new net.Socket(), 7]], 'ERR_TCP_INFO_NOT_TCP'],
    ['interval', [[], { intervalMs: 0 }], 'ERR_TCP_INFO_ARGUMENT'],
    ['interval', [[], { intervalMs: '9' }], 'ERR_TCP_INFO_ARGUMENT'],
    ['interval', [[], { intervalMs: 2 ** 31 }], 'ERR_TCP_INFO_ARGUMENT'],
    ['jitter', [[], { jitter: 1.1 }], 'ERR_TCP_INFO_ARGUMENT'],
    ['jitter', [[], { jitter: Number.NaN }], 'ERR_TCP_INFO_ARGUMENT'],
    ['limit', [[], { maxSamples: 0 }], 'ERR_TCP_INFO_ARGUMENT'],
    ['limit', [[], { maxSamples: 1.5 }], 'ERR_TCP_INFO_ARGUMENT'],
    ['history', [[], { keep: -1 }], 'ERR_TCP_INFO_ARGUMENT'],
    ['history', [[], { keep: 0.5 }], 'ERR_TCP_INFO_ARGUMENT'],
    ['history', [[], { keep: Number.NaN }], 'ERR_TCP_INFO_ARGUMENT'],
    ['history', [[], { keep: '5' }], 'ERR_TCP_INFO_ARGUMENT'],
    ['signal', [[], { signal: 5 }], 'ERR_TCP_INFO_ARGUMENT'],
    ['signal', [[], { signal: { aborted: false } }], 'ERR_TCP_INFO_ARGUMENT'],
    [
      'signal',
      [[], { signal: { aborted: false, addEventListener() {} } }],
      'ERR_TCP_INFO_ARGUMENT',
    ],
    ['options', [[], null], 'ERR_TCP_INFO_ARGUMENT'],
  ])('gets an error for a wrong argument: %s', (_, args, code) => {
    expect(() => sample(...(args as Parameters<typeof sample>))).toThrowError(
      expect.objectContaining({ name: 'TcpInfoError', code }),
    )
  })
})
