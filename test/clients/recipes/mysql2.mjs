import mysql from 'mysql2/promise'
import { connect } from 'tcpinfo-socket'

export function mysqlPool(options, onTcpInfo) {
  const stream = ({ config: { host, port } }) =>
    connect({ host, port, noDelay: true, keepAlive: true }).on(
      'tcpinfo',
      onTcpInfo,
    )
  return mysql.createPool({ ...options, stream })
}
