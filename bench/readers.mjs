// One read of one connection, by us and by the rivals that run in Node: what
// read.mjs times and instructions.mjs counts.

import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { createRequire } from 'node:module'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect, readTcpInfo, readTcpState } from '../dist/index.js'
import { npmRival } from './rivals.mjs'

const require = createRequire(import.meta.url)

const IPPROTO_TCP = 6
const TCP_INFO = 11
const RTT_OFFSET = 68

/** linux/tcp.h, up to Linux 6.7. */
const STRUCT = [
  [
    'uint8_t',
    'state ca_state retransmits probes backoff options wscale app_limited',
  ],
  [
    'uint32_t',
    'rto ato snd_mss rcv_mss unacked sacked lost retrans fackets ' +
      'last_data_sent last_ack_sent last_data_recv last_ack_recv pmtu ' +
      'rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering ' +
      'rcv_rtt rcv_space total_retrans',
  ],
  ['uint64_t', 'pacing_rate max_pacing_rate bytes_acked bytes_received'],
  [
    'uint32_t',
    'segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out',
  ],
  ['uint64_t', 'delivery_rate busy_time rwnd_limited sndbuf_limited'],
  ['uint32_t', 'delivered delivered_ce'],
  ['uint64_t', 'bytes_sent bytes_retrans'],
  ['uint32_t', 'dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd rehash'],
  ['uint16_t', 'total_rto total_rto_recoveries'],
  ['uint32_t', 'total_rto_time'],
].flatMap(([type, names]) => names.split(' ').map((name) => [name, type]))

/** The loop in C; with `flags`, such as -DWITH_VALGRIND. */
export function compileLoop(...flags) {
  const folder = mkdtempSync(path.join(tmpdir(), 'raw-read-'))
  const file = path.join(folder, 'raw.node')
  execFileSync('cc', [
    ...['-O2', '-shared', '-fPIC', '-o', file],
    ...flags,
    `-I${require('node-api-headers').include_dir}`,
    fileURLToPath(new URL('raw-read.c', import.meta.url)),
  ])
  return require(file)
}

/** An echo server in this process, and two connections that have been used. */
export async function openConnections() {
  const server = net.createServer((peer) => peer.pipe(peer))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  const socket = connect(port, '127.0.0.1')
  const plain = net.connect(port, '127.0.0.1')
  for (const each of [socket, plain]) {
    each.write(Buffer.alloc(1000))
    await new Promise((resolve) => each.once('data', resolve))
  }
  const close = () => {
    socket.destroy()
    plain.destroy()
    server.close()
  }
  return { port, socket, plain, close }
}

function viaKoffi(koffi, { _handle }) {
  const getsockopt = koffi
    .load('libc.so.6')
    .func('int getsockopt(int, int, int, void *, void *)')
  const tcpInfo = koffi.struct('tcp_info', Object.fromEntries(STRUCT))
  const bytes = Buffer.alloc(512)
  const length = new Uint32Array(1)
  const read = () => {
    length[0] = bytes.length
    if (getsockopt(_handle.fd, IPPROTO_TCP, TCP_INFO, bytes, length) !== 0) {
      throw new Error('getsockopt failed')
    }
  }
  return {
    'koffi, one field': () => {
      read()
      return bytes.readUInt32LE(RTT_OFFSET)
    },
    'koffi, all fields': () => {
      read()
      return koffi.decode(bytes, tcpInfo)
    },
  }
}

/** Ours and the rivals': name -> a function that reads once. */
export function readersOf({ socket, plain }) {
  const ours = {
    'readTcpInfo(TcpInfoSocket)': () => readTcpInfo(socket),
    'readTcpInfo(net.Socket)': () => readTcpInfo(plain),
    readTcpState: () => readTcpState(socket),
  }
  const rivals = {}
  const sockopt = npmRival('sockopt@2.0.1')
  if (sockopt) {
    rivals['sockopt, first 4 bytes'] = () =>
      sockopt.getsockopt(socket, IPPROTO_TCP, TCP_INFO)
  }
  const koffi = npmRival('koffi@3.3.4')
  if (koffi) {
    Object.assign(rivals, viaKoffi(koffi, socket))
    if (rivals['koffi, all fields']().rtt !== readTcpInfo(socket).rttUs) {
      throw new Error('koffi reads something else')
    }
  }
  return { ours, rivals }
}
