/** Runs all scenarios with one kind of socket, in a process and namespace of their own. */

import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { inNamespace } from './namespace.js'

/** What run-scenarios.mjs prints of each. */
export interface Result {
  readonly name: string
  readonly ended: boolean
  readonly entries: readonly unknown[][]
  readonly leaked: number
  readonly outcome: readonly {
    readonly label: string
    readonly records: readonly {
      readonly trigger: string
      readonly state: string
      readonly isNewest: boolean
      readonly afterClose: boolean
      readonly afterError: boolean
    }[]
    readonly hasInfo: boolean
    readonly infoState?: string
    readonly raw?: number
    readonly error?: string
  }[]
}

/** The command is what runs run-scenarios.mjs, with its arguments. */
export async function runScenarios(
  command: readonly string[],
  cwd?: string,
): Promise<Map<string, Result>> {
  const server = net.createServer((peer) => {
    peer.on('error', () => {})
    peer.pipe(peer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const descriptor3 = net.connect({ port, host: '127.0.0.1' }).pause()
  await once(descriptor3, 'connect')
  const { stdout, stderr, code, signal } = await inNamespace(command, {
    descriptor3,
    cwd,
  })
  descriptor3.destroy()
  server.close()
  if (code !== 0) {
    const end = `exit code ${code}, signal ${signal}`
    throw new Error(`${command.join(' ')}: ${end}\n${stderr}`)
  }
  const results = JSON.parse(stdout) as Result[]
  return new Map(results.map((each) => [each.name, each]))
}
