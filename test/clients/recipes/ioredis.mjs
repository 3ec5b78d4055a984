import tls from 'node:tls'
import { AbstractConnector, Redis } from 'ioredis'
import { connect, instrument } from 'tcpinfo-socket'

export function redisClient(options, onTcpInfo) {
  class Connector extends AbstractConnector {
    constructor(options) {
      super(options.disconnectTimeout)
      this.options = options
    }
    async connect() {
      const { host, port, tls: secure } = this.options
      this.stream = secure
        ? instrument(tls.connect({ host, port, ...secure }))
        : connect({ host, port })
      return this.stream.on('tcpinfo', onTcpInfo)
    }
  }
  return new Redis({ ...options, Connector })
}
