import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  afterAll,
  beforeAll,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest'
import {
  METRICS,
  openTelemetryNameOf,
  prometheusNameOf,
} from '../../lib/metrics/table.js'
import { sharedNamespaceMissing, useNamespace } from '../support/namespace.js'
import { findLinkMissing, runs, ssMissing, titled } from '../witness/needs.js'
import { dashboardQueries } from './dashboard.js'
import { type Program, samplesIn, start } from './program.js'

const here = (name: string): string => path.join(__dirname, name)
const support = (name: string): string =>
  path.join(__dirname, '../support', name)
const preload = path.join(__dirname, '../../dist/register.js')

const missing =
  sharedNamespaceMissing ??
  ssMissing ??
  (runs('promtool', '--version') && runs('prometheus', '--version')
    ? undefined
    : 'needs prometheus and promtool')

const linkMissing = missing ?? (await findLinkMissing())

const PORTS = { traffic: 9000, metrics: 9464, otlp: 4318, prometheus: 9090 }
const LONG_LIVED = 20
const SHORT = 500

/** What ss says of the connections over the port, under the exporters' names. */
const SS = {
  bytes_sent_total: 'bytes_sent',
  bytes_received_total: 'bytes_received',
  segments_sent_total: 'segs_out',
  segments_received_total: 'segs_in',
  packets_sent_total: 'data_segs_out',
  packets_received_total: 'data_segs_in',
  bytes_retransmitted_total: 'bytes_retrans',
}

describe.skipIf(missing)(titled('exporters', missing), () => {
  const { enter, tcp } = useNamespace()
  let program: Program
  let sink: Program
  let folder: string

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'metrics-'))
    sink = start([...enter(), process.execPath, here('otlp-sink.mjs')], {
      PORT: String(PORTS.otlp),
    })
    await sink.ask('')
    const words = ['--import', preload, here('sample.mjs')]
    program = start([...enter(), process.execPath, ...words], {
      TRAFFIC: String(PORTS.traffic),
      METRICS: String(PORTS.metrics),
      OTLP: `http://127.0.0.1:${PORTS.otlp}/v1/metrics`,
    })
  })

  afterAll(async () => {
    await Promise.all([program, sink].map((each) => each?.end()))
    rmSync(folder, { recursive: true })
  })

  /** What the kernel counted in this namespace. */
  const counted = () => tcp() as Record<Counted, number>

  async function run(name: string, argument?: unknown): Promise<unknown> {
    return JSON.parse(await program.ask(JSON.stringify([name, argument])))
  }

  async function metrics(): Promise<Map<string, number>> {
    return samplesIn((await run('metrics')) as string)
  }

  /** Sums over all labels. */
  const sum = (samples: Map<string, number>, name: string): number =>
    [...samples]
      .filter(([key]) => key.replace(/\{.*/, '') === `tcp_${name}`)
      .reduce((total, [, value]) => total + value, 0)

  const ofTest = (
    samples: Map<string, number>,
    name: string,
  ): number | undefined => samples.get(`tcp_${name}{traffic="test"}`)

  function inside(...command: string[]): string {
    const [program = '', ...args] = [...enter(), ...command]
    const { stdout, stderr, status } = spawnSync(program, args, {
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
    return stdout
  }

  function ss(): Record<string, number> {
    const filter = `( sport = :${PORTS.traffic} or dport = :${PORTS.traffic} )`
    const text = inside('ss', '-tinHO', 'state', 'established', filter)
    return Object.fromEntries(
      Object.entries(SS).map(([name, member]) => [
        name,
        [...text.matchAll(new RegExp(`\\b${member}:(\\d+)`, 'g'))].reduce(
          (total, [, value]) => total + Number(value),
          0,
        ),
      ]),
    )
  }

  test('connections that stay open, as ss counts them', async () => {
    await run('open', { count: LONG_LIVED })
    const samples = await metrics()
    const expected = ss()
    expect(expected.bytes_sent_total).toBeGreaterThan(LONG_LIVED * 20_000)
    for (const [name, value] of Object.entries(expected)) {
      expect.soft([name, ofTest(samples, name)]).toEqual([name, value])
    }
    expect(ofTest(samples, 'open_connections')).toBe(2 * LONG_LIVED)
    expect(ofTest(samples, 'connections_created_total')).toBe(2 * LONG_LIVED)
    // Nothing has been closed yet.
    expect(ofTest(samples, 'connections_closed_total')).toBe(undefined)
    expect(ofTest(samples, 'min_rtt_seconds_count')).toBe(undefined)
    expect(ofTest(samples, 'connect_duration_seconds_count')).toBe(LONG_LIVED)
  })

  test('and as the kernel counts them in all', async () => {
    const kernel = counted()
    const samples = await metrics()
    // Who sends a SYN-ACK has no socket yet that could count it.
    expect(sum(samples, 'segments_sent_total')).toBe(
      kernel.OutSegs - kernel.PassiveOpens,
    )
    expect(sum(samples, 'segments_received_total')).toBe(kernel.InSegs)
    expect(sum(samples, 'connections_created_total')).toBe(
      kernel.ActiveOpens + kernel.PassiveOpens,
    )
    expect(sum(samples, 'open_connections')).toBe(kernel.CurrEstab)
  })

  test.skipIf(linkMissing)(
    titled('retransmissions, as the kernel counts them', linkMissing),
    async () => {
      const link = start([...enter(), 'python3', support('link.py')])
      onTestFinished(() => link.end())
      const bad = { dropEvery: 15, copyEvery: 10, delayMs: 1 }
      const rules = { up: { ...bad, dropSyns: 2 }, down: bad }
      expect(await link.ask('{}')).toBe('ready')
      await link.ask(JSON.stringify(rules))
      const over = { host: '10.9.2.3', localAddress: '10.9.1.4' }
      // Kept open: what is sent again after a close, no socket of Node's knows.
      await run('open', { count: 60, ...over })
      const samples = await metrics()
      const kernel = counted()
      expect(kernel.RetransSegs).toBeGreaterThan(10)
      expect(sum(samples, 'packets_retransmitted_total')).toBe(
        kernel.RetransSegs,
      )
      expect(sum(samples, 'retransmission_timeouts_total')).toBeGreaterThan(1)
      // Each tenth packet with payload comes twice.
      expect(
        sum(samples, 'packets_spurious_retransmitted_total'),
      ).toBeGreaterThan(10)
      const bytes = sum(samples, 'bytes_retransmitted_total')
      expect(bytes).toBe(ss().bytes_retransmitted_total)

      await run('close')
      const closed = await metrics()
      const bucket = (bound: string): number | undefined =>
        closed.get(`tcp_retransmit_ratio_bucket{le="${bound}",traffic="test"}`)
      expect(bucket('0')).toBeLessThan(2 * LONG_LIVED + 2 * 60)
      expect(bucket('+Inf')).toBe(2 * LONG_LIVED + 2 * 60)
      await run('open', { count: LONG_LIVED })
    },
  )

  test('how connections end, with labels that are bounded', async () => {
    await run('endings')
    const samples = await metrics()
    const errors = [...samples].filter(([key]) => key.includes('error_type'))
    expect(Object.fromEntries(errors)).toEqual({
      'tcp_connections_closed_total{traffic="test",error_type="ECONNRESET"}': 1,
      'tcp_connections_closed_total{traffic="test",error_type="_OTHER"}': 1,
      'tcp_connection_failures_total{traffic="own",error_type="ECONNREFUSED"}': 1,
    })
  })

  test('many short connections, each once', async () => {
    await run('short', { count: SHORT })
    const kernel = counted()
    const samples = await metrics()
    const created = sum(samples, 'connections_created_total')
    expect(created).toBeGreaterThan(2 * SHORT)
    // The refused one was an opening too.
    expect(created + sum(samples, 'connection_failures_total')).toBe(
      kernel.ActiveOpens + kernel.PassiveOpens,
    )
    expect(sum(samples, 'open_connections')).toBe(2 * LONG_LIVED)
    expect(sum(samples, 'connections_closed_total')).toBe(
      created - 2 * LONG_LIVED,
    )
    // Final records come before the last two or three segments of a connection:
    // FIN and the acknowledgement of the peer's.
    const sent =
      sum(samples, 'segments_sent_total') -
      sum(samples, 'packets_retransmitted_total') +
      kernel.PassiveOpens
    expect(sent).toBeLessThan(kernel.OutSegs)
    expect(sent).toBeGreaterThan(kernel.OutSegs - 3 * created)
  })

  test('promtool has no objection', async () => {
    const text = (await run('metrics')) as string
    const checked = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    })
    expect(checked).toMatchObject({ status: 0, stdout: '', stderr: '' })
  })

  test('Prometheus scrapes, and never sees a counter decrease', async () => {
    const config = path.join(folder, 'prometheus.yml')
    const targets = [`127.0.0.1:${PORTS.metrics}`]
    // (YAML is a superset of JSON.)
    const job = { job_name: 'sample', static_configs: [{ targets }] }
    const every = { scrape_interval: '100ms', scrape_timeout: '100ms' }
    writeFileSync(
      config,
      JSON.stringify({ global: every, scrape_configs: [job] }),
    )
    const [command = '', ...words] = enter()
    const server = spawn(
      command,
      [
        ...words,
        ...['setpriv', '--pdeathsig=KILL', 'prometheus'],
        `--config.file=${config}`,
        `--storage.tsdb.path=${path.join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${PORTS.prometheus}`,
      ],
      { stdio: 'ignore' },
    )
    onTestFinished(async () => {
      server.kill('SIGKILL')
      await once(server, 'close')
    })

    const query = (expression: string): Map<string, number> => {
      const [program = '', ...args] = [
        ...enter(),
        ...['promtool', 'query', 'instant'],
        ...[`http://127.0.0.1:${PORTS.prometheus}`, expression, '-o', 'json'],
      ]
      const { stdout } = spawnSync(program, args, { encoding: 'utf8' })
      type Series = { metric: Record<string, string>; value: [0, string] }
      const series: Series[] = stdout.startsWith('[') ? JSON.parse(stdout) : []
      return new Map(
        series.map(({ metric, value }) => [
          metric.__name__ ?? '',
          Number(value[1]),
        ]),
      )
    }
    const scrapes = 'count_over_time(tcp_open_connections{traffic="test"}[1h])'
    const scraped = async (times: number): Promise<void> => {
      const seen = (): number => query(scrapes).get('') ?? 0
      const enough = seen() + times
      await vi.waitFor(() => expect(seen()).toBeGreaterThanOrEqual(enough), {
        timeout: 10_000,
        interval: 200,
      })
    }

    await scraped(3)
    await run('short', { count: SHORT })
    await run('close')
    await scraped(3)

    const samples = await metrics()
    const counters = METRICS.map(prometheusNameOf).filter(
      (name) => name.endsWith('_total') && ofTest(samples, name) !== undefined,
    )
    const stored = query(
      '{__name__=~"tcp_.*_total",traffic="test",error_type=""}',
    )
    expect(counters.length).toBeGreaterThan(10)
    for (const name of counters) {
      expect
        .soft([name, stored.get(`tcp_${name}`)])
        .toEqual([name, ofTest(samples, name)])
    }
    expect(ofTest(samples, 'open_connections')).toBe(0)
    const resets = counters.map((name) => `sum(resets(tcp_${name}[1h]))`)
    expect(query(resets.join(' + ')).get('')).toBe(0)

    for (const { title, expr } of dashboardQueries()) {
      const asked = expr
        .replaceAll('$__rate_interval', '1m')
        .replaceAll('$job', '.*')
      // Over loopback it is the program that limits every connection.
      if (title === 'Delivery rate') continue
      expect.soft([title, query(asked).size]).not.toEqual([title, 0])
    }
  })

  test('OpenTelemetry has the same figures', async () => {
    await run('open', { count: 5 })
    const samples = await metrics()
    await run('flush')
    const { resourceMetrics } = JSON.parse(await sink.ask(''))
    const [{ scopeMetrics }] = resourceMetrics
    expect(scopeMetrics).toHaveLength(1)
    const exported = new Map<string, Exported>(
      scopeMetrics[0].metrics.map((each: Exported) => [each.name, each]),
    )
    let compared = 0
    for (const metric of METRICS) {
      const name = prometheusNameOf(metric)
      const data = exported.get(openTelemetryNameOf(metric))
      const point = (data?.histogram ?? data?.sum)?.dataPoints.find(
        ({ attributes }) =>
          attributes.some(({ value }) => value.stringValue === 'test') &&
          !attributes.some(({ key }) => key === 'error.type'),
      )
      if (metric.kind === 'histogram') {
        const count = ofTest(samples, `${name}_count`)
        expect.soft([name, point?.count]).toEqual([name, count])
        const total = ofTest(samples, `${name}_sum`) ?? 0
        expect
          .soft((point?.sum ?? 0) / (total || 1))
          .toBeCloseTo(total ? 1 : 0, 1)
      } else {
        const value = ofTest(samples, name)
        const same = point?.asDouble ?? point?.asInt
        expect.soft([name, typeof same]).toEqual([name, typeof value])
        expect.soft(Number(same ?? 0)).toBeCloseTo(value ?? 0)
      }
      if (point) compared += 1
      if (point) expect.soft(data?.unit).toBe(metric.unit)
    }
    expect(compared).toBeGreaterThan(15)
  })
})

type Counted =
  | 'ActiveOpens'
  | 'PassiveOpens'
  | 'CurrEstab'
  | 'InSegs'
  | 'OutSegs'
  | 'RetransSegs'

interface Exported {
  name: string
  unit: string
  sum?: { dataPoints: Point[] }
  histogram?: { dataPoints: Point[] }
}

interface Point {
  attributes: { key: string; value: { stringValue: string } }[]
  asDouble?: number
  asInt?: number
  count?: number
  sum?: number
}
