import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import {
  connect,
  type Instrumented,
  instrument,
  type TcpInfoSocket,
} from '../../lib/index.js'

export interface Pair {
  readonly client: TcpInfoSocket
  readonly accepted: Instrumented<net.Socket>
}

/** Both ends of a connection on loopback; neither reads by itself. */
export async function pairOn(listenAt: string, host: string): Promise<Pair> {
  const server = net.createServer({ allowHalfOpen: true })
  onTestFinished(() => void server.close())
  server.listen(0, listenAt)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = connect({ port, host, allowHalfOpen: true })
  const [[peer]] = (await Promise.all([
    once(server, 'connection'),
    once(client, 'connect'),
  ])) as [[net.Socket], unknown]
  const accepted = instrument(peer)
  onTestFinished(() => {
    client.destroy()
    peer.destroy()
  })
  return { client, accepted }
}
