// Asks others about a connection: ss(8), or a program in C that reads the same
// socket. Knows nothing of the library, so that it serves its source and its
// build alike.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

/** What grows by itself while nothing happens. */
const CLOCKS = new Set([
  'tcpi_last_data_sent',
  'tcpi_last_data_recv',
  'tcpi_last_ack_recv',
  'tcpi_busy_time',
  'tcpi_rwnd_limited',
  'tcpi_sndbuf_limited',
  'tcpi_total_rto_time',
])
const PATIENCE_MS = 10_000
const SOCKET_STATISTICS = 'ss'

export function plain(info) {
  const raw = Object.entries(info.raw).map(([name, value]) => [
    name,
    Number(value),
  ])
  return { record: { ...info }, raw: Object.fromEntries(raw) }
}

/** What is said of the sockets that the filter lets through. */
export function runSs(options, filter) {
  const args = [options, filter]
  const said = execFileSync(SOCKET_STATISTICS, args, { encoding: 'utf8' })
  return said.replaceAll(/\s+/g, ' ').trim()
}

/** The two ports, in this order, tell one end of a connection from the other. */
export function askSs({ localPort, remotePort }) {
  const filter = `sport = :${localPort} and dport = :${remotePort}`
  const congestion = readFileSync(
    '/proc/sys/net/ipv4/tcp_congestion_control',
    'utf8',
  )
  return {
    line: runSs('-tinmoH', filter),
    congestion: congestion.trim(),
  }
}

/** The program finds the socket as its descriptor 3 and prints JSON. */
export function askProgram(program, descriptor) {
  const stdio = ['ignore', 'pipe', 'inherit', descriptor]
  return JSON.parse(execFileSync(program, { stdio, encoding: 'utf8' }))
}

export function descriptorOf(socket) {
  return socket._handle.fd
}

/** Asks between two reads that are equal: nothing happened in between. */
export async function witness(read, ask) {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const before = plain(read())
    const said = ask(before.record)
    const after = plain(read())
    const moved = Object.keys(before.raw).filter(
      (name) => !CLOCKS.has(name) && before.raw[name] !== after.raw[name],
    )
    if (moved.length === 0) return { before, said, after }
    if (Date.now() > deadline) throw new Error(`never quiet: ${moved}`)
    await wait(20)
  }
}

export async function until(what, isSo) {
  const deadline = Date.now() + PATIENCE_MS
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`)
    await wait(5)
  }
}
