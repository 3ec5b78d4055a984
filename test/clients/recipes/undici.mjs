import { instrument } from 'tcpinfo-socket'
import { Agent, buildConnector } from 'undici'

export function connector(onTcpInfo, options = {}) {
  const connect = buildConnector(options)
  return (target, callback) => {
    const socket = connect(target, callback)
    return instrument(socket).on('tcpinfo', onTcpInfo)
  }
}

export function dispatcher(onTcpInfo, options) {
  return new Agent({ connect: connector(onTcpInfo, options) })
}
