import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** Runs a benchmark with the ports that a server in another process prints. */
export async function withServer(run, server = './server.mjs') {
  const file = fileURLToPath(new URL(server, import.meta.url))
  const child = fork(file, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const [line] = await once(child.stdout, 'data')
  try {
    await run(String(line).split(' ').map(Number))
  } finally {
    child.disconnect()
  }
}
