import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'

const AT_ONCE = 250
/** Descriptors for all else. */
const SPARE = 100

/** How many of the wanted ones a process may have open: getrlimit(2). */
export function affordable(wanted) {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const [, most] = /^Max open files +(\d+)/m.exec(limits)
  return Math.min(wanted, most - SPARE)
}

/** That many idle connections; `open` makes one. */
export async function connectMany(
  count,
  port,
  open = (to) => net.connect(to, '127.0.0.1'),
) {
  const sockets = []
  while (sockets.length < count) {
    const length = Math.min(AT_ONCE, count - sockets.length)
    const some = Array.from({ length }, () => open(port))
    await Promise.all(some.map((socket) => once(socket, 'connect')))
    sockets.push(...some)
  }
  return sockets
}
