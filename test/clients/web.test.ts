/** The recipes for clients of the web, with real servers. */

import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { axiosClient } from './recipes/axios.mjs'
import { expectFinals, listener, watched } from './watched.js'

const BODY = Buffer.alloc(300_000, 'x')
const fixture = (name: string): Buffer =>
  readFileSync(path.join(__dirname, '../fixtures', name))
const certificate = {
  key: fixture('localhost-key.pem'),
  cert: fixture('localhost-cert.pem'),
}
const answer: http.RequestListener = (request, response) => {
  request.resume()
  request.on('end', () => response.end(BODY))
}

describe.each(['http', 'https'] as const)('%s', (scheme) => {
  const serve = async () => {
    const server =
      scheme === 'http'
        ? http.createServer(answer)
        : https.createServer(certificate, answer)
    const seen = await watched(server)
    return { ...seen, url: `${scheme}://localhost:${seen.port}/` }
  }

  test('axios', async () => {
    const server = await serve()
    const onTcpInfo = listener()
    const client = axiosClient(onTcpInfo)
    client.defaults.httpsAgent.options.ca = certificate.cert
    const { data } = await client.get(server.url)
    expect(data).toHaveLength(BODY.length)
    client.defaults.httpAgent.destroy()
    client.defaults.httpsAgent.destroy()
    const [info] = await expectFinals(onTcpInfo, server)
    expect(info?.bytesReceived).toBeGreaterThan(BODY.length)
  })
})
