import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import {
  connect,
  csvHeader,
  fromJsonLine,
  toCsvLine,
  toJsonLine,
} from '../../lib/index.js'
import type { TcpInfo } from '../../lib/tcp-info.js'
import {
  archivedSamples,
  bytesOf,
  recordedSamples,
} from '../decode/fixtures.js'
import { echo, listen } from '../support/net.js'
import { recordOf } from '../support/record.js'

const random = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, at) => (at * 61 + seed * 97) & 0xff)

const RECORDS: [name: string, info: TcpInfo][] = [
  ...recordedSamples.map((one): [string, TcpInfo] => [
    `Linux 6.18, ${one.case}`,
    recordOf('linux', bytesOf(one.hex), { release: '6.18.44' }),
  ]),
  ...archivedSamples
    .slice(0, 3)
    .map((one): [string, TcpInfo] => [
      `an older Linux, ${one.length} bytes`,
      recordOf('linux', bytesOf(one.hex)),
    ]),
  ...[88, 136, 152].map((length): [string, TcpInfo] => [
    `Windows, ${length} bytes`,
    recordOf('win32', random(length, length)),
  ]),
  ...[104, 112].map((length): [string, TcpInfo] => [
    `macOS, ${length} bytes`,
    recordOf('darwin', random(length, length)),
  ]),
  ['a future struct', recordOf('linux', random(500, 1), { release: '9.0' })],
]

describe('JSON Lines', () => {
  test.each(RECORDS)('%s comes back as it was', (_, info) => {
    const line = toJsonLine(info, 'a-1')
    expect(line.endsWith('\n') && line.indexOf('\n') === line.length - 1).toBe(
      true,
    )
    const read = fromJsonLine(line)
    expect(read.connection).toBe('a-1')
    expect(read.info).toEqual(info)
    expect(Object.keys(read.info)).toEqual(Object.keys(info))
    expect(read.info.raw).toEqual(info.raw)
    expect(toJsonLine(read.info, 'a-1')).toBe(line)
  })

  test('a record of a real connection comes back with its addresses', async () => {
    const port = await listen(echo)
    const socket = connect(port, '127.0.0.1')
    socket.write('hello')
    await once(socket, 'data')
    const info = socket.captureTcpInfo() as TcpInfo
    socket.destroy()
    await once(socket, 'close')
    const final = socket.tcpInfo as TcpInfo
    for (const each of [info, final]) {
      const read = fromJsonLine(toJsonLine(each))
      expect(read.info).toEqual(each)
      expect(read.info.remotePort).toBe(port)
      expect(read.info.raw).toEqual(each.raw)
    }
  })

  // JSON.parse takes it, JSON.stringify runs out of stack.
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`

  const good = JSON.parse(toJsonLine((RECORDS[0] as (typeof RECORDS)[0])[1]))

  test.each([
    ['nothing', ''],
    ['no JSON', '{"platform"'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '7'],
    ['an object without members', '{}'],
    ...Object.entries({
      platform: ['plan9', 7, undefined],
      structBytes: ['', '***', 'AA', 'A'.repeat(4000), 7, undefined],
      trigger: ['x', undefined],
      capturedAt: ['now', null, undefined],
      connection: [7, undefined],
      localAddress: [7, {}],
      remotePort: ['80'],
      errorCode: [1],
    }).flatMap(([name, values]) =>
      values.map((value): [string, string] => [
        `${name}: ${JSON.stringify(value)?.slice(0, 20)}`,
        JSON.stringify({ ...good, [name]: value }),
      ]),
    ),
    ...Object.entries({
      capturedAt: ['1e999', '-1e999', '8.64e18', deep],
      appBytesRead: ['1e999', '-1', '1e300', deep],
      platform: [deep, `{"a":${deep}}`],
      trigger: ['{"toString":1,"valueOf":1}'],
    }).flatMap(([name, values]) =>
      values.map((json): [string, string] => [
        `${name}: ${json.slice(0, 20)}`,
        JSON.stringify({ ...good, [name]: undefined }).replace(
          '{',
          () => `{"${name}":${json},`,
        ),
      ]),
    ),
    [
      'members of the prototype',
      JSON.stringify({ ...good, platform: undefined }).replace(
        '{',
        '{"__proto__":{"platform":"linux"},',
      ),
    ],
  ])('%s is refused by name', (_, line) => {
    expect(() => fromJsonLine(line)).toThrowError(
      expect.objectContaining({
        name: 'TcpInfoError',
        code: 'ERR_TCP_INFO_FORMAT',
      }),
    )
  })

  test.each([
    [undefined, 'of type undefined'],
    [null, 'null'],
    [7, '7'],
    [Buffer.from('{}'), 'of type object'],
  ])('%s is no line', (line, said) => {
    expect(() => fromJsonLine(line as unknown as string)).toThrowError(
      expect.objectContaining({
        name: 'TcpInfoError',
        code: 'ERR_TCP_INFO_ARGUMENT',
        message: `A line must be a string, and was ${said}.`,
      }),
    )
  })

  test.each([
    ['a copy', { ...(RECORDS[0] as (typeof RECORDS)[0])[1] }],
    ['nothing', undefined],
    ['a string', 'record'],
    ['a proxy of one', new Proxy((RECORDS[0] as (typeof RECORDS)[0])[1], {})],
    ['an heir', Object.create((RECORDS[0] as (typeof RECORDS)[0])[1])],
  ])('%s is not written', (_, value) => {
    expect(() => toJsonLine(value as TcpInfo)).toThrowError(
      expect.objectContaining({ code: 'ERR_TCP_INFO_ARGUMENT' }),
    )
  })
})

test.each([[7], [null], [['=1+1']], [Symbol('x')]])(
  '%s is no name of a connection',
  (name) => {
    for (const write of [toJsonLine, toCsvLine]) {
      expect(() => write(established, name as unknown as string)).toThrowError(
        expect.objectContaining({
          name: 'TcpInfoError',
          code: 'ERR_TCP_INFO_ARGUMENT',
        }),
      )
    }
  },
)

const established = RECORDS.find(([name]) =>
  name.endsWith('over ::1'),
)?.[1] as TcpInfo

describe('CSV', () => {
  test('has a column for each member, and nothing where there is no value', () => {
    const info = established
    const header = csvHeader().trimEnd().split(',')
    const cells = toCsvLine(info, 'a').trimEnd().split(',')
    expect(header).toEqual(['connection', ...Object.keys(info)])
    expect(cells.length).toBe(header.length)
    const row = Object.fromEntries(header.map((name, i) => [name, cells[i]]))
    expect(row.rttUs).toBe(String(info.rttUs))
    expect(row.connectionAgeMs).toBe('')
  })

  test.each([[undefined], [{}], ['record']])('has no line for %s', (value) => {
    expect(() => toCsvLine(value as unknown as TcpInfo)).toThrowError(
      expect.objectContaining({
        name: 'TcpInfoError',
        code: 'ERR_TCP_INFO_ARGUMENT',
      }),
    )
  })

  test('quotes what would break a line', () => {
    const [, info] = RECORDS[0] as (typeof RECORDS)[0]
    expect(toCsvLine(info, 'a,"b"\r\nc').startsWith('"a,""b""\r\nc",')).toBe(
      true,
    )
  })

  test.each(['=1+1', '+1', '-1', '@a', '\t=1', '\r=1', '\n=1', '\0=1'])(
    '%j is text, and no formula',
    (text) => {
      const line = toCsvLine(established, text)
      expect(line.replace(/^"/, '').startsWith(`'${text}`)).toBe(true)
    },
  )

  test('a member of a copy that is no value of such a member has no cell', () => {
    const odd = { toString: 1, valueOf: 1 }
    const values = [
      odd,
      ['=1+1'],
      null,
      Number.NaN,
      -1,
      '=1+1',
      5n,
      Symbol('x'),
    ]
    for (const rttUs of values) {
      const copy = { ...established, rttUs } as unknown as TcpInfo
      expect(toCsvLine(copy)).toBe(
        toCsvLine({ ...established, rttUs: undefined } as TcpInfo),
      )
    }
  })
})
