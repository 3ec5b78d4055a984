// A program that knows nothing of tcpinfo-socket: servers and clients of several
// kinds, some that fail, a worker, and connections left open at the end.

import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { Redis } from 'ioredis'
import pg from 'pg'
import { certificate } from '../support/certificate.mjs'

const LOCAL = '127.0.0.1'

async function listening(server) {
  server.listen(0, LOCAL)
  await once(server, 'listening')
  return server.address().port
}

const ended = async (stream) => {
  for await (const _ of stream);
}

async function get(url, options = {}) {
  const client = url.startsWith('https') ? https : http
  const request = client.get(url, { rejectUnauthorized: false, ...options })
  const [response] = await once(request, 'response')
  await ended(response)
}

if (isMainThread) {
  const answer = (_request, response) => response.end('x'.repeat(1000))
  const web = `http://${LOCAL}:${await listening(http.createServer(answer))}`
  const secure = `https://${LOCAL}:${await listening(https.createServer(certificate, answer))}`
  const port = new URL(web).port

  for (let i = 0; i < 5; i++) await (await fetch(web)).text()
  for (let i = 0; i < 5; i++) await get(web, { agent: false })
  for (let i = 0; i < 3; i++) await get(secure, { agent: false })

  // Refused.
  const free = net.createServer()
  const freePort = await listening(free)
  free.close()
  await once(free, 'close')
  await once(net.connect(freePort, LOCAL), 'error')

  // The first of two addresses refuses.
  const eyeballs = net.connect({
    port,
    host: 'two.invalid',
    autoSelectFamily: true,
    lookup: (_host, _options, callback) =>
      callback(null, [
        { address: '::1', family: 6 },
        { address: LOCAL, family: 4 },
      ]),
  })
  await once(eyeballs, 'connect')
  eyeballs.destroy()

  // Reset, and the server's side of it.
  const reset = net.connect(port, LOCAL)
  await once(reset, 'connect')
  reset.resetAndDestroy()
  await once(reset, 'close')

  const { POSTGRES, REDIS } = process.env
  const pool = new pg.Pool({ host: LOCAL, port: POSTGRES, user: 'postgres' })
  await Promise.all([1, 2, 3].map(() => pool.query('select 1')))
  await pool.end()
  const redis = new Redis(REDIS, LOCAL)
  await redis.set('key', 'value')
  await redis.quit()

  const worker = new Worker(new URL(import.meta.url), { workerData: web })
  await once(worker, 'exit')

  // Left open.
  await once(net.connect(port, LOCAL), 'connect')
  setTimeout(() => process.exit(3), 100)
} else {
  for (let i = 0; i < 4; i++) await get(workerData, { agent: false })
}
