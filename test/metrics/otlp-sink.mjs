// What an OpenTelemetry collector is to an exporter: takes metrics over HTTP. Every
// line of the input is answered by the newest ones that came.

import http from 'node:http'
import readline from 'node:readline'

let newest = 'null'
http
  .createServer(async (request, response) => {
    newest = ''
    for await (const chunk of request.setEncoding('utf8')) newest += chunk
    response.setHeader('Content-Type', 'application/json').end('{}')
  })
  .listen(process.env.PORT, '127.0.0.1')

for await (const _line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${newest}\n`)
}
process.exit()
