import http2 from 'node:http2'
import { instrument } from 'tcpinfo-socket'

export function session(url, onTcpInfo, options) {
  return http2.connect(url, options).on('connect', (_session, socket) => {
    instrument(socket).on('tcpinfo', onTcpInfo)
  })
}
