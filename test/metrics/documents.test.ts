import { once } from 'node:events'
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { Registry } from 'prom-client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { collectTcpMetrics } from '../../lib/metrics/prometheus.js'
import {
  METRICS,
  openTelemetryNameOf,
  prometheusNameOf,
} from '../../lib/metrics/table.js'
import { jsonOf, runNode } from '../support/child.js'
import { freePort } from '../support/net.js'
import { dashboardQueries } from './dashboard.js'
import { samplesIn } from './program.js'

const root = path.join(__dirname, '../..')
const setups = path.join(__dirname, 'setups')
const manual = readFileSync(path.join(root, 'docs/metrics.md'), 'utf8')

test('the dashboard asks for what there is', () => {
  const known = METRICS.flatMap((metric) => {
    const name = `tcp_${prometheusNameOf(metric)}`
    return metric.kind === 'histogram' ? [`${name}_bucket`] : [name]
  })
  const queries = dashboardQueries()
  expect(queries.length).toBeGreaterThan(15)
  for (const { expr } of queries) {
    const names = expr.match(/\btcp_\w+/g)
    expect(names).not.toBe(null)
    expect(known).toEqual(expect.arrayContaining(names ?? []))
  }
})

describe('docs/metrics.md', () => {
  test('lists every metric, as it is', () => {
    const rows = METRICS.map((metric) => {
      const { kind, unit, help } = metric
      const kinds = { upDown: 'gauge', histogram: 'histogram' }
      const names = [
        `\`tcp_${prometheusNameOf(metric)}\``,
        `\`${openTelemetryNameOf(metric)}\``,
      ]
      const shown = (kinds as Record<string, string>)[kind] ?? 'counter'
      return `| ${[...names, shown, unit, help].join(' | ')} |`
    })
    const listed = manual.split('\n').filter((line) => /^\| `tcp_/.test(line))
    expect(listed).toEqual(rows)
  })

  test.each(readdirSync(setups))('has the code of %s', (name) => {
    const code = readFileSync(path.join(setups, name), 'utf8')
    expect(manual).toContain(`\`\`\`js\n${code}\`\`\``)
  })
})

const dist = (name: string): string => path.join(root, 'dist', name)

/** The setup for Prometheus as it is, but for the port, which may be in use. */
function setupFor(port: number): string {
  // In this package, whose name it imports.
  const folder = mkdtempSync(path.join(__dirname, 'setup-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const code = readFileSync(path.join(setups, 'prometheus.mjs'), 'utf8')
  const file = path.join(folder, 'prometheus.mjs')
  writeFileSync(file, code.replace('9464', String(port)))
  return file
}

describe('the setups work', () => {
  test.each([
    ['--import', 'register.js'],
    ['--require', 'register.cjs'],
  ])('Prometheus, with %s', async (option, register) => {
    const port = await freePort()
    // What the metrics are asked for with is a connection of the program, too.
    const program = `
      const text = await (await fetch('http://127.0.0.1:${port}')).text()
      console.log(JSON.stringify(text))
      setTimeout(() => {}, 10)`
    const setup = setupFor(port)
    const nodeOptions = [option, dist(register), '--import', setup]
    const args = ['--input-type=module', '-e', program]
    const samples = samplesIn(await jsonOf(runNode(args, { nodeOptions })))
    expect(samples.get('tcp_connections_created_total')).toBe(2)
    expect(samples.get('tcp_open_connections')).toBe(2)
    expect(samples.get('tcp_bytes_received_total')).toBeGreaterThan(50)
    expect([...samples.keys()].join()).not.toContain('tcp_connections_closed')
  })

  test('OpenTelemetry', async () => {
    const bodies: string[] = []
    const sink = http.createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request.setEncoding('utf8')) body += chunk
      bodies.push(body)
      response.end('{}')
    })
    await once(sink.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void sink.close())
    const { port } = sink.address() as AddressInfo
    const url = `http://127.0.0.1:${port}`
    const program = `
      await (await fetch('${url}')).text()
      process.emit('SIGTERM')`
    const setup = path.join(setups, 'opentelemetry.mjs')
    const nodeOptions = ['--import', dist('register.js'), '--import', setup]
    const finished = await runNode(['--input-type=module', '-e', program], {
      nodeOptions,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: url },
    })
    expect(finished).toMatchObject({ code: 0, stderr: '' })
    const [{ scopeMetrics }] = JSON.parse(bodies.at(-1) ?? '').resourceMetrics
    const created = scopeMetrics[0].metrics.find(
      ({ name }: { name: string }) => name === 'tcp.connections_created',
    )
    expect(created.sum.dataPoints).toMatchObject([{ asDouble: 1 }])
  })
})

/** The numbers of a protobuf message that has nothing else, by their tags. */
function numbersIn(bytes: readonly number[]): Map<number, number> {
  const varints: number[] = []
  let value = 0
  let times = 1
  for (const byte of bytes) {
    value += (byte & 0x7f) * times
    times *= 0x80
    if (byte >= 0x80) continue
    varints.push(value)
    value = 0
    times = 1
  }
  const tags = varints.filter((_, i) => i % 2 === 0)
  return new Map(tags.map((tag, i) => [tag >> 3, varints[2 * i + 1] as number]))
}

test.runIf(process.platform === 'linux').each(['127.0.0.1', '[::1]'])(
  "gRPC's channelz tells TCP_INFO of a connection over %s",
  async (host) => {
    const nodeOptions = ['--import', dist('register.js')]
    const script = path.join(__dirname, 'channelz.mjs')
    const [option, ...others] = await jsonOf<Option[]>(
      runNode([script, host], { nodeOptions }),
    )
    expect(others).toEqual([])
    expect(option?.name).toBe('TCP_INFO')
    const members = numbersIn(option?.additional.value.data ?? [])
    // tcpi_state, tcpi_pmtu, tcpi_rtt, tcpi_advmss
    expect(members.get(1)).toBe(1)
    expect(members.get(22)).toBeGreaterThan(60_000)
    expect(members.get(24)).toBeGreaterThan(0)
    expect(members.get(28)).toBeGreaterThan(60_000)
  },
)

interface Option {
  name: string
  additional: { value: { data: number[] } }
}

describe('a registry of prom-client', () => {
  test('has no series of what nobody counted', async () => {
    const register = new Registry()
    const metrics = collectTcpMetrics({ register })
    onTestFinished(() => metrics.stop())
    const text = await register.metrics()
    expect(samplesIn(text).size).toBe(0)
    expect(text.match(/^# TYPE/gm)).toHaveLength(METRICS.length)
  })

  test('is left as it was by stop(), and by names that are taken', async () => {
    const register = new Registry()
    const metrics = collectTcpMetrics({ register, prefix: 'mine_' })
    expect(() => collectTcpMetrics({ register, prefix: 'mine_' })).toThrow(
      'already been registered',
    )
    // The first one still stands.
    expect(register.getMetricsAsArray()).toHaveLength(METRICS.length)
    metrics.stop()
    expect(register.getMetricsAsArray()).toEqual([])
    const labels = { 'no name': () => '' }
    expect(() => collectTcpMetrics({ register, labels })).toThrow('label')
    expect(register.getMetricsAsArray()).toEqual([])
    const own = { error_type: () => '' }
    expect(() => collectTcpMetrics({ register, labels: own })).toThrow(
      expect.objectContaining({ code: 'ERR_TCP_INFO_ARGUMENT' }),
    )
    collectTcpMetrics({ register, prefix: 'mine_' }).stop()
  })
})
