import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import {
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { collectTcpMetrics } from 'tcpinfo-socket/opentelemetry'

const exporter = new OTLPMetricExporter()
const reader = new PeriodicExportingMetricReader({ exporter })
const meterProvider = new MeterProvider({ readers: [reader] })
collectTcpMetrics({ meterProvider })
process.once('SIGTERM', () => meterProvider.shutdown())
