import pg from 'pg'
import { TcpInfoSocket } from 'tcpinfo-socket'

export function pgPool(config, onTcpInfo) {
  const stream = () => new TcpInfoSocket().on('tcpinfo', onTcpInfo)
  return new pg.Pool({ ...config, stream })
}
