// All benchmarks, or those that are named, one after the other, each in a process
// of its own.

import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const ALL = ['read', 'churn', 'http', 'guard', 'sampling']
const named = process.argv.slice(2)
for (const name of named.length > 0 ? named : ALL) {
  const { status } = spawnSync(
    process.execPath,
    [path.join(here, `${name}.mjs`)],
    { stdio: 'inherit' },
  )
  if (status !== 0) process.exitCode = 1
}
