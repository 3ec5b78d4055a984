// The public functions with arguments of any kind: what Node's own function does
// with them, or a TcpInfoError.

import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll } from 'vitest'
import {
  connect,
  createServer,
  HttpAgent,
  HttpsAgent,
  instrument,
  instrumentServer,
  readTcpInfo,
  readTcpState,
  sample,
  TcpInfoSocket,
  TcpInfoSummary,
} from '../../lib/index.js'
import * as openTelemetry from '../../lib/metrics/opentelemetry.js'
import * as prometheus from '../../lib/metrics/prometheus.js'
import { check, fuzz } from './property.js'
import { arePrototypesClean, isOurs } from './sound.js'

/**
 * What callers pass by mistake, and worse. (No signal that is aborted: of a call that
 * throws, stock or ours, the socket stays behind and emits an error.)
 */
const JUNK: unknown[] = [
  ...[undefined, null, true, false, 0, 1, -1, 1.5, 65_536, 2 ** 31, 2 ** 53],
  ...[Number.NaN, Infinity, -Infinity, '', 'x', '80', '__proto__', 5n],
  ...[Symbol('junk'), {}, [], [null], Object.create(null), new Date(0), /x/],
  ...[
    () => 1,
    class {},
    new Map(),
    new Set([1]),
    Buffer.from('x'),
    Promise.resolve(),
  ],
  ...[{ aborted: false }, { toString: 1, valueOf: 1 }],
  ...[
    new AbortController().signal,
    new net.Socket(),
    new Proxy(new net.Socket(), {}),
  ],
]

const junk = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...JUNK) },
  { weight: 1, arbitrary: fc.anything({ maxDepth: 1, maxKeys: 3 }) },
)

/** An object with some of these, each anything. */
const bag = (...names: readonly string[]) =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .array(fc.tuple(fc.constantFrom(...names), junk), { maxLength: 4 })
        .map((all) => Object.fromEntries(all)),
    },
    { weight: 1, arbitrary: junk },
  )

type Outcome = { readonly error: unknown } | { readonly value: unknown }

function attempt(call: () => unknown): Outcome {
  try {
    return { value: call() }
  } catch (error) {
    return { error }
  }
}

const nameOf = (outcome: Outcome): string => {
  if ('value' in outcome) return 'works'
  const { name, code } = outcome.error as NodeJS.ErrnoException
  return `${name} ${code}`
}

function checkAlike(stock: Outcome, ours: Outcome): void {
  check(
    nameOf(stock) === nameOf(ours),
    () =>
      `stock: ${nameOf(stock)}, ours: ${nameOf(ours)} ${'error' in ours && (ours.error as Error).stack}`,
  )
  check(arePrototypesClean(), () => 'a prototype was written to')
}

/** Ends what came of it, and waits until it has. */
async function end({ value }: { value?: unknown }): Promise<void> {
  if (!(value instanceof net.Socket)) return
  value.on('error', () => {})
  if (value.closed) return
  const closed = once(value, 'close').catch(() => {})
  value.destroy()
  await closed
}

// Without fd and handle, by which a descriptor of the tests would be closed, and
// without names to look up.
const place = fc.record(
  {
    port: fc.oneof(fc.constantFrom(1, '1', 0), junk),
    host: fc.constantFrom(undefined, '127.0.0.1', '::1', null, 7, {}, true),
  },
  { requiredKeys: ['host'] },
)
const connecting = fc
  .tuple(
    place,
    bag(
      ...['localAddress', 'localPort', 'family', 'hints', 'lookup', 'noDelay'],
      ...['keepAlive', 'keepAliveInitialDelay', 'autoSelectFamily', 'timeout'],
      ...['autoSelectFamilyAttemptTimeout', 'blockList', 'signal', 'onread'],
      ...[
        'allowHalfOpen',
        'readable',
        'writable',
        'highWaterMark',
        'emitClose',
      ],
    ),
  )
  .map(([where, options]) => {
    if (typeof options !== 'object' || options === null) return options
    return attempt(() => ({ ...options, ...where }))
  })
  .map((made) =>
    made && typeof made === 'object' && 'value' in made ? made.value : made,
  )

const isSafe = (value: unknown): boolean =>
  // A string is the path of a pipe, and nobody listens on "x".
  typeof value !== 'string' || value === 'x' || value === ''

fuzz(
  'connect does what net.connect does',
  fc.asyncProperty(
    fc.oneof(connecting, junk.filter(isSafe)),
    fc.oneof(
      fc.constant(undefined),
      fc.constantFrom(() => {}, null, 7, {}),
    ),
    async (first, second) => {
      const args = [first, second] as unknown as [number]
      const stock = attempt(() => net.connect(...args))
      const ours = attempt(() => connect(...args))
      await Promise.all([end(stock as never), end(ours as never)])
      checkAlike(stock, ours)
    },
  ),
  {
    runs: 300,
    // Sockets and their events.
    most: 100_000,
    examples: [
      [null, undefined],
      [undefined, undefined],
    ],
  },
)

fuzz(
  'classes and servers do what those of Node do',
  fc.asyncProperty(
    bag(
      ...[
        'keepAlive',
        'keepAliveMsecs',
        'maxSockets',
        'maxFreeSockets',
        'timeout',
      ],
      ...['scheduling', 'maxTotalSockets', 'staleCheck', 'maxCachedSessions'],
      ...[
        'allowHalfOpen',
        'pauseOnConnect',
        'noDelay',
        'highWaterMark',
        'signal',
      ],
      ...['readable', 'writable', 'onread', 'blockList', 'proxyEnv'],
    ),
    async (options) => {
      // (A number would be the descriptor of a socket.)
      const any = (typeof options === 'number' ? {} : options) as never
      const pairs = [
        [() => new http.Agent(any), () => new HttpAgent(any)],
        [() => new https.Agent(any), () => new HttpsAgent(any)],
        [() => net.createServer(any), () => createServer(any)],
        [() => new net.Socket(any), () => new TcpInfoSocket(any)],
      ] as const
      for (const [stock, ours] of pairs) {
        const [theirs, own] = [attempt(stock), attempt(ours)]
        await Promise.all([end(theirs as never), end(own as never)])
        checkAlike(theirs, own)
      }
    },
  ),
  // Likewise.
  { runs: 300, most: 100_000, examples: [[null], [undefined]] },
)

let server: net.Server
let socket: net.Socket

beforeAll(async () => {
  server = net
    .createServer((accepted) => accepted.resume())
    .listen(0, '127.0.0.1')
  await once(server, 'listening')
  socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
})

afterAll(() => {
  socket.destroy()
  server.close()
})

const DOCUMENTED = ['ERR_TCP_INFO_ARGUMENT', 'ERR_TCP_INFO_NOT_TCP'] as const

/** It works, or it is a documented error; what has come of it is ended. */
function checkOurs<T>(call: () => T, stop: (value: T) => void): void {
  let value: T
  try {
    value = call()
  } catch (error) {
    if (!isOurs(error, ...DOCUMENTED)) throw error
    return
  } finally {
    check(arePrototypesClean(), () => 'a prototype was written to')
  }
  stop(value)
}

fuzz(
  'options of ours work, or are refused by name',
  fc.property(
    bag(
      ...['intervalMs', 'jitter', 'maxSamples', 'appBytes', 'keep', 'keepOpen'],
      ...['signal', 'key', 'maxKeys', 'labels', 'maxLabelSets'],
      ...['sampleIntervalMs'],
    ),
    (options) => {
      const any = options as never
      checkOurs(
        () => sample(socket, any),
        (sampling) => sampling.stop(),
      )
      checkOurs(
        () => new TcpInfoSummary(any),
        (summary) => void summary.rows(),
      )
      for (const { collectTcpMetrics } of [prometheus, openTelemetry]) {
        checkOurs(
          () => collectTcpMetrics(any),
          (metrics) => metrics.stop(),
        )
      }
    },
  ),
  {
    // Each makes all metrics.
    runs: 300,
    most: 100_000,
    // Once these were errors of JavaScript's own.
    examples: [[null], [{ labels: null }], [{ signal: { aborted: false } }]],
  },
)

fuzz(
  'what is no socket and no server is refused as such',
  fc.property(junk, (value) => {
    const any = value as never
    const isSocket = value instanceof net.Socket
    for (const call of [
      instrument,
      instrumentServer,
      readTcpInfo,
      readTcpState,
    ]) {
      const outcome = attempt(() => (call as (value: never) => unknown)(any))
      if ('value' in outcome) check(isSocket, () => `${call.name} took it`)
      else if (
        !isOurs(
          outcome.error,
          'ERR_TCP_INFO_NOT_TCP',
          'ERR_TCP_INFO_NOT_CONNECTED',
          'ERR_TCP_INFO_CLOSED',
        )
      )
        throw outcome.error
    }
    checkOurs(
      () => sample(any, { keepOpen: true }),
      (sampling) => sampling.stop(),
    )
  }),
  { runs: 1000 },
)
