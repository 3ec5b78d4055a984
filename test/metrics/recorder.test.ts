import { fork } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import {
  afterAll,
  beforeAll,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest'
import {
  connect,
  instrument,
  readTcpInfo,
  type TcpInfo,
  type TcpInfoMessage,
  TcpInfoSocket,
} from '../../lib/index.js'
import {
  type Add,
  Recorder,
  type TcpMetricsOptions,
} from '../../lib/metrics/recorder.js'
import { RECORD_COUNTERS } from '../../lib/metrics/table.js'

let server: net.Server
let port: number
const accepted = new Set<net.Socket>()

beforeAll(async () => {
  // An echo that ends when the client does.
  server = net.createServer((socket) => {
    accepted.add(socket)
    socket.on('error', () => {}).on('close', () => accepted.delete(socket))
    socket.pipe(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  port = (server.address() as net.AddressInfo).port
})

afterAll(() => void server.close())

/** What was added, by metric and labels. */
function record(options: TcpMetricsOptions = {}, spoil?: Add) {
  const sums = new Map<string, number>()
  const counts = new Map<string, number>()
  const recorder = new Recorder(options, (metric, value, labels, errorType) => {
    spoil?.(metric, value, labels, errorType)
    const words = [metric.name, ...Object.values(labels)]
    const key = [...words, errorType].join(' ').trim()
    sums.set(key, (sums.get(key) ?? 0) + value)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  })
  recorder.start()
  onTestFinished(() => recorder.stop())
  const open = () => [...recorder.labelSets].map(({ open }) => open)
  return { recorder, sums, counts, open }
}

async function exchange(socket: net.Socket, bytes: number): Promise<void> {
  let left = bytes
  const done = new Promise<void>((resolve) => {
    socket.on('data', function count(chunk) {
      left -= chunk.length
      if (left > 0) return
      socket.off('data', count)
      resolve()
    })
  })
  socket.write(Buffer.alloc(bytes))
  await done
}

async function end(socket: net.Socket): Promise<void> {
  const closed = once(socket, 'close')
  socket.resume().end()
  await closed
}

async function open(): Promise<net.Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

/** Once, or the next test's would be taken for this one's. */
function warnings(): Promise<Error> {
  return new Promise((resolve) => process.once('warning', resolve))
}

describe('the error that a connection ended with', () => {
  test.each([
    ['UND_ERR_INFO', 'connections_closed'],
    ['ECONNRESET', 'connections_closed ECONNRESET'],
    ['ERR_MY_OWN', 'connections_closed _OTHER'],
  ])('%s', async (code, key) => {
    const { sums } = record()
    const socket = await open()
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.destroy(Object.assign(new Error('no more'), { code }))
    await closed
    const counted = [...sums.keys()].filter((each) => each.includes('_closed'))
    expect(counted).toEqual([key])
  })
})

describe('increments', () => {
  test('are each counted once, whenever somebody asks', async () => {
    const final: TcpInfoMessage[] = []
    const keep = (message: unknown) =>
      void final.push(message as TcpInfoMessage)
    subscribe('tcpinfo-socket:capture', keep)
    onTestFinished(() => void unsubscribe('tcpinfo-socket:capture', keep))
    const { recorder, sums, open: openNow } = record()

    const sockets = await Promise.all(Array.from({ length: 20 }, open))
    await Promise.all(
      sockets.map(async (socket, i) => {
        for (let round = 0; round < i; round += 1) {
          await exchange(socket, 1 + i * 500)
          if (round % 3 === 0) recorder.refresh()
        }
        if (i % 4 === 0) instrument(socket).captureTcpInfo()
        await end(socket)
        recorder.refresh()
      }),
    )
    expect(openNow()).toEqual([0])
    expect(sums.get('connections_created')).toBe(20)
    expect(sums.get('connections_closed')).toBe(20)
    const last = final.filter(({ info }) => info.trigger === 'close')
    expect(last).toHaveLength(20)
    for (const { name, of, times = 1 } of RECORD_COUNTERS) {
      const values = last.flatMap(({ info }) => info[of] ?? [])
      if (values.length === 0) {
        expect(sums.has(name)).toBe(false)
      } else {
        const total = values.reduce((sum, value) => sum + value, 0)
        expect(sums.get(name)).toBeCloseTo(total * times)
      }
    }
    expect(sums.get('bytes_sent')).toBeGreaterThan(500_000)
  })

  test('when somebody asks between the close and its record', async () => {
    const { recorder, sums, open: openNow } = record()
    const socket = await open()
    await exchange(socket, 1000)
    recorder.refresh()
    socket.destroy()
    recorder.refresh()
    await once(socket, 'close')
    expect(sums.get('connections_created')).toBe(1)
    expect(sums.get('connections_closed')).toBe(1)
    expect(sums.get('bytes_sent')).toBe(1000)
    expect(openNow()).toEqual([0])
  })

  test('of a socket that connects again', async () => {
    const { recorder, sums, open: openNow } = record()
    const socket = new TcpInfoSocket()
    for (let round = 1; round <= 3; round += 1) {
      socket.connect(port, '127.0.0.1')
      await once(socket, 'connect')
      await exchange(socket, 1000)
      recorder.refresh()
      expect(openNow()).toEqual([1])
      expect(sums.get('bytes_sent')).toBe(round * 1000)
      await end(socket)
    }
    expect(sums.get('connections_created')).toBe(3)
    expect(sums.get('connections_closed')).toBe(3)
    expect(openNow()).toEqual([0])
  })

  test('of one that was open before: from its beginning', async () => {
    const socket = net.connect(port, '127.0.0.1')
    await once(socket, 'connect')
    await exchange(socket, 1000)
    const { recorder, sums } = record()
    recorder.observe(socket)
    recorder.refresh()
    recorder.observe(socket)
    recorder.refresh()
    expect(sums.get('bytes_sent')).toBe(1000)
    await exchange(socket, 500)
    await end(socket)
    expect(sums.get('bytes_sent')).toBe(1500)
    expect(sums.get('connections_created')).toBe(1)
    expect(() => recorder.observe({} as net.Socket)).toThrow(
      expect.objectContaining({ code: 'ERR_TCP_INFO_NOT_TCP' }),
    )
  })

  test('or, when nobody told of it, at its close', async () => {
    const socket = await open()
    await exchange(socket, 1000)
    const { recorder, sums } = record()
    recorder.refresh()
    expect(sums.size).toBe(0)
    await end(socket)
    expect(sums.get('bytes_sent')).toBe(1000)
    expect(sums.get('connections_created')).toBe(1)
  })

  test('of attempts: failures, and no connections', async () => {
    const { sums, counts, open: openNow } = record()
    const socket = connect(1, '127.0.0.1').on('error', () => {})
    await new Promise((resolve) => socket.once('close', resolve))
    expect(sums.get('connection_failures ECONNREFUSED')).toBe(1)
    expect(sums.get('segments_sent')).toBeGreaterThanOrEqual(1)
    expect(sums.has('connections_created')).toBe(false)
    expect(counts.has('rtt')).toBe(false)
    expect(openNow()).toEqual([0])
  })

  test('of pipes: none', async () => {
    const file = path.join(tmpdir(), `metrics-${process.pid}.sock`)
    const pipes = net.createServer((socket) => void socket.end())
    await once(pipes.listen(file), 'listening')
    const { recorder, sums } = record()
    const socket = instrument(net.connect(file))
    await once(socket, 'connect')
    recorder.refresh()
    await end(socket)
    expect(sums.size).toBe(0)
    pipes.close()
  })

  test('of a socket that went to another process: until then', async () => {
    const { recorder, sums, open: openNow } = record()
    const child = fork('-e', ['process.on("message", () => {})'], {
      execArgv: [],
      stdio: 'inherit',
      execPath: process.execPath,
    })
    onTestFinished(() => void child.kill())
    const socket = await open()
    await exchange(socket, 1000)
    recorder.refresh()
    expect(openNow()).toEqual([1])
    await new Promise((resolve) => child.send('socket', socket, resolve))
    await vi.waitFor(() => {
      recorder.refresh()
      expect(openNow()).toEqual([0])
    })
    expect(sums.get('bytes_sent')).toBe(1000)
  })
})

describe('histograms', () => {
  test('once at the close', async () => {
    const { recorder, counts } = record()
    const socket = await open()
    await exchange(socket, 1000)
    recorder.refresh()
    recorder.refresh()
    expect(counts.has('rtt')).toBe(false)
    expect(counts.get('connect_duration')).toBe(1)
    await end(socket)
    expect(counts.get('rtt')).toBe(1)
    expect(counts.get('retransmit_ratio')).toBe(1)
    expect(counts.get('connection_duration')).toBe(1)
    expect(counts.get('connect_duration')).toBe(1)
  })

  test('and when so much time has passed, some also while it is open', async () => {
    const { recorder, counts } = record({ sampleIntervalMs: 40 })
    const socket = await open()
    await exchange(socket, 1000)
    await new Promise((done) => setTimeout(done, 50))
    recorder.refresh()
    recorder.refresh()
    expect(counts.get('rtt')).toBe(1)
    expect(counts.has('retransmit_ratio')).toBe(false)
    await end(socket)
    expect(counts.get('rtt')).toBe(2)
  })

  test('in seconds', async () => {
    const { sums } = record()
    const socket = await open()
    await new Promise((done) => setTimeout(done, 200))
    await end(socket)
    expect(sums.get('connection_duration')).toBeGreaterThan(0.19)
    expect(sums.get('connection_duration')).toBeLessThan(5)
    expect(sums.get('connect_duration')).toBeLessThan(0.2)
    expect(sums.get('rtt')).toBeLessThan(0.2)
  })
})

describe('labels', () => {
  test('are asked once for each connection', async () => {
    let asked = 0
    const remote_port = ({
      remotePort,
    }: {
      remotePort: number | undefined
    }) => {
      asked += 1
      return remotePort
    }
    const none = () => undefined
    const { recorder, sums } = record({ labels: { remote_port, none } })
    const socket = await open()
    recorder.refresh()
    await exchange(socket, 1000)
    recorder.refresh()
    await end(socket)
    expect(asked).toBe(1)
    expect(sums.get(`bytes_sent ${port}`)).toBe(1000)
    expect([...recorder.labelSets]).toEqual([
      { labels: { remote_port: String(port) }, open: 0 },
    ])
  })

  test('are asked with a record as readTcpInfo() gives one', async () => {
    const asked: [TcpInfo, net.Socket][] = []
    const label = (...args: [TcpInfo, net.Socket]) => {
      asked.push(args)
      return 'one'
    }
    const { recorder } = record({ labels: { label } })
    const socket = await open()
    recorder.refresh()
    const own = readTcpInfo(socket)
    expect(own.connectDurationMs).toBeGreaterThan(0)
    const [[info, of]] = asked as [[TcpInfo, net.Socket]]
    expect(of).toBe(socket)
    expect(info.trigger).toBe('demand')
    expect(info.connectDurationMs).toBe(own.connectDurationMs)
    await end(socket)
  })

  test('more than so many are "other", which is counted', async () => {
    const labels = {
      local: ({ localPort }: { localPort?: number | undefined }) => localPort,
    }
    const {
      recorder,
      sums,
      open: openNow,
    } = record({ labels, maxLabelSets: 2 })
    const sockets = await Promise.all(Array.from({ length: 5 }, open))
    recorder.refresh()
    expect(openNow()).toEqual([1, 1, 3])
    await Promise.all(sockets.map(end))
    expect(sums.get('connections_created other')).toBe(3)
    expect(sums.get('label_overflows')).toBe(3)
    expect(openNow()).toEqual([0, 0, 0])
  })

  test('that are alike are one set, however they came about', async () => {
    const answers = ['one', undefined, 'throw', 'other', 'two', 'one']
    const mine = () => {
      const answer = answers.shift()
      if (answer === 'throw') throw new Error('my own')
      return answer
    }
    const { recorder, sums } = record({ labels: { mine }, maxLabelSets: 3 })
    const sockets = []
    for (const _ of [...answers]) {
      sockets.push(await open())
      recorder.refresh()
    }
    // The third set of labels is "other" itself; what is too much joins it.
    expect([...recorder.labelSets]).toEqual([
      { labels: { mine: 'one' }, open: 2 },
      { labels: {}, open: 2 },
      { labels: { mine: 'other' }, open: 2 },
    ])
    expect(sums.get('label_overflows')).toBe(1)
    await Promise.all(sockets.map(end))
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('my own')
      },
      'my own',
    ],
    ['gives an object', () => ({}), 'returned object'],
    [
      'throws what is no text',
      () => {
        throw Object.create(null)
      },
      undefined,
    ],
  ])('a function that %s harms nobody', async (_what, label, said) => {
    const warned = warnings()
    const labels = { mine: label as () => string }
    const { recorder, sums } = record({ labels })
    const sockets = await Promise.all(Array.from({ length: 3 }, open))
    recorder.refresh()
    await Promise.all(sockets.map((socket) => exchange(socket, 1000)))
    await Promise.all(sockets.map(end))
    expect(sums.get('bytes_sent')).toBe(3000)
    expect(sums.get('label_errors')).toBe(3)
    if (said) expect((await warned).message).toContain(said)
  })
})

test('what fails beyond it harms nobody', async () => {
  const warned = warnings()
  const { recorder } = record({}, () => {
    throw new Error('broken exporter')
  })
  const socket = await open()
  recorder.refresh()
  await exchange(socket, 1000)
  await end(socket)
  expect((await warned).message).toContain('broken exporter')
  await turn()
})

test('stop() ends it', async () => {
  const { recorder, sums } = record()
  recorder.stop()
  await end(await open())
  recorder.refresh()
  expect(sums.size).toBe(0)
})

test('nothing is kept of a socket that comes after stop()', async () => {
  const { recorder, sums } = record()
  recorder.stop()
  const socket = await open()
  recorder.observe(socket)
  recorder.refresh()
  await end(socket)
  expect(sums.size).toBe(0)
  expect(() => recorder.observe({} as net.Socket)).toThrow(
    expect.objectContaining({ code: 'ERR_TCP_INFO_NOT_TCP' }),
  )
})

test('options that are none', () => {
  const make = (options: object) => () => new Recorder(options, () => {})
  const label = () => 'a'
  for (const options of [
    { labels: { a: 'b' } },
    { labels: null },
    { labels: { error_type: label } },
    { labels: { 'error.type': label } },
    { maxLabelSets: 0 },
    { maxLabelSets: 1.5 },
    { sampleIntervalMs: '1' },
  ]) {
    expect(make(options)).toThrow(
      expect.objectContaining({
        name: 'TcpInfoError',
        code: 'ERR_TCP_INFO_ARGUMENT',
      }),
    )
  }
  expect(make({ labels: { a: 'b' } })).toThrow('labels.a must be a function')
  expect(make({ sampleIntervalMs: '1' })).toThrow('sampleIntervalMs must be')
})
