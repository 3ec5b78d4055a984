import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  connect,
  type Instrumented,
  instrument,
  type TcpInfo,
} from '../../lib/index.js'
import { jsonOf, runNode, script } from '../support/child.js'
import { echo, listen, wait } from '../support/net.js'

const LOCAL = '127.0.0.1'

interface Outcome {
  events: string[]
  calls: string[]
  states: string[]
  data: string
  destroyed: boolean
  wasDestroyed: boolean
  trigger: string
  closed: number
  records: number
  thrown: number
  uncaught: [message: string, origin: string][]
  leaked: number
}

const outcomeOf = (kind: string, scenario: string): Promise<Outcome> =>
  jsonOf(runNode([script('bad-listeners.mjs'), kind, scenario]))

const thrown = (message: string): [string, string] => [
  message,
  'uncaughtException',
]
const rejected = (message: string): [string, string] => [
  message,
  'unhandledRejection',
]

const KINDS = ['ours', 'instrumented'] as const

describe.each(KINDS)('%s: a listener that throws', (kind) => {
  test.each([
    ['destroy()', []],
    ['destroy(error)', ['error of destroy']],
    ['end()', []],
    ['a reset', ['error read ECONNRESET']],
    ['resetAndDestroy()', []],
  ])('at the close by %s', async (scenario, errors) => {
    const outcome = await outcomeOf(kind, scenario)
    expect(outcome).toEqual({
      uncaught: [thrown('thrown at close')],
      events: ['tcpinfo', ...errors, 'close'],
      // As ever when a listener throws: those after it are not called.
      calls: ['before'],
      destroyed: true,
      trigger: 'close',
      leaked: 0,
    })
  })

  test('on demand: the socket goes on, and so does the event', async () => {
    expect(await outcomeOf(kind, 'on demand')).toEqual({
      uncaught: [
        ...Array(3).fill(thrown('thrown at demand')),
        thrown('thrown at close'),
      ],
      events: [...Array(3).fill('tcpinfo'), 'tcpinfo', 'close'],
      states: Array(3).fill('ESTABLISHED'),
      data: 'hello',
      leaked: 0,
    })
  })

  test('on each of 200 sockets at once', async () => {
    const { uncaught, ...outcome } = await outcomeOf(kind, 'many')
    expect(uncaught).toHaveLength(200)
    expect(outcome).toEqual({
      closed: 200,
      records: 200,
      thrown: 200,
      leaked: 0,
    })
  })

  test('beneath TLS: the one above is told all the same', async () => {
    expect(await outcomeOf(kind, 'beneath TLS')).toEqual({
      uncaught: [thrown('thrown beneath')],
      calls: ['over'],
      leaked: 0,
    })
  })
})

describe.each(KINDS)('%s: a listener that rejects', (kind) => {
  test('on demand', async () => {
    expect(await outcomeOf(kind, 'rejects on demand')).toEqual({
      uncaught: [rejected('rejected at demand'), rejected('rejected at close')],
      events: ['tcpinfo', 'tcpinfo', 'close'],
      wasDestroyed: false,
      leaked: 0,
    })
  })

  test('at the close', async () => {
    expect(await outcomeOf(kind, 'rejects at the close')).toEqual({
      uncaught: [rejected('rejected at close')],
      events: ['tcpinfo', 'close'],
      wasDestroyed: false,
      leaked: 0,
    })
  })

  test('on demand, with captureRejections: it ends the socket', async () => {
    expect(await outcomeOf(kind, 'rejects on demand, captured')).toEqual({
      uncaught: [],
      events: ['tcpinfo', 'tcpinfo', 'error rejected at demand', 'close'],
      wasDestroyed: true,
      leaked: 0,
    })
  })

  test('at the close, with captureRejections: too late', async () => {
    expect(await outcomeOf(kind, 'rejects at the close, captured')).toEqual({
      uncaught: [],
      events: ['tcpinfo', 'close'],
      wasDestroyed: false,
      leaked: 0,
    })
  })
})

describe('stock: a listener that rejects', () => {
  test('is as one of ours', async () => {
    expect(await outcomeOf('stock', 'rejects on demand')).toEqual({
      uncaught: [rejected('rejected at connect')],
      events: ['close'],
      wasDestroyed: false,
      leaked: 0,
    })
    expect(await outcomeOf('stock', 'rejects on demand, captured')).toEqual({
      uncaught: [],
      events: ['error rejected at connect', 'close'],
      wasDestroyed: true,
      leaked: 0,
    })
  })
})

describe.each(KINDS)('%s: a listener', (kind) => {
  type Ours = Instrumented<net.Socket>

  async function connected(): Promise<{ socket: Ours; events: string[] }> {
    const options = { port: await listen(echo), host: LOCAL }
    const socket: Ours =
      kind === 'ours'
        ? (connect(options) as Ours)
        : instrument(net.connect(options))
    onTestFinished(() => void socket.destroy())
    await once(socket, 'connect')
    const events: string[] = []
    socket.on('tcpinfo', ({ trigger }) => events.push(`tcpinfo ${trigger}`))
    for (const event of ['error', 'end', 'close']) {
      socket.on(event, () => events.push(event))
    }
    return { socket, events }
  }

  test('that destroys, on demand', async () => {
    const { socket, events } = await connected()
    socket.on('tcpinfo', () => socket.destroy())
    socket.captureTcpInfo()
    await once(socket, 'close')
    await wait(5)
    expect(events).toEqual(['tcpinfo demand', 'tcpinfo close', 'close'])
    expect(socket.tcpInfo?.trigger).toBe('close')
  })

  test('that destroys with an error, on demand', async () => {
    const { socket, events } = await connected()
    socket.once('tcpinfo', () => socket.destroy(new Error('mine')))
    socket.captureTcpInfo()
    await new Promise((resolve) => socket.on('close', resolve))
    expect(events).toEqual([
      'tcpinfo demand',
      'tcpinfo close',
      'error',
      'close',
    ])
  })

  test('that destroys, at the close', async () => {
    const { socket, events } = await connected()
    socket.on('tcpinfo', () => socket.destroy(new Error('too late')))
    socket.destroy()
    await once(socket, 'close')
    await wait(5)
    expect(events).toEqual(['tcpinfo close', 'close'])
  })

  test('that captures again, on demand: is not called again', async () => {
    const { socket, events } = await connected()
    const inner: (TcpInfo | undefined)[] = []
    socket.on('tcpinfo', () => {
      // A loop of ticks would leave no time for the test to fail.
      if (inner.length < 9) inner.push(socket.captureTcpInfo())
    })
    const outer = socket.captureTcpInfo()
    await wait(20)
    expect(events).toEqual(['tcpinfo demand'])
    expect(inner).toHaveLength(1)
    expect(inner[0]?.state).toBe('ESTABLISHED')
    expect(inner[0]).not.toBe(outer)
    expect(socket.tcpInfo).toBe(inner[0])

    // And the next one from outside is told.
    socket.captureTcpInfo()
    await wait(20)
    expect(events).toEqual(['tcpinfo demand', 'tcpinfo demand'])
    expect(inner).toHaveLength(2)
  })

  test('that captures of another socket, whose listener does too', async () => {
    const [one, other] = [await connected(), await connected()]
    let calls = 0
    for (const [{ socket }, { socket: next }] of [
      [one, other],
      [other, one],
    ] as const) {
      socket.on('tcpinfo', () => {
        // A loop of ticks would leave no time for the test to fail.
        if (++calls < 9) next.captureTcpInfo()
      })
    }
    one.socket.captureTcpInfo()
    await wait(20)
    expect(one.events).toEqual(['tcpinfo demand'])
    expect(other.events).toEqual([])
    expect(other.socket.tcpInfo?.trigger).toBe('demand')
  })

  test('that captures again, at the close: has the last record', async () => {
    const { socket, events } = await connected()
    const inner: (TcpInfo | undefined)[] = []
    socket.on('tcpinfo', () => {
      // A loop of ticks would leave no time for the test to fail.
      if (inner.length < 9) inner.push(socket.captureTcpInfo())
    })
    socket.destroy()
    await once(socket, 'close')
    await wait(20)
    expect(events).toEqual(['tcpinfo close', 'close'])
    expect(inner).toEqual([socket.tcpInfo])
    expect(inner[0]).toBe(socket.tcpInfo)
    expect(inner[0]?.trigger).toBe('close')
  })

  test('that captures and destroys, on demand', async () => {
    const { socket, events } = await connected()
    const inner: (string | undefined)[] = []
    socket.on('tcpinfo', () => {
      inner.push(socket.captureTcpInfo()?.trigger)
      socket.destroy()
      inner.push(socket.captureTcpInfo()?.trigger)
    })
    socket.captureTcpInfo()
    await once(socket, 'close')
    await wait(20)
    expect(inner.slice(0, 2)).toEqual(['demand', 'close'])
    expect(socket.tcpInfo?.trigger).toBe('close')
    expect(events.filter((each) => each === 'tcpinfo demand')).toHaveLength(1)
    // The final record is told: the destroy is no capture of the listener's.
    expect(events).toEqual(['tcpinfo demand', 'tcpinfo close', 'close'])
  })

  test('that ends the socket, on demand', async () => {
    const { socket, events } = await connected()
    socket.once('tcpinfo', () => socket.end('bye'))
    socket.resume().captureTcpInfo()
    await once(socket, 'close')
    expect(events).toEqual(['tcpinfo demand', 'end', 'tcpinfo close', 'close'])
    expect(socket.tcpInfo?.bytesSent).toBe(3)
  })

  test('that writes, on demand', async () => {
    const { socket, events } = await connected()
    socket.once('tcpinfo', () => socket.write('hello'))
    socket.captureTcpInfo()
    const [data] = await once(socket, 'data')
    expect(String(data)).toBe('hello')
    expect(events).toEqual(['tcpinfo demand'])
  })

  test('that writes and ends, at the close', async () => {
    const { socket, events } = await connected()
    const written = vi.fn()
    socket.on('tcpinfo', () => {
      socket.write('too late', written)
      socket.end()
    })
    socket.destroy()
    await once(socket, 'close')
    await wait(5)
    expect(events).toEqual(['tcpinfo close', 'close'])
    expect(written).toHaveBeenCalledWith(
      expect.objectContaining({ code: 'ERR_STREAM_DESTROYED' }),
    )
  })

  test('that removes all of its kind', async () => {
    const { socket, events } = await connected()
    const later = vi.fn()
    socket.prependListener('tcpinfo', () =>
      socket.removeAllListeners('tcpinfo'),
    )
    socket.on('tcpinfo', later)
    socket.captureTcpInfo()
    await wait(5)
    // Node calls those that there were when it began.
    expect(events).toEqual(['tcpinfo demand'])
    expect(later).toHaveBeenCalledTimes(1)
    socket.captureTcpInfo()
    socket.destroy()
    await once(socket, 'close')
    expect(later).toHaveBeenCalledTimes(1)
    expect(events).toEqual(['tcpinfo demand', 'close'])
    expect(socket.tcpInfo?.trigger).toBe('close')
  })

  test('that removes every listener there is, at the close', async () => {
    const { socket, events } = await connected()
    socket.on('tcpinfo', () => socket.removeAllListeners())
    socket.destroy()
    await wait(20)
    expect(events).toEqual(['tcpinfo close'])
    expect(socket.closed).toBe(true)
    expect(socket.tcpInfo?.trigger).toBe('close')
  })

  test('that adds another', async () => {
    const { socket } = await connected()
    const added = vi.fn()
    socket.once('tcpinfo', () => socket.on('tcpinfo', added))
    socket.captureTcpInfo()
    await wait(5)
    expect(added).not.toHaveBeenCalled()
    socket.captureTcpInfo()
    await wait(5)
    expect(added).toHaveBeenCalledTimes(1)
  })

  test('removed before the connection was made, ours too', async () => {
    const options = { port: await listen(echo), host: LOCAL }
    const socket: Ours =
      kind === 'ours'
        ? (connect(options) as Ours)
        : instrument(net.connect(options))
    socket.removeAllListeners()
    await once(socket, 'connect')
    expect(socket.captureTcpInfo()).toMatchObject({
      state: 'ESTABLISHED',
      remotePort: options.port,
    })
    socket.destroy()
    await once(socket, 'close')
    expect(socket.tcpInfo).toMatchObject({
      trigger: 'close',
      remotePort: options.port,
    })
  })
})

test('without anybody to catch it, the error ends the process', async () => {
  const { code, stderr } = await runNode([
    '--input-type=module',
    '-e',
    `import { connect } from ${JSON.stringify(script('../../dist/index.js'))}
     import net from 'node:net'
     const server = net.createServer().listen(0, '${LOCAL}', () => {
       const socket = connect(server.address().port, '${LOCAL}', () => {
         socket.on('tcpinfo', () => { throw new Error('of the listener') })
         socket.destroy()
       })
     })`,
  ])
  expect(code).toBe(1)
  expect(stderr).toContain('Error: of the listener')
})
