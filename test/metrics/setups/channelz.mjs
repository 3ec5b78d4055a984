import { subscribe } from 'node:diagnostics_channel'
import { SocketAddress } from 'node:net'
import { getChannelzHandlers } from '@grpc/grpc-js'
import { readTcpInfo } from 'tcpinfo-socket'

const open = new Map()
const keyOf = (...ends) => ends.join(' ')
subscribe('tcpinfo-socket:open', ({ socket }) => {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  const key = keyOf(localAddress, localPort, remoteAddress, remotePort)
  open.set(key, socket)
  socket.once('close', () => open.delete(key))
})

/** The handlers of gRPC's own service, with TCP_INFO in what GetSocket tells. */
export function channelzHandlers() {
  const handlers = getChannelzHandlers()
  return {
    ...handlers,
    GetSocket: (call, callback) =>
      handlers.GetSocket(call, (error, response, ...rest) => {
        if (response?.socket) addTcpInfo(response.socket)
        callback(error, response, ...rest)
      }),
  }
}

function addTcpInfo({ local, remote, data }) {
  const socket = open.get(keyOf(...endOf(local), ...endOf(remote)))
  if (!socket || process.platform !== 'linux') return
  const type = 'type.googleapis.com/grpc.channelz.v1.SocketOptionTcpInfo'
  const additional = { '@type': type, ...readTcpInfo(socket).raw }
  data.option = [{ name: 'TCP_INFO', additional }]
}

function endOf(address) {
  const { ip_address: bytes, port } = address?.tcpip_address ?? {}
  if (bytes?.length !== 16) return [bytes?.join('.'), port]
  const groups = bytes.toString('hex').match(/..../g).join(':')
  return [new SocketAddress({ address: groups, family: 'ipv6' }).address, port]
}
