import { isIP } from 'node:net'
import tls from 'node:tls'
import { MqttClient } from 'mqtt'
import { connect, instrument } from 'tcpinfo-socket'

export function mqttClient(options, onTcpInfo) {
  const servername = isIP(options.host) ? '' : options.host
  const open = () =>
    options.protocol === 'mqtts'
      ? instrument(tls.connect({ servername, ...options }))
      : connect(options)
  return new MqttClient(() => open().on('tcpinfo', onTcpInfo), options)
}
