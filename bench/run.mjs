// All benchmarks, one after the other, each in a process of its own.

import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
for (const name of ['read', 'churn', 'http', 'guard']) {
  const { status } = spawnSync(
    process.execPath,
    [path.join(here, `${name}.mjs`)],
    { stdio: 'inherit' },
  )
  if (status !== 0) process.exitCode = 1
}
