/**
 * A network namespace of our own: packets can vanish there, be delayed or lost,
 * without a word to any other network.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { afterAll, beforeAll } from 'vitest'
import { type Finished, finished } from './child.js'

/** How to enter one; root needs no user namespace. */
const ENTER = process.getuid?.() === 0 ? ['-n'] : ['-r', '-n']

/** Why no namespace can be had here, for the name of a skipped test. */
export const namespaceMissing: string | undefined = (() => {
  const needed = 'unshare(1), ip(8) and the right to make a network namespace'
  const { status } = spawnSync('unshare', [...ENTER, 'ip', 'link'])
  return status === 0 ? undefined : `needs ${needed}`
})()

/**
 * Loopback, and a device that swallows all that is sent to 10.255.1.0/24;
 * 10.255.2.0/24 has a route that refuses. A SYN is given up after 3 seconds.
 */
const SETUP = `
set -e
ip link set lo up
ip link add silent type veth peer name nobody
ip link set silent up
ip link set nobody up
ip addr add 10.255.1.100/24 dev silent
for address in 10.255.1.1 10.255.1.2; do
  ip neigh add $address lladdr 02:00:00:00:00:01 dev silent nud permanent
done
ip route add unreachable 10.255.2.0/24
echo 1 > /proc/sys/net/ipv4/tcp_syn_retries
`

export interface Options {
  /** Further shell commands before the command. */
  readonly setup?: string
  readonly descriptor3?: Socket
  readonly cwd?: string | undefined
}

/** Why no namespace can be had here that several commands enter one by one. */
export const sharedNamespaceMissing: string | undefined =
  namespaceMissing ?? (process.getuid?.() === 0 ? undefined : 'needs root')

/**
 * A namespace with loopback for the tests of the block that this is called in.
 * `enter()` gives the words that go before a command, `tcp()` the kernel's counters.
 */
export function useNamespace(): {
  enter: () => readonly string[]
  tcp: () => Record<string, number>
} {
  let holder: ChildProcess
  beforeAll(async () => {
    const script = 'ip link set lo up && echo ready && exec sleep infinity'
    const args = ['--pdeathsig=KILL', 'unshare', '-n', 'sh', '-c', script]
    holder = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(holder.stdout as Readable, 'data')
  })
  afterAll(() => void holder.kill('SIGKILL'))
  return {
    enter: () => ['nsenter', `--net=/proc/${holder.pid}/ns/net`],
    tcp: () => {
      const snmp = readFileSync(`/proc/${holder.pid}/net/snmp`, 'utf8')
      const [names = [], values] = [...snmp.matchAll(/^Tcp: (.*)$/gm)].map(
        ([, line = '']) => line.split(' '),
      )
      return Object.fromEntries(
        names.map((name, i) => [name, Number(values?.[i])]),
      )
    },
  }
}

/** Runs a command in a fresh namespace. */
export function inNamespace(
  command: readonly string[],
  { setup = '', descriptor3, cwd }: Options = {},
): Promise<Finished> {
  const script = `${SETUP}${setup}\nexec "$@"`
  const child = spawn(
    'unshare',
    [...ENTER, 'sh', '-c', script, 'sh', ...command],
    { cwd, stdio: ['ignore', 'pipe', 'pipe', descriptor3 ?? 'ignore'] },
  )
  return finished(child)
}
