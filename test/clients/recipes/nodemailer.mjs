import nodemailer from 'nodemailer'
import { connect } from 'tcpinfo-socket'

export function transport(options, onTcpInfo) {
  const getSocket = ({ host, port }, callback) => {
    const connection = connect({ host, port }, () => {
      connection.off('error', callback)
      callback(null, { connection })
    })
    connection.on('error', callback).on('tcpinfo', onTcpInfo)
  }
  return nodemailer.createTransport({ ...options, getSocket })
}
