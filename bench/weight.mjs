// What we weigh: time to be imported, over a Node that has nothing to do; memory of a
// socket, over a stock one, and of a record.

import { spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { collect, compare, median, pick, report } from './measure.mjs'
import { withServer } from './with-server.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const IMPORT_GOAL = '< +5'
const TELL_CPU = 'console.log(JSON.stringify(process.cpuUsage()))'
const SOCKETS = 4000

function node(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

async function importing() {
  const folder = mkdtempSync(path.join(tmpdir(), 'import-'))
  mkdirSync(path.join(folder, 'node_modules'))
  symlinkSync(root, path.join(folder, 'node_modules/tcpinfo-socket'))
  /** Of a process whose program that is, from start to end. */
  const running = (name, program, ...flags) => {
    const file = path.join(folder, name)
    writeFileSync(file, `${program}\n${TELL_CPU}`)
    return () => {
      const from = performance.now()
      const { user, system } = JSON.parse(node(...flags, file))
      return { ms: performance.now() - from, cpuMs: (user + system) / 1000 }
    }
  }
  const ours = 'tcpinfo-socket'
  const [esm, cjs] = ['nothing, ESM', 'nothing, CommonJS']
  const collected = await collect(
    {
      [esm]: running('empty.mjs', ''),
      'node:net, node:http and node:https': running(
        'net.mjs',
        "import 'node:net'; import 'node:http'; import 'node:https'",
      ),
      [`import '${ours}'`]: running('ours.mjs', `import '${ours}'`),
      [`--import ${ours}/register`]: running(
        'preloaded.mjs',
        '',
        '--import',
        path.join(root, 'dist/register.js'),
      ),
      [cjs]: running('empty.cjs', ''),
      [`require('${ours}')`]: running('ours.cjs', `require('${ours}')`),
    },
    { rounds: 41, warmups: 3 },
  )
  rmSync(folder, { recursive: true })
  const bases = { [cjs]: cjs, [`require('${ours}')`]: cjs }
  const rows = compare(pick(collected, 'ms'), bases)
  report('A process that imports', 'ms', rows, {
    [`import '${ours}'`]: IMPORT_GOAL,
    [`require('${ours}')`]: IMPORT_GOAL,
    [`--import ${ours}/register`]: IMPORT_GOAL,
  })
  const cpu = compare(pick(collected, 'cpuMs'), bases)
  report('A process that imports, CPU time', 'ms', cpu)
}

async function memory([port]) {
  const program = fileURLToPath(new URL('memory.mjs', import.meta.url))
  const held = (kind) => () =>
    JSON.parse(node('--expose-gc', program, kind, port, SOCKETS))
  const how = { rounds: 3, warmups: 0 }
  const record = pick(await collect({ record: held('record') }, how), 'heap')
  // "No allocation per socket beyond one record."
  const goal = `<= +${Math.ceil(median(record.record))}`
  for (const [state, what] of [
    ['open', 'an open connection'],
    ['closed', 'a closed socket'],
  ]) {
    const collected = await collect(
      {
        'net.Socket': held(`plain ${state}`),
        TcpInfoSocket: held(`ours ${state}`),
        'TcpInfoSocket, with a listener': held(`listener ${state}`),
        'instrument(net.Socket)': held(`instrument ${state}`),
      },
      how,
    )
    const heap = compare(pick(collected, 'heap'))
    report(`Heap of ${what}`, 'bytes', heap, { TcpInfoSocket: goal })
    const rss = compare(pick(collected, 'rss'))
    report(`Resident memory of ${what}`, 'bytes', rss)
  }
  report('Heap of a kept record', 'bytes', compare(record))
}

await importing()
await withServer(memory)
