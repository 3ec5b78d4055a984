import { subscribe } from 'node:diagnostics_channel'
import { instrument } from 'tcpinfo-socket'

export function everyConnection(onTcpInfo) {
  subscribe('net.client.socket', ({ socket }) => {
    // First off: a socket that connects again is announced again.
    instrument(socket).off('tcpinfo', onTcpInfo).on('tcpinfo', onTcpInfo)
  })
}
