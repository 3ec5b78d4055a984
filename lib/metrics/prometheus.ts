/**
 * Metrics of TCP for Prometheus, in a registry of prom-client:
 *
 * ```js
 * import { collectTcpMetrics } from 'tcpinfo-socket/prometheus'
 *
 * collectTcpMetrics()
 * ```
 *
 * @module prometheus
 */

import {
  Counter,
  register as defaultRegister,
  Gauge,
  Histogram,
  type Registry,
} from 'prom-client'
import { optionsIn } from '../checks.js'
import {
  Recorder,
  type TcpMetrics,
  type TcpMetricsOptions,
} from './recorder.js'
import { METRICS, type Metric, prometheusNameOf } from './table.js'

export type { TcpLabel, TcpMetrics, TcpMetricsOptions } from './recorder.js'

/** Options of {@link collectTcpMetrics}. */
export interface PrometheusOptions extends TcpMetricsOptions {
  /** Default: prom-client's own. */
  readonly register?: Registry | undefined
  /** What all names begin with. Default: `tcp_`. */
  readonly prefix?: string | undefined
}

const ERROR_TYPE = 'error_type'

/**
 * Counts the connections of all sockets that are instrumented, or watched by the
 * preload, from now on. Those that are open are read when the registry is asked
 * for its metrics. To be called once for each registry and prefix.
 *
 * @throws {TcpInfoError} `ERR_TCP_INFO_ARGUMENT` for options that are none
 * @throws {Error} from prom-client, for names that are taken or not allowed
 */
export function collectTcpMetrics(options: PrometheusOptions = {}): TcpMetrics {
  const {
    register = defaultRegister,
    prefix = 'tcp_',
    labels = {},
  } = optionsIn(options)
  const labelNames = Object.keys(optionsIn(labels, 'option labels'))
  const names: string[] = []
  const instruments = new Map<Metric, Counter | Gauge | Histogram>()

  const recorder = new Recorder(options, (metric, value, labels, errorType) => {
    const instrument = instruments.get(metric)
    if (instrument instanceof Histogram) instrument.observe(labels, value)
    else if (errorType === undefined) instrument?.inc(labels, value)
    else instrument?.inc({ ...labels, [ERROR_TYPE]: errorType }, value)
  })

  // A registry asks all of its metrics in one go: one refresh serves them.
  let isFresh = false
  const collect = (): void => {
    if (isFresh) return
    isFresh = true
    queueMicrotask(() => {
      isFresh = false
    })
    recorder.refresh()
  }

  function make(metric: Metric): Counter | Gauge | Histogram {
    const common = {
      name: prefix + prometheusNameOf(metric),
      help: metric.help,
      labelNames,
      registers: [register],
      collect,
    }
    switch (metric.kind) {
      case 'upDown':
        return new Gauge({
          ...common,
          collect() {
            collect()
            for (const { labels, open } of recorder.labelSets) {
              this.set(labels, open)
            }
          },
        })
      case 'histogram':
        return new Histogram({ ...common, buckets: [...metric.buckets] })
      case 'event':
        if (!metric.hasErrorType) return new Counter(common)
        return new Counter({
          ...common,
          labelNames: [...labelNames, ERROR_TYPE],
        })
      case 'counter':
        return new Counter(common)
    }
  }

  function removeAll(): void {
    for (const name of names) register.removeSingleMetric(name)
  }

  try {
    for (const metric of METRICS) {
      const instrument = make(metric)
      names.push(prefix + prometheusNameOf(metric))
      // Without labels it begins with 0, which nobody has counted.
      instrument.remove({})
      instruments.set(metric, instrument)
    }
  } catch (error) {
    removeAll()
    throw error
  }
  recorder.start()
  return {
    observe: (socket) => recorder.observe(socket),
    stop() {
      recorder.stop()
      removeAll()
    },
  }
}
