import path from 'node:path'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { runNode } from '../support/child.js'
import { recordOf } from '../support/record.js'
import { bytesOf, PLATFORMS, recordedSamples } from './fixtures.js'

const DIST = path.join(__dirname, '../../dist/index.cjs')

type Fields = Omit<TcpInfo, 'raw'>

type NameOf<T> = T extends boolean
  ? 'boolean'
  : T extends number
    ? 'number'
    : T extends string
      ? 'string'
      : never

/** The type checker keeps this list complete, free of extras and right. */
const TYPES: { [K in keyof Fields]-?: NameOf<NonNullable<Fields[K]>> } = {
  state: 'string',
  rttUs: 'number',
  rttVarUs: 'number',
  minRttUs: 'number',
  latestRttUs: 'number',
  rcvRttUs: 'number',
  rtoUs: 'number',
  sendMssBytes: 'number',
  pmtuBytes: 'number',
  cwndBytes: 'number',
  cwndSegments: 'number',
  ssthreshBytes: 'number',
  sndWndBytes: 'number',
  rcvWndBytes: 'number',
  rcvBufBytes: 'number',
  bytesInFlight: 'number',
  segmentsInFlight: 'number',
  notSentBytes: 'number',
  sendQueueBytes: 'number',
  bytesSent: 'number',
  bytesReceived: 'number',
  bytesAcked: 'number',
  bytesRetransmitted: 'number',
  bytesReordered: 'number',
  outOfOrderBytesIn: 'number',
  segmentsOut: 'number',
  segmentsIn: 'number',
  dataSegmentsOut: 'number',
  dataSegmentsIn: 'number',
  segmentsRetransmitted: 'number',
  fastRetransmits: 'number',
  synRetransmits: 'number',
  spuriousRetransmits: 'number',
  rtoCount: 'number',
  rtoEpisodes: 'number',
  consecutiveRtos: 'number',
  ptoEpisodes: 'number',
  dupAcksIn: 'number',
  outOfOrderPacketsIn: 'number',
  reorderingEvents: 'number',
  inLossRecovery: 'boolean',
  segmentsDeliveredCe: 'number',
  eceAcksIn: 'number',
  busyUs: 'number',
  rwndLimitedUs: 'number',
  cwndLimitedUs: 'number',
  sndbufLimitedUs: 'number',
  appLimitedUs: 'number',
  pacingRateBytesPerSec: 'number',
  maxPacingRateBytesPerSec: 'number',
  deliveryRateBytesPerSec: 'number',
  deliveryRateAppLimited: 'boolean',
  timestamps: 'boolean',
  sack: 'boolean',
  windowScaling: 'boolean',
  ecnNegotiated: 'boolean',
  sndWscale: 'number',
  rcvWscale: 'number',
  dataSentAgoMs: 'number',
  dataReceivedAgoMs: 'number',
  ackReceivedAgoMs: 'number',
  connectionAgeMs: 'number',
  acceptQueue: 'number',
  backlog: 'number',
  trigger: 'string',
  capturedAt: 'number',
  platform: 'string',
  source: 'string',
  localAddress: 'string',
  localPort: 'number',
  remoteAddress: 'string',
  remotePort: 'number',
  appBytesRead: 'number',
  appBytesWritten: 'number',
  connectDurationMs: 'number',
  errorCode: 'string',
}

const LENGTHS = Array.from({ length: 513 }, (_, length) => length)

const pattern = (seed: number) =>
  Uint8Array.from({ length: 512 }, (_, at) => (at * 61 + seed) & 0xff)

const established = recordedSamples.find(
  (sample) => sample.case === 'client has 500 unread',
)
const RECORDS = [
  ...recordedSamples.map(
    ({ case: name, hex }) =>
      [name, () => recordOf('linux', bytesOf(hex))] as const,
  ),
  ...PLATFORMS.map(
    (platform) =>
      [`${platform}, made up`, () => recordOf(platform, pattern(1))] as const,
  ),
]

describe('own members', () => {
  const order = Object.keys(recordOf('linux', bytesOf(established?.hex ?? '')))

  test('are those of the type', () => {
    expect([...order].sort()).toEqual(Object.keys(TYPES).sort())
  })

  test.each(PLATFORMS)(
    'are the same, in one order, for %s of any length and state',
    (platform) => {
      for (const length of LENGTHS) {
        const bytes = pattern(length).subarray(0, length)
        if (length > 0) bytes[0] = length % 14
        expect(
          Object.keys(recordOf(platform, bytes)),
          `length ${length}`,
        ).toEqual(order)
      }
    },
  )

  test.each(RECORDS)('have the types that are declared: %s', (_, make) => {
    for (const [name, value] of Object.entries(make())) {
      const type = TYPES[name as keyof Fields]
      expect(['undefined', type], name).toContain(typeof value)
    }
  })

  test.each(RECORDS)('are plain data: %s', (_, make) => {
    for (const [name, member] of Object.entries(
      Object.getOwnPropertyDescriptors(make()),
    )) {
      expect(member, name).toHaveProperty('value')
      expect(member, name).toMatchObject({ enumerable: true })
    }
    expect(Object.getOwnPropertySymbols(make())).toEqual([])
  })
})

describe.each(RECORDS)('a record: %s', (_, make) => {
  test('goes by the name TcpInfo', () => {
    expect(make().constructor.name).toBe('TcpInfo')
    expect(inspect(make())).toMatch(/^TcpInfo \{/)
  })

  test('has raw, but not as an own member', () => {
    const record = make()
    expect(Object.keys(record.raw).length).toBeGreaterThan(0)
    expect(Object.getOwnPropertyNames(record)).not.toContain('raw')
    const members: string[] = []
    for (const name in record) members.push(name)
    expect(members).toEqual(Object.keys(record))
  })

  test('has no raw in copies, JSON and printed text', () => {
    const record = make()
    expect({ ...record }).not.toHaveProperty('raw')
    expect(structuredClone(record)).not.toHaveProperty('raw')
    expect(JSON.parse(JSON.stringify(record))).not.toHaveProperty('raw')
    const text = inspect(record, { depth: null })
    expect(text).not.toMatch(/\braw\b/)
    expect(text).not.toMatch(/tcpi_|SndLim|parts/)
    expect(text).toContain('rttUs')
  })

  test('gives a raw of its own at each use', () => {
    const record = make()
    const first = record.raw
    expect(record.raw).not.toBe(first)
    expect(record.raw).toEqual(first)
  })
})

test('what is absent is undefined, and JSON leaves it out', () => {
  const record = recordOf('linux', new Uint8Array(0))
  const { state, rttUs, bytesSent, raw } = record
  expect({ state, rttUs, bytesSent }).toEqual({
    state: undefined,
    rttUs: undefined,
    bytesSent: undefined,
  })
  expect(raw).toEqual({})
  expect(JSON.parse(JSON.stringify(record))).toEqual({
    trigger: 'demand',
    capturedAt: 1_700_000_000_000,
    platform: 'linux',
    source: 'TCP_INFO',
  })
})

test('the constructor is small enough for V8 to inline it', async () => {
  const program = `
    const { readTcpInfo } = require(${JSON.stringify(DIST)})
    const server = require('node:net').createServer().listen(0, () => {
      readTcpInfo(server)
      server.close()
    })`
  const [options, read] = await Promise.all([
    runNode(['--v8-options']),
    runNode(['-e', program], {
      nodeOptions: [
        '--print-bytecode',
        '--print-bytecode-filter=TcpInfoRecord',
      ],
    }),
  ])
  const [, limit] =
    /default: --max-inlined-bytecode-size=(\d+)/.exec(options.stdout) ?? []
  const [, size] =
    /function: TcpInfoRecord .*\nBytecode length: (\d+)/.exec(read.stdout) ?? []
  expect(Number(size)).toBeGreaterThan(0)
  expect(Number(size)).toBeLessThanOrEqual(Number(limit))
})
