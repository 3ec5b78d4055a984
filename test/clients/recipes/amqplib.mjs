import amqp from 'amqplib'
import { instrument } from 'tcpinfo-socket'

export async function amqpConnection(url, onTcpInfo, socketOptions) {
  const model = await amqp.connect(url, socketOptions)
  instrument(model.connection.stream).on('tcpinfo', onTcpInfo)
  return model
}
