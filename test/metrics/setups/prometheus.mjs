import http from 'node:http'
import { register } from 'prom-client'
import { collectTcpMetrics } from 'tcpinfo-socket/prometheus'

collectTcpMetrics()

const server = http.createServer(async (_request, response) => {
  response.setHeader('Content-Type', register.contentType)
  response.end(await register.metrics())
})
server.listen(9464, '127.0.0.1').unref()
