/** The recipes for clients of the web and of mail, with real servers. */

import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import { createInterface } from 'node:readline'
import tls from 'node:tls'
import { Server as SocketIoServer } from 'socket.io'
import { getGlobalDispatcher, Pool, request, setGlobalDispatcher } from 'undici'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { type Instrumented, instrument } from '../../lib/index.js'
import { certificate } from '../support/certificate.mjs'
import { freePort, wait } from '../support/net.js'
import { axiosClient } from './recipes/axios.mjs'
import { gotClient } from './recipes/got.mjs'
import * as ofHttp from './recipes/http.mjs'
import { session } from './recipes/http2.mjs'
import * as ofHttps from './recipes/https.mjs'
import { fetchWith } from './recipes/node-fetch.mjs'
import { transport } from './recipes/nodemailer.mjs'
import { socketIo } from './recipes/socket.io.mjs'
import { connector, dispatcher } from './recipes/undici.mjs'
import { webSocket } from './recipes/ws.mjs'
import { expectFinals, listener, watched } from './watched.js'

const BODY = 'x'.repeat(300_000)
const ca = certificate.cert

const answer = (
  request: http.IncomingMessage | http2.Http2ServerRequest,
  response: http.ServerResponse | http2.Http2ServerResponse,
): void => {
  request.resume()
  request.on('end', () => response.end(BODY))
}

describe.each(['http', 'https'] as const)('%s', (scheme) => {
  const serverFor = (onRequest?: http.RequestListener) =>
    scheme === 'http'
      ? http.createServer(onRequest)
      : https.createServer(certificate, onRequest)
  const serve = async (server: http.Server | https.Server) => {
    const seen = await watched(server)
    const url = `${scheme}://localhost:${seen.port}/`
    return { ...seen, server, url }
  }

  test('the stock client', async () => {
    const server = await serve(serverFor(answer))
    const onTcpInfo = listener()
    const request =
      scheme === 'http'
        ? ofHttp.get(server.url, onTcpInfo)
        : ofHttps.get(server.url, onTcpInfo, { ca })
    const [response] = await once(request, 'response')
    response.resume()
    await once(response, 'end')
    await expectFinals(onTcpInfo, server, BODY.length)
  })

  // Each gives what one request brings.
  const keepAlive: [
    string,
    (
      onTcpInfo: ReturnType<typeof listener>,
      url: string,
    ) => () => Promise<string>,
  ][] = [
    [
      'axios',
      (onTcpInfo, url) => {
        const client = axiosClient(onTcpInfo, { keepAlive: true, ca })
        return async () => (await client.get<string>(url)).data
      },
    ],
    [
      'got',
      (onTcpInfo, url) => {
        const client = gotClient(onTcpInfo, { keepAlive: true, ca })
        return () => client(url).text()
      },
    ],
    [
      'node-fetch',
      (onTcpInfo, url) => {
        const fetch = fetchWith(onTcpInfo, { keepAlive: true, ca })
        return async () => (await fetch(url)).text()
      },
    ],
    [
      'undici Agent',
      (onTcpInfo, url) => {
        const agent = dispatcher(onTcpInfo, { ca })
        return async () =>
          (await request(url, { dispatcher: agent })).body.text()
      },
    ],
    [
      'fetch, by its option',
      (onTcpInfo, url) => {
        // Node's types are of another generation of undici.
        const init: object = { dispatcher: dispatcher(onTcpInfo, { ca }) }
        return async () => (await fetch(url, init)).text()
      },
    ],
    [
      'fetch, by setGlobalDispatcher',
      (onTcpInfo, url) => {
        const before = getGlobalDispatcher()
        onTestFinished(() => setGlobalDispatcher(before))
        setGlobalDispatcher(dispatcher(onTcpInfo, { ca }))
        return async () => (await fetch(url)).text()
      },
    ],
    [
      'undici Pool',
      (onTcpInfo, url) => {
        const connect = connector(onTcpInfo, { ca })
        const pool = new Pool(new URL(url).origin, { connect })
        return async () => {
          const { body } = await pool.request({ method: 'GET', path: '/' })
          return body.text()
        }
      },
    ],
  ]
  test.each(keepAlive)('%s: two requests', async (_, make) => {
    const server = await serve(serverFor(answer))
    const onTcpInfo = listener()
    const get = make(onTcpInfo, server.url)
    for (let i = 0; i < 2; i++) expect(await get()).toBe(BODY)
    server.server.closeIdleConnections()
    await expectFinals(onTcpInfo, server, 2 * BODY.length)
  })

  test('ws', async () => {
    const server = await serve(serverFor())
    const states: unknown[] = []
    const webSockets = new WebSocketServer({ server: server.server })
    webSockets.on('connection', (peer, { socket }) => {
      states.push(instrument(socket).captureTcpInfo()?.state)
      peer.on('message', (message) => peer.send(message))
    })
    const onTcpInfo = listener()
    const url = server.url.replace('http', 'ws')
    const client = webSocket(url, onTcpInfo, { ca })
    await once(client, 'open')
    client.send(BODY)
    const [message] = await once(client, 'message')
    expect(String(message)).toBe(BODY)
    expect(states).toEqual(['ESTABLISHED'])
    client.close()
    await expectFinals(onTcpInfo, server, BODY.length)
  })

  describe.each(['polling', 'websocket'])('socket.io by %s', (transport) => {
    test('is told of', async () => {
      const server = await serve(serverFor())
      const io = new SocketIoServer(server.server)
      const left = new Promise((resolve) => {
        io.on('connection', (peer) => {
          peer.on('echo', (text, reply) => reply(text))
          peer.on('disconnect', resolve)
        })
      })
      const onTcpInfo = listener()
      const options = { transports: [transport], ca }
      const client = socketIo(server.url, onTcpInfo, options)
      expect(await client.emitWithAck('echo', BODY)).toBe(BODY)
      client.disconnect()
      await left
      // The last requests are under way in both directions.
      await wait(100)
      server.server.closeIdleConnections()
      await expectFinals(onTcpInfo, server, BODY.length)
    })
  })

  test('http2', async () => {
    const http2Server =
      scheme === 'http'
        ? http2.createServer(answer)
        : http2.createSecureServer(certificate, answer)
    const seen = await watched(http2Server)
    const url = `${scheme}://localhost:${seen.port}`
    const onTcpInfo = listener()
    const client = session(url, onTcpInfo, { ca })
    const stream = client.request({ ':path': '/' }).setEncoding('utf8')
    let text = ''
    for await (const chunk of stream) text += chunk
    expect(text).toBe(BODY)
    const { captureTcpInfo } = client.socket as Instrumented<net.Socket>
    expect(captureTcpInfo()?.bytesReceived).toBeGreaterThan(BODY.length)
    client.close()
    await expectFinals(onTcpInfo, seen, BODY.length)
  })
})

describe('nodemailer', () => {
  const letters: string[] = []

  /** As much SMTP as a letter needs. */
  function converse(stream: net.Socket, isSecure = false): void {
    const say = (line: string): boolean => stream.write(`${line}\r\n`)
    const lines = createInterface(stream)
    let letter: string[] | undefined
    lines.on('line', (line) => {
      if (letter && line !== '.') {
        letter.push(line)
      } else if (letter) {
        letters.push(letter.join('\n'))
        letter = undefined
        say('250 taken')
      } else if (line.startsWith('EHLO')) {
        say(isSecure ? '250 here' : '250-here\r\n250 STARTTLS')
      } else if (line === 'STARTTLS') {
        lines.close()
        say('220 go on')
        const options = { isServer: true, ...certificate }
        converse(new tls.TLSSocket(stream, options), true)
      } else if (line === 'DATA') {
        letter = []
        say('354 go on')
      } else if (line === 'QUIT') {
        stream.end('221 bye\r\n')
      } else {
        say('250 yes')
      }
    })
  }
  const greet = (peer: net.Socket): void => {
    peer.write('220 here\r\n')
    converse(peer, peer instanceof tls.TLSSocket)
  }

  test.each([
    ['plain', { ignoreTLS: true }],
    ['STARTTLS', { requireTLS: true }],
    ['TLS from the start', { secure: true }],
  ])('%s', async (_, options) => {
    const server = await watched(
      'secure' in options
        ? tls.createServer(certificate, greet)
        : net.createServer(greet),
    )
    const onTcpInfo = listener()
    const place = { host: 'localhost', port: server.port, tls: { ca } }
    const mailer = transport({ ...place, ...options }, onTcpInfo)
    const [from, to] = ['a@example.com', 'b@example.com']
    await mailer.sendMail({ from, to, subject: 'x', text: BODY })
    expect(letters.pop()?.replaceAll(/=\n/g, '')).toContain(BODY)
    const [info] = await expectFinals(onTcpInfo, server, 50)
    expect(info?.bytesSent).toBeGreaterThan(BODY.length)
  })

  // nodemailer passes on what getSocket gives; its own code is ESOCKET.
  test('a refusal is the system’s error, with a record', async () => {
    const port = await freePort()
    const onTcpInfo = listener()
    const mailer = transport({ host: '127.0.0.1', port }, onTcpInfo)
    const failure = mailer.sendMail({ to: 'b@example.com' })
    await expect(failure).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(onTcpInfo).toHaveBeenCalledOnce()
    expect(onTcpInfo.mock.lastCall?.[0].state).toBe('CLOSED')
  })
})
