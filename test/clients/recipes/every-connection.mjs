import { subscribe } from 'node:diagnostics_channel'
import 'tcpinfo-socket/register'

export function everyConnection(onTcpInfo) {
  subscribe('tcpinfo-socket:capture', ({ socket, info }) => {
    // Those that were accepted have a server.
    if (!socket.server) onTcpInfo(info)
  })
}
