import http from 'node:http'
import { HttpAgent } from 'tcpinfo-socket'

export function get(url, onTcpInfo) {
  const request = http.get(url, { agent: new HttpAgent() })
  request.on('socket', (socket) => socket.on('tcpinfo', onTcpInfo))
  return request
}
