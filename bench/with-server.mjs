import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** Runs a benchmark with the ports of a server in another process. */
export async function withServer(run) {
  const file = path.join(
    path.dirname(fileURLToPath(import.meta.url)),
    'server.mjs',
  )
  const child = fork(file, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const [line] = await once(child.stdout, 'data')
  const [tcpPort, httpPort] = String(line).split(' ').map(Number)
  try {
    await run({ tcpPort, httpPort })
  } finally {
    child.disconnect()
  }
}
