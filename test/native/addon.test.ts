import { execFileSync } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { constants, networkInterfaces, tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Binding, binding } from '../../lib/binding.js'
import { jsonOf, runNode, script } from '../support/child.js'
import { listen, openSockets } from '../support/net.js'
import { descriptorOf } from '../support/witness.mjs'

const LOCAL = '127.0.0.1'
const EBADF = -constants.errno.EBADF
const EINVAL = -constants.errno.EINVAL
const EMFILE = -constants.errno.EMFILE
const ENOTSOCK = -constants.errno.ENOTSOCK
const EOPNOTSUPP = -constants.errno.EOPNOTSUPP
const ESTABLISHED = 1
const HAS_BOTH = 3
const ENDPOINT_BYTES = 24
/** What comes before the struct. */
const CLOCK = 8
const NO_DESCRIPTOR = 1_000_000
/** What no read leaves behind by chance, row after row. */
const UNTOUCHED = 0xa5

const addon = binding as Binding

async function connected(port?: number, host = LOCAL): Promise<net.Socket> {
  return opening(net.connect(port ?? (await listen()), host))
}

async function opening(socket: net.Socket): Promise<net.Socket> {
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

const untouched = (length: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(length).fill(UNTOUCHED)

/** Of ES2024, which the compiler is not told of. */
function resizable(length: number) {
  const Resizable = ArrayBuffer as unknown as new (
    length: number,
    options: { maxByteLength: number },
  ) => ArrayBuffer & { resize(length: number): void }
  return new Resizable(length, { maxByteLength: 4096 })
}

/** A folder that goes with the test. */
function scratch(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'addon-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return directory
}

/** dgram warns of a deprecation when one looks at its `_handle`. */
const UDP_STATE = (() => {
  const socket = dgram.createSocket('udp4').unref()
  socket.close()
  return Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === 'state symbol',
  )
})()

/** Descriptors that are no TCP connection, each with what the kernel says. */
const refusals: (readonly [string, () => Promise<number>, number])[] = [
  ['no descriptor', async () => -1, EBADF],
  ['a number that no descriptor has', async () => NO_DESCRIPTOR, EBADF],
  [
    'a closed descriptor',
    async () => {
      const fd = openSync('/dev/null', 'r')
      closeSync(fd)
      return fd
    },
    EBADF,
  ],
  [
    'a pipe',
    async () => {
      const fifo = path.join(scratch(), 'fifo')
      execFileSync('mkfifo', [fifo])
      return opened(fifo, 'r+')
    },
    ENOTSOCK,
  ],
  ['/dev/null', async () => opened('/dev/null', 'r'), ENOTSOCK],
  ['a file', async () => opened(__filename, 'r'), ENOTSOCK],
  ['a Unix socket', unixSocket, EOPNOTSUPP],
  ...(UDP_STATE ? [['a UDP socket', udp, EOPNOTSUPP] as const] : []),
]

function opened(file: string, flags: string): number {
  const fd = openSync(file, flags)
  onTestFinished(() => closeSync(fd))
  return fd
}

async function unixSocket(): Promise<number> {
  const file = path.join(scratch(), 'socket')
  const server = net.createServer().listen(file)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return descriptorOf(await opening(net.connect(file)))
}

async function udp(): Promise<number> {
  const socket = dgram.createSocket('udp4')
  onTestFinished(() => void socket.close())
  socket.bind(0, LOCAL)
  await once(socket, 'listening')
  const state = socket[UDP_STATE as keyof dgram.Socket] as unknown
  return (state as { handle: { fd: number } }).handle.fd
}

if (!UDP_STATE) {
  test.skip('a UDP socket (skipped: its descriptor is elsewhere in this Node)')
}

describe('junk for arguments', () => {
  interface Outcome {
    problems: string[]
    counts: Record<
      string,
      { calls: number; constructed: number; refused: number; answered: number }
    >
  }
  const calls = 10_000

  test.each([
    ['main', 1],
    ['main', 2],
    ['worker', 3],
  ])('in the %s thread, seed %i', async (where, seed) => {
    const { problems, counts } = await jsonOf<Outcome>(
      runNode([script('junk.mjs'), where, String(seed), String(calls)]),
    )
    expect(problems).toEqual([])
    expect(Object.keys(counts).sort()).toEqual(Object.keys(addon).sort())
    for (const [name, count] of Object.entries(counts)) {
      expect(count.calls).toBe(calls)
      expect(count.constructed).toBeGreaterThan(calls / 20)
      expect(count.answered).toBeGreaterThan(calls / 200)
      if (!['probe', 'keepsPeer'].includes(name)) {
        expect(count.refused).toBeGreaterThan(calls / 10)
      }
    }
  })
})

describe('readInfo()', () => {
  test('fills the clock and the struct, and nothing else', async () => {
    const fd = descriptorOf(await connected())
    const bytes = untouched(1024)
    const earliest = Date.now()
    const filled = addon.readInfo(fd, bytes.buffer, 100)
    const latest = Date.now()
    expect(filled).toBeGreaterThanOrEqual(104)
    expect(filled).toBe(addon.probe())
    const clock = Number(new DataView(bytes.buffer).getBigUint64(100, true))
    expect(clock).toBeGreaterThanOrEqual(earliest)
    expect(clock).toBeLessThanOrEqual(latest)
    const struct = 100 + CLOCK
    expect(bytes[struct]).toBe(ESTABLISHED)
    expect(bytes.subarray(0, 100)).toEqual(untouched(100))
    const after = struct + filled
    expect(bytes.subarray(after)).toEqual(untouched(1024 - after))
  })

  test('in a room of any size gives what fits, and never more', async () => {
    const fd = descriptorOf(await connected())
    const whole = addon.probe()
    const wrong: unknown[] = []
    for (let room = 1; room <= whole + 64; room++) {
      // What is written past its end shows when it grows.
      const buffer = resizable(30 + CLOCK + room)
      const bytes = new Uint8Array(buffer).fill(UNTOUCHED)
      const filled = addon.readInfo(fd, buffer, 30)
      buffer.resize(4096)
      const isOutsideWhole =
        bytes.subarray(0, 30).every((byte) => byte === UNTOUCHED) &&
        bytes
          .subarray(30 + CLOCK + filled, 30 + CLOCK + room)
          .every((byte) => byte === UNTOUCHED) &&
        bytes.subarray(30 + CLOCK + room).every((byte) => byte === 0)
      if (
        filled !== Math.min(room, whole) ||
        bytes[30 + CLOCK] !== ESTABLISHED ||
        !isOutsideWhole
      ) {
        wrong.push({ room, filled, isOutsideWhole })
      }
    }
    expect(wrong).toEqual([])
  })

  test.each([
    ['with room for the clock alone', 512 - CLOCK],
    ['at the end', 512],
    ['after the end', 513],
    ['far after the end', 2 ** 31 - 1],
    ['before the begin', -1],
    ['far before the begin', -(2 ** 31)],
  ])('an offset %s', async (_, offset) => {
    const fd = descriptorOf(await connected())
    const bytes = untouched(512)
    expect(addon.readInfo(fd, bytes.buffer, offset)).toBe(EINVAL)
    expect(bytes).toEqual(untouched(512))
  })

  test.each([Number.NaN, Infinity, -Infinity, 0.5, 2 ** 31, 2 ** 32, 2 ** 53])(
    'neither descriptor nor offset is %s more than one that is',
    async (more) => {
      const fd = descriptorOf(await connected())
      const bytes = untouched(512)
      expect(addon.readInfo(fd + more, bytes.buffer, 0)).toBe(EINVAL)
      expect(addon.readInfo(fd, bytes.buffer, 0 + more)).toBe(EINVAL)
      expect(addon.readState(fd + more)).toBe(EINVAL)
      expect(bytes).toEqual(untouched(512))
    },
  )

  test.each(refusals)('%s', async (_, open, error) => {
    const fd = await open()
    const bytes = untouched(512)
    expect(addon.readInfo(fd, bytes.buffer, 0)).toBe(error)
    expect(bytes).toEqual(untouched(512))
    expect(addon.readState(fd)).toBe(error)
  })

  test('into memory of any kind', async () => {
    const fd = descriptorOf(await connected())
    for (const buffer of [new ArrayBuffer(512), resizable(512)]) {
      expect(addon.readInfo(fd, buffer, 0)).toBe(addon.probe())
      expect(new Uint8Array(buffer)[CLOCK]).toBe(ESTABLISHED)
    }
  })

  test.each([
    ['Uint8Array', new Uint8Array(512)],
    ['Buffer', Buffer.alloc(512)],
    ['DataView', new DataView(new ArrayBuffer(512))],
    ['object', { byteLength: 512 }],
  ])('not into a %s', async (_, view) => {
    const fd = descriptorOf(await connected())
    const room = view as unknown as ArrayBuffer
    expect(addon.readInfo(fd, room, 0)).toBe(EINVAL)
    expect(addon.readEndpoints(fd, room, 0)).toBe(EINVAL)
    expect(addon.formatAddress(room, 0)).toBeUndefined()
  })

  test('into a buffer that shrank', async () => {
    const fd = descriptorOf(await connected())
    const buffer = resizable(1024)
    buffer.resize(150)
    expect(addon.readInfo(fd, buffer, 0)).toBe(150 - CLOCK)
    expect(addon.readInfo(fd, buffer, 100)).toBe(50 - CLOCK)
    buffer.resize(100)
    expect(addon.readInfo(fd, buffer, 100)).toBe(EINVAL)
    buffer.resize(0)
    expect(addon.readInfo(fd, buffer, 0)).toBe(EINVAL)
  })

  test('into a detached buffer', async () => {
    const fd = descriptorOf(await connected())
    const buffer = new ArrayBuffer(512)
    structuredClone(buffer, { transfer: [buffer] })
    expect(addon.readInfo(fd, buffer, 0)).toBe(EINVAL)
    expect(addon.readEndpoints(fd, buffer, 0)).toBe(EINVAL)
    expect(addon.formatAddress(buffer, 0)).toBeUndefined()
  })
})

describe('readState()', () => {
  test('is the first byte that readInfo gives', async () => {
    const server = net.createServer().listen(0, LOCAL)
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const socket = await connected((server.address() as AddressInfo).port)
    const bytes = new Uint8Array(512)
    for (const each of [socket, server]) {
      addon.readInfo(descriptorOf(each), bytes.buffer, 0)
      expect(addon.readState(descriptorOf(each))).toBe(bytes[CLOCK])
    }
    expect(addon.readState(descriptorOf(socket))).toBe(ESTABLISHED)
    expect(addon.readState(descriptorOf(server))).toBe(10)
  })
})

describe('readMany()', () => {
  /** Members that change from one read to the next, by the clock alone. */
  const CLOCKS = [44, 48, 52, 56]

  function withoutClocks(row: Uint8Array): Uint8Array {
    const copy = row.slice()
    for (const at of CLOCKS) copy.fill(0, at, at + 4)
    return copy
  }

  async function manyDescriptors(count: number): Promise<Int32Array> {
    const port = await listen()
    const sockets = await Promise.all(
      Array.from({ length: 5 }, () => connected(port)),
    )
    const bad = await Promise.all(refusals.map(([, open]) => open()))
    const some = [...sockets.map(descriptorOf), ...bad]
    return Int32Array.from(
      { length: count },
      (_, i) => some[(i * 7) % some.length] as number,
    )
  }

  test.each([
    ['a row more than long enough', 13, 512],
    ['rows shorter than the struct', 13, 100],
    ['rows of one byte', 13, 1],
    ['a thousand descriptors', 1000, 512],
  ])('agrees with readInfo: %s', async (_, count, stride) => {
    const descriptors = await manyDescriptors(count)
    const rows = untouched(count * stride + 64)
    const filled = new Int32Array(count + 1).fill(77)
    const read = addon.readMany(descriptors, rows, stride, filled)
    const expected = untouched(rows.length)
    const answers = Array.from(descriptors, (fd, i) => {
      const row = untouched(CLOCK + stride)
      const answer = addon.readInfo(fd, row.buffer, 0)
      expected.set(row.subarray(CLOCK), i * stride)
      return answer
    })
    expect([...filled]).toEqual([...answers, 77])
    expect(read).toBe(answers.filter((each) => each > 0).length)
    expect(read).toBeGreaterThan(0)
    expect(read).toBeLessThan(count)
    const different = answers.flatMap((_, i) => {
      const [row, same] = [rows, expected].map((each) =>
        withoutClocks(each.subarray(i * stride, (i + 1) * stride)),
      ) as [Uint8Array, Uint8Array]
      return Buffer.compare(row, same) === 0 ? [] : [i]
    })
    expect(different).toEqual([])
    expect(rows.subarray(count * stride)).toEqual(untouched(64))
  })

  test('the same descriptor many times', async () => {
    const fd = descriptorOf(await connected())
    const rows = new Uint8Array(512 * 100)
    const filled = new Int32Array(100)
    const descriptors = new Int32Array(100).fill(fd)
    expect(addon.readMany(descriptors, rows, 512, filled)).toBe(100)
    expect(new Set(filled)).toEqual(new Set([addon.probe()]))
  })

  test('no descriptors at all', () => {
    const none = new Int32Array(0)
    const rows = untouched(512)
    const filled = new Int32Array(1).fill(77)
    expect(addon.readMany(none, rows, 512, filled)).toBe(0)
    expect(addon.readMany(filled.subarray(1), rows, 512, filled)).toBe(0)
    expect(addon.readMany(none, new Uint8Array(0), 512, none)).toBe(0)
    expect(rows).toEqual(untouched(512))
    expect(filled[0]).toBe(77)
  })

  test.each([
    ['too few rows', 4, 4 * 512 - 1, 512, 4],
    ['no rows', 4, 0, 512, 4],
    ['too few answers', 4, 4 * 512, 512, 3],
    ['no answers', 4, 4 * 512, 512, 0],
    ['stride 0', 4, 4 * 512, 0, 4],
    ['stride below 0', 4, 4 * 512, -512, 4],
    ['the longest stride', 4, 4 * 512, 2 ** 31 - 1, 4],
    ['a stride whose product wraps', 4, 4 * 512, 2 ** 30, 4],
  ])('%s', async (_, count, capacity, stride, answers) => {
    const fd = descriptorOf(await connected())
    const descriptors = new Int32Array(count).fill(fd)
    const rows = untouched(capacity)
    const filled = new Int32Array(answers).fill(77)
    expect(addon.readMany(descriptors, rows, stride, filled)).toBe(EINVAL)
    expect(rows).toEqual(untouched(capacity))
    expect(filled).toEqual(new Int32Array(answers).fill(77))
  })

  test('arrays that are one and the same memory', async () => {
    const fd = descriptorOf(await connected())
    const buffer = new ArrayBuffer(4096)
    const descriptors = new Int32Array(buffer, 0, 2).fill(fd)
    const rows = new Uint8Array(buffer)
    // The first row overwrites the descriptors: what comes is a number, no more.
    expect(
      addon.readMany(descriptors, rows, 512, descriptors),
    ).toBeGreaterThanOrEqual(1)
  })

  // Node 24.0 names no kind for a Float16Array: nothing may be taken for one.
  test.each(
    ['Float16Array', 'Uint32Array', 'Float32Array'].filter(
      (kind) => kind in globalThis,
    ),
  )('descriptors, rows and answers in a %s', async (kind) => {
    const kinds = globalThis as unknown as Record<string, unknown>
    const Kind = kinds[kind] as new (length: number) => never
    const fd = descriptorOf(await connected())
    const right = new Int32Array(2).fill(fd)
    const rows = new Uint8Array(1024)
    const filled = new Int32Array(2)
    for (let i = 0; i < 100; i++) {
      expect(addon.readMany(right, rows, 512, filled)).toBe(2)
      expect(addon.readMany(new Kind(2), rows, 512, filled)).toBe(EINVAL)
      expect(addon.readMany(right, rows, 512, new Kind(2))).toBe(EINVAL)
      expect(addon.readMany(right, new Kind(1024), 512, filled)).toBe(EINVAL)
      expect(addon.readInfo(fd, new Kind(1024), 0)).toBe(EINVAL)
    }
  })
})

describe('readEndpoints() and formatAddress()', () => {
  /** Both addresses as the addon has them. */
  function endpointsOf(fd: number) {
    const bytes = untouched(ENDPOINT_BYTES * 3)
    const flags = addon.readEndpoints(fd, bytes.buffer, 4)
    expect(bytes.subarray(0, 4)).toEqual(untouched(4))
    const after = 4 + 2 * ENDPOINT_BYTES
    expect(bytes.subarray(after)).toEqual(untouched(bytes.length - after))
    const view = new DataView(bytes.buffer)
    const endpoint = (at: number) => ({
      family: view.getUint16(at, true),
      port: view.getUint16(at + 2, true),
      address: addon.formatAddress(bytes.buffer, at),
    })
    return { flags, local: endpoint(4), remote: endpoint(4 + ENDPOINT_BYTES) }
  }

  async function compare(host: string, listenOn: string): Promise<net.Socket> {
    const server = net.createServer().listen(0, listenOn)
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const socket = await connected((server.address() as AddressInfo).port, host)
    const family = net.isIPv6(host) ? 6 : 4
    expect(endpointsOf(descriptorOf(socket))).toEqual({
      flags: HAS_BOTH,
      local: { family, port: socket.localPort, address: socket.localAddress },
      remote: {
        family,
        port: socket.remotePort,
        address: socket.remoteAddress,
      },
    })
    return socket
  }

  test.each([LOCAL, '127.1.2.3', '::1', '::ffff:127.0.0.1'])(
    '%s, as the socket itself has it',
    async (host) => {
      await compare(host, net.isIPv6(host) ? '::' : host)
    },
  )

  const linkLocal = Object.entries(networkInterfaces()).flatMap(
    ([name, addresses = []]) =>
      addresses
        .filter(({ address }) => /^fe[89ab]/.test(address))
        .map(({ address }) => `${address}%${name}`),
  )[0]

  test.skipIf(!linkLocal)(
    linkLocal
      ? 'a link-local address, with its scope'
      : 'a link-local address (skipped: no interface has one)',
    async () => {
      const host = linkLocal as string
      const { remoteAddress } = await compare(host, host)
      expect(remoteAddress).toBe(host)
    },
  )

  test('a socket that is bound and has no peer', async () => {
    const server = net.createServer().listen(0, LOCAL)
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    expect(endpointsOf(descriptorOf(server))).toEqual({
      flags: 1,
      local: { family: 4, port, address: LOCAL },
      remote: { family: 0, port: 0, address: undefined },
    })
  })

  const none = { family: 0, port: 0, address: undefined }

  test.each(refusals.filter(([, , error]) => error !== EOPNOTSUPP))(
    '%s',
    async (_, open, error) => {
      const fd = await open()
      expect(endpointsOf(fd)).toEqual({
        flags: error,
        local: none,
        remote: none,
      })
    },
  )

  test('a Unix socket has none', async () => {
    const fd = await unixSocket()
    expect(endpointsOf(fd)).toEqual({ flags: 0, local: none, remote: none })
  })

  test.each([
    ['a byte too few', 2 * ENDPOINT_BYTES - 1, 0],
    ['an offset too far', 2 * ENDPOINT_BYTES, 1],
    ['an offset below 0', 2 * ENDPOINT_BYTES, -1],
  ])('%s', async (_, length, offset) => {
    const fd = descriptorOf(await connected())
    const bytes = untouched(length)
    expect(addon.readEndpoints(fd, bytes.buffer, offset)).toBe(EINVAL)
    expect(bytes).toEqual(untouched(length))
  })

  /** As native/tcp_info.h lays it out. */
  function endpoint(family: number, scope: number, address: number[]) {
    const bytes = new Uint8Array(ENDPOINT_BYTES)
    const view = new DataView(bytes.buffer)
    view.setUint16(0, family, true)
    view.setUint32(4, scope, true)
    bytes.set(address, 8)
    return bytes
  }

  test.each([
    ['255.255.255.255', endpoint(4, 0, [255, 255, 255, 255])],
    ['0.0.0.0', endpoint(4, 0, [])],
    ['::', endpoint(6, 0, [])],
    [
      'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
      endpoint(6, 0, Array(16).fill(255)),
    ],
    [
      '::ffff:255.255.255.255',
      endpoint(6, 0, [...Array(10).fill(0), ...Array(6).fill(255)]),
    ],
    // Interface 1 is loopback; the other number belongs to no interface.
    ['fe80::%lo', endpoint(6, 1, [0xfe, 0x80])],
    ['febf::%lo', endpoint(6, 1, [0xfe, 0xbf])],
    ['fe80::', endpoint(6, 0xffff_ffff, [0xfe, 0x80])],
    ['fec0::', endpoint(6, 1, [0xfe, 0xc0])],
    [undefined, endpoint(0, 0, [1, 2, 3, 4])],
    [undefined, endpoint(10, 0, [1, 2, 3, 4])],
    [undefined, endpoint(4, 0, [1, 2, 3, 4]).slice(1)],
  ])('the text %s', (text, bytes) => {
    expect(addon.formatAddress(bytes.buffer, 0)).toBe(text)
  })
})

describe('the addon as a whole', () => {
  test('keeps no descriptor', async () => {
    const fd = descriptorOf(await connected())
    const bytes = new Uint8Array(512)
    const before = openSockets()
    for (let i = 0; i < 2000; i++) {
      addon.probe()
      addon.keepsPeer()
      addon.readInfo(fd, bytes.buffer, 0)
      addon.readEndpoints(fd, bytes.buffer, 0)
      addon.readState(-1)
    }
    expect(openSockets()).toBe(before)
  })

  test('out of descriptors, the probe says so', async () => {
    const program = `
      import { openSync } from 'node:fs'
      import { createRequire } from 'node:module'
      const load = createRequire(${JSON.stringify(__filename)})
      const addon = load('node-gyp-build')(${JSON.stringify(path.join(__dirname, '../..'))})
      const before = addon.probe()
      try { for (;;) openSync('/dev/null') } catch {}
      console.log(JSON.stringify([before, addon.probe()]))
    `
    const limited = runNode(['--input-type=module', '-e', program])
    expect(await jsonOf(limited)).toEqual([addon.probe(), EMFILE])
  })
})

describe('several environments', () => {
  interface Outcome {
    results: { isVictim?: boolean; code?: number }[]
    leaked: number
    distinct: number
  }
  const environments = (mode: string) =>
    jsonOf<Outcome>(runNode([script('environments.mjs'), mode]))
  const right = () => ({
    read: addon.probe(),
    many: 1,
    filled: [addon.probe(), EBADF],
    flags: HAS_BOTH,
    state: ESTABLISHED,
    local: LOCAL,
    remote: LOCAL,
    probe: addon.probe(),
  })

  test('20 workers at once, half of them terminated as they read', async () => {
    const { results, leaked } = await environments('workers')
    expect(results).toEqual(
      Array.from({ length: 20 }, (_, i) => ({
        ...right(),
        isVictim: i % 2 === 1,
        code: i % 2,
      })),
    )
    expect(leaked).toBeLessThanOrEqual(0)
  })

  test('two copies of the file in one process', async () => {
    const { results, distinct } = await environments('copies')
    expect(results).toEqual(Array(3).fill(right()))
    expect(distinct).toBe(3)
  })

  test('loaded again, and into other contexts', async () => {
    const { results, distinct } = await environments('contexts')
    expect(results).toEqual(Array(8).fill(right()))
    expect(distinct).toBe(4)
  })
})
