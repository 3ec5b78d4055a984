/** The recipe for clients that take no socket, with gRPC and Node's own fetch. */

import http from 'node:http'
import https from 'node:https'
import * as grpc from '@grpc/grpc-js'
import { expect, onTestFinished, test } from 'vitest'
import type { TcpInfo } from '../../lib/index.js'
import { certificate } from '../support/certificate.mjs'
import { everyConnection } from './recipes/every-connection.mjs'
import {
  expectFinals,
  listener,
  type Watched,
  watched,
  watchedWayTo,
} from './watched.js'

const BODY = Buffer.alloc(300_000, 'x')
const { key, cert } = certificate

/** Only what goes to that server: the listener hears of all connections. */
function hearing(server: Watched) {
  const onTcpInfo = listener()
  everyConnection((info: TcpInfo) => {
    if (info.remotePort === server.port) onTcpInfo(info)
  })
  return onTcpInfo
}

const echo: grpc.ServiceDefinition = {
  call: {
    path: '/test.Echo/Call',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (value: Buffer) => value,
    responseDeserialize: (bytes: Buffer) => bytes,
  },
}

test.each([
  [
    'plain',
    grpc.ServerCredentials.createInsecure(),
    grpc.credentials.createInsecure(),
  ],
  [
    'TLS',
    grpc.ServerCredentials.createSsl(null, [
      { private_key: key, cert_chain: cert },
    ]),
    grpc.credentials.createSsl(cert),
  ],
])('@grpc/grpc-js, %s', async (_, ofServer, ofClient) => {
  const grpcServer = new grpc.Server()
  grpcServer.addService(echo, {
    call: ({ request }: { request: Buffer }, callback: CallableFunction) =>
      callback(null, request),
  })
  const port = await new Promise<number>((resolve, reject) => {
    grpcServer.bindAsync('127.0.0.1:0', ofServer, (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  onTestFinished(() => grpcServer.forceShutdown())
  const server = await watchedWayTo(port)
  const onTcpInfo = hearing(server)
  const Client = grpc.makeClientConstructor(echo, 'Echo')
  const client = new Client(`localhost:${server.port}`, ofClient)
  const answer = await new Promise((resolve, reject) => {
    client.call?.(BODY, (error: Error | null, value: Buffer) =>
      error ? reject(error) : resolve(value),
    )
  })
  expect(answer).toEqual(BODY)
  client.close()
  await expectFinals(onTcpInfo, server, BODY.length)
})

test('Node’s own fetch', async () => {
  const httpServer = http.createServer((_, response) => response.end(BODY))
  const server = await watched(httpServer)
  const onTcpInfo = hearing(server)
  const response = await fetch(`http://localhost:${server.port}`)
  expect(await response.text()).toHaveLength(BODY.length)
  httpServer.closeIdleConnections()
  await expectFinals(onTcpInfo, server, BODY.length)
})

test('https', async () => {
  const server = await watched(
    https.createServer(certificate, (_, response) => response.end(BODY)),
  )
  const onTcpInfo = hearing(server)
  const { port } = server
  const agent = new https.Agent({ ca: cert })
  https.get({ host: 'localhost', port, agent }, (response) => {
    response.resume()
  })
  await expectFinals(onTcpInfo, server, BODY.length)
})
