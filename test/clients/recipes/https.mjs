import https from 'node:https'
import { HttpsAgent } from 'tcpinfo-socket'

export function get(url, onTcpInfo, options) {
  const request = https.get(url, { agent: new HttpsAgent(options) })
  request.on('socket', (socket) => socket.on('tcpinfo', onTcpInfo))
  return request
}
