import { io } from 'socket.io-client'
import { agents } from './agents.mjs'

export function socketIo(url, onTcpInfo, options) {
  const { http, https } = agents(onTcpInfo)
  const agent = new URL(url).protocol === 'https:' ? https : http
  return io(url, { agent, ...options })
}
