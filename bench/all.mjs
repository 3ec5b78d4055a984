// All connections of a process once: 10,000, or as many as may be open. Rivals: `ss`,
// as it is and restricted to the server's port, and a loop in C over their
// descriptors.

import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import nodeGypBuild from 'node-gyp-build'
import { readTcpInfo } from '../dist/index.js'
import { affordable, connectMany } from './connect-many.mjs'
import { format, interleave, report } from './measure.mjs'
import { compileLoop } from './readers.mjs'
import { tool } from './rivals.mjs'
import { withServer } from './with-server.mjs'

const SOCKETS = 10_000
/** As sample() does it: so many in a call, into memory that stays in the cache. */
const ROWS = 64
const STRIDE = 280
const ENOUGH = 64 * 2 ** 20

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const addon = nodeGypBuild(root)
const { loop } = compileLoop()

let sink
/** Milliseconds. */
const timed = (act) => () => {
  const from = performance.now()
  sink = act()
  return performance.now() - from
}

await withServer(async ([port]) => {
  const sockets = await connectMany(affordable(SOCKETS), port)
  const descriptors = Int32Array.from(sockets, ({ _handle }) => _handle.fd)
  const bytes = new Uint8Array(ROWS * STRIDE)
  const filled = new Int32Array(ROWS)
  const batches = []
  for (let from = 0; from < sockets.length; from += ROWS) {
    batches.push(descriptors.subarray(from, from + ROWS))
  }
  const ss = (...filter) => {
    const { stdout, status } = spawnSync('ss', ['-tinH', ...filter], {
      maxBuffer: ENOUGH,
    })
    if (status !== 0) throw new Error('ss failed')
    return stdout
  }
  const rows = await interleave(
    {
      'C getsockopt': timed(() => loop(descriptors, 1)),
      "the addon's readMany": timed(() => {
        for (const batch of batches) {
          sink = addon.readMany(batch, bytes, STRIDE, filled)
        }
        return sink
      }),
      'readTcpInfo of each': timed(() => sockets.map(readTcpInfo)),
      ...(tool('ss', 'iproute2') && {
        'ss -tinH dport': timed(() => ss('dport', '=', `:${port}`)),
        'ss -tinH': timed(() => ss()),
      }),
    },
    { rounds: 21 },
  )
  report(`${format(sockets.length)} connections once`, 'ms', rows, {
    "the addon's readMany": '<= 1.1',
  })
  for (const socket of sockets) socket.destroy()
})
if (sink === undefined) throw new Error('nothing was read')
