import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { certificate } from '../support/certificate.mjs'
import { type Finished, jsonOf, runNode, script } from '../support/child.js'
import { inNamespace, namespaceMissing } from '../support/namespace.js'
import { freePort } from '../support/net.js'

const STAGES = [
  'created',
  'looking up, without answer',
  'looking up, in the thread pool',
  'connecting, in the same tick',
  'idle',
  'a hundred sockets',
  'mid-transfer',
  'mid-transfer, without end',
  "in 'connect'",
  "in 'data'",
  "in 'error', refused",
  "in 'error', reset",
  "in 'close'",
  'after destroy()',
  'after connect() and destroy()',
  'after end()',
  'pooled by an http agent',
  'pooled by an https agent',
]

/** Of these, stock sockets know nothing. */
const OUR_STAGES = [
  "in 'tcpinfo', on demand",
  "in 'tcpinfo', at the close",
  'after captureTcpInfo()',
  'captured as the process ends',
]

/** How the end comes, and what is printed of it when all is well. */
const ENDS: readonly [how: string, then: string][] = [
  ['exit', ''],
  ['drain', ''],
  ['SIGTERM', ''],
  ['SIGKILL', ''],
  ['worker exit', 'worker: 7\n'],
  ['worker terminated', 'worker: 1\n'],
  ['worker drain', 'worker: 0\n'],
]

/** Far more than any needs; nothing on the servers' side ends it before. */
const TIMEOUT = 15_000

const OURS = ['ours', 'instrumented']

const servers: net.Server[] = []
const peers = new Set<net.Socket>()
const ports: Record<string, number> = {}

async function serve(name: string, server: net.Server): Promise<void> {
  servers.push(server)
  server.on('connection', (peer: net.Socket) => {
    peers.add(peer)
    peer.on('error', () => {})
    peer.on('close', () => peers.delete(peer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ports[name] = (server.address() as AddressInfo).port
}

/** Writes for as long as somebody reads. */
function flood(peer: net.Socket): void {
  const chunk = Buffer.alloc(65_536)
  const write = (): void => {
    while (peer.writable && peer.write(chunk));
  }
  peer.on('drain', write)
  write()
}

beforeAll(async () => {
  const answer: http.RequestListener = (_, response) => response.end('hello')
  await serve(
    'echo',
    net.createServer((peer) => peer.pipe(peer)),
  )
  await serve('flood', net.createServer(flood))
  await serve(
    'reset',
    net.createServer((peer) => peer.on('data', () => peer.resetAndDestroy())),
  )
  for (const [name, server] of [
    ['http', http.createServer(answer)],
    ['https', https.createServer(certificate, answer)],
  ] as const) {
    server.keepAliveTimeout = 10 * TIMEOUT
    await serve(name, server)
  }
  ports.closed = await freePort()
})

afterAll(() => {
  for (const server of servers) server.close()
  for (const peer of peers) peer.destroy()
})

const argumentsFor = (how: string, stage: string, kind: string): string[] => [
  script('exit-stages.mjs'),
  ...[how, stage, kind, JSON.stringify(ports)],
]

const ended = (how: string, stdout: string): Finished => ({
  ...(how.startsWith('SIG')
    ? { code: null, signal: how as NodeJS.Signals }
    : { code: 0, signal: null }),
  ...{ stdout, stderr: '' },
})

describe.each(ENDS)('%s', { concurrent: true }, (how, then) => {
  const run = (stage: string, kind: string) =>
    runNode(argumentsFor(how, stage, kind), { timeout: TIMEOUT })

  describe.each(OURS)('%s', (kind) => {
    test.each([...STAGES, ...OUR_STAGES])('%s', async (stage) => {
      expect(await run(stage, kind)).toEqual(ended(how, `${stage}\n${then}`))
    })
  })

  // What is asked of ours is no more than what stock sockets do.
  describe('stock', () => {
    test.each(STAGES)('%s', async (stage) => {
      expect(await run(stage, 'stock')).toEqual(ended(how, `${stage}\n${then}`))
    })
  })

  const title = 'SYN_SENT'
  describe.skipIf(namespaceMissing)(
    namespaceMissing ? `${title} (skipped: ${namespaceMissing})` : title,
    () => {
      test.each(['stock', ...OURS])('%s', async (kind) => {
        const command = [
          process.execPath,
          ...argumentsFor(how, 'SYN_SENT', kind),
        ]
        expect(await inNamespace(command)).toEqual(
          ended(how, `SYN_SENT\n${then}`),
        )
      })
    },
  )
})

describe('what keeps the loop alive', () => {
  test.each(OURS)('%s: what does with stock sockets', async (kind) => {
    const seen = (of: string) =>
      jsonOf<[moment: string, resources: { handles: string[] }][]>(
        runNode(argumentsFor('resources', '', of), { timeout: TIMEOUT }),
      )
    const stock = await seen('stock')
    expect(stock).toHaveLength(13)
    expect(Object.fromEntries(stock).connected?.handles).toContain('Socket')
    expect(await seen(kind)).toEqual(stock)
  })
})
