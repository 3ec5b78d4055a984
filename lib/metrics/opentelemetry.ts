/**
 * Metrics of TCP for OpenTelemetry:
 *
 * ```js
 * import { collectTcpMetrics } from 'tcpinfo-socket/opentelemetry'
 *
 * collectTcpMetrics()
 * ```
 *
 * @module opentelemetry
 */

import {
  type BatchObservableCallback,
  type Counter,
  type Histogram,
  type MeterProvider,
  metrics,
} from '@opentelemetry/api'
import { optionsIn } from '../checks.js'
import {
  Recorder,
  type TcpMetrics,
  type TcpMetricsOptions,
} from './recorder.js'
import { METRICS, OPEN, openTelemetryNameOf } from './table.js'

export type { TcpLabel, TcpMetrics, TcpMetricsOptions } from './recorder.js'

/** Options of {@link collectTcpMetrics}. */
export interface OpenTelemetryOptions extends TcpMetricsOptions {
  /** Default: the global one, as it is now. */
  readonly meterProvider?: MeterProvider | undefined
}

/**
 * Counts the connections of all sockets that are instrumented, or watched by the
 * preload, from now on. Those that are open are read when the SDK collects.
 *
 * @throws {TcpInfoError} `ERR_TCP_INFO_ARGUMENT` for options that are none
 */
export function collectTcpMetrics(
  options: OpenTelemetryOptions = {},
): TcpMetrics {
  const { meterProvider = metrics.getMeterProvider() } = optionsIn(options)
  const meter = meterProvider.getMeter('tcpinfo-socket')
  const counters = new Map<unknown, Counter>()
  const histograms = new Map<unknown, Histogram>()

  const recorder = new Recorder(options, (metric, value, labels, errorType) => {
    const attributes =
      errorType === undefined ? labels : { ...labels, 'error.type': errorType }
    counters.get(metric)?.add(value, attributes)
    histograms.get(metric)?.record(value, attributes)
  })

  for (const metric of METRICS) {
    const name = openTelemetryNameOf(metric)
    const { unit, help: description } = metric
    if (metric.kind === 'histogram') {
      const advice = { explicitBucketBoundaries: [...metric.buckets] }
      const instrument = meter.createHistogram(name, {
        unit,
        description,
        advice,
      })
      histograms.set(metric, instrument)
    } else if (metric.kind !== 'upDown') {
      counters.set(metric, meter.createCounter(name, { unit, description }))
    }
  }
  const open = meter.createObservableUpDownCounter(openTelemetryNameOf(OPEN), {
    unit: OPEN.unit,
    description: OPEN.help,
  })
  // The SDK calls back before it collects what is counted as it happens, so that
  // this brings the counters up to date too.
  const onCollect: BatchObservableCallback = (result) => {
    recorder.refresh()
    for (const { labels, open: count } of recorder.labelSets) {
      result.observe(open, count, labels)
    }
  }
  meter.addBatchObservableCallback(onCollect, [open])
  recorder.start()
  return {
    observe: (socket) => recorder.observe(socket),
    stop() {
      recorder.stop()
      meter.removeBatchObservableCallback(onCollect, [open])
    },
  }
}
