import { isIP } from 'node:net'
import tls from 'node:tls'
import { Kafka } from 'kafkajs'
import { connect, instrument } from 'tcpinfo-socket'

export function kafkaClient(config, onTcpInfo) {
  const socketFactory = ({ host, port, ssl, onConnect }) => {
    const servername = isIP(host) ? '' : host
    const socket = ssl
      ? instrument(tls.connect({ host, port, servername, ...ssl }, onConnect))
      : connect({ host, port }, onConnect)
    return socket.setKeepAlive(true, 60_000).on('tcpinfo', onTcpInfo)
  }
  return new Kafka({ ...config, socketFactory })
}
