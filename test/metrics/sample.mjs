// A program whose metrics are asked for in every way: by Prometheus (at METRICS),
// by OpenTelemetry (to OTLP) and on its input, where each line is a command as
// JSON, [name, argument], and is answered by a line of JSON. Servers and clients
// are all its own: what goes over the port TRAFFIC is labelled "test", and what is
// needed to ask is labelled "own".

import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import readline from 'node:readline'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import {
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { register } from 'prom-client'
import * as opentelemetry from 'tcpinfo-socket/opentelemetry'
import * as prometheus from 'tcpinfo-socket/prometheus'

const { TRAFFIC, METRICS, OTLP } = process.env

const labels = {
  traffic: ({ localPort, remotePort }) =>
    [localPort, remotePort].includes(Number(TRAFFIC)) ? 'test' : 'own',
}
const exporter = new OTLPMetricExporter({ url: OTLP })
const meterProvider = new MeterProvider({
  readers: [
    new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 1e6 }),
  ],
})
opentelemetry.collectTcpMetrics({ labels, meterProvider })
prometheus.collectTcpMetrics({ labels })

const accepted = new Set()
const server = http.createServer((_request, response) => {
  response.end('x'.repeat(20_000))
})
server.on('connection', (socket) => {
  accepted.add(socket)
  socket.on('error', () => {}).on('close', () => accepted.delete(socket))
})
server.keepAliveTimeout = 0
await once(server.listen(Number(TRAFFIC), '0.0.0.0'), 'listening')

const asked = http.createServer(async (_request, response) => {
  response.setHeader('Content-Type', register.contentType)
  response.end(await register.metrics())
})
await once(asked.listen(Number(METRICS), '127.0.0.1'), 'listening')

const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity })

function get(options) {
  return new Promise((resolve, reject) => {
    http
      .get({ host: '127.0.0.1', port: TRAFFIC, ...options }, (response) => {
        response.on('error', reject).on('end', resolve).resume()
      })
      .on('error', reject)
  })
}

const connect = (port) =>
  net.connect(Number(port), '127.0.0.1').on('error', () => {})

/** (`once` would reject at the error before.) */
const closed = (socket) => new Promise((done) => socket.once('close', done))

const kept = () => Object.values(agent.freeSockets).flat().length

/** Until the server has no more connections than so many. */
async function settled(count) {
  while (accepted.size > count) {
    await new Promise((done) => setTimeout(done, 5))
  }
}

const commands = {
  /** So many connections that stay open. */
  async open({ count, ...options }) {
    await Promise.all(
      Array.from({ length: count }, () => get({ agent, ...options })),
    )
  },
  /** So many that are closed at once, 50 at a time. */
  async short({ count, ...options }) {
    const one = () => get({ agent: false, ...options })
    for (let left = count; left > 0; left -= 50) {
      await Promise.all(Array.from({ length: Math.min(left, 50) }, one))
    }
    await settled(kept())
  },
  async close() {
    agent.destroy()
    await settled(0)
  },
  /** A reset, an error of our own making, a refusal. */
  async endings() {
    const reset = connect(TRAFFIC)
    const connected = once(reset, 'connect')
    const [accepted] = await once(server, 'connection')
    await connected
    accepted.resetAndDestroy()
    await closed(reset)
    const own = connect(TRAFFIC)
    await once(own, 'connect')
    own.destroy(Object.assign(new Error(), { code: `ERR_${Math.random()}` }))
    const refused = connect(1)
    await closed(refused)
    await settled(kept())
  },
  metrics: () => register.metrics(),
  flush: () => meterProvider.forceFlush(),
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  const [name, argument] = JSON.parse(line)
  const answer = await commands[name](argument)
  process.stdout.write(`${JSON.stringify(answer ?? null)}\n`)
}
process.exit()
