import WebSocket from 'ws'
import { agents } from './agents.mjs'

export function webSocket(url, onTcpInfo, options) {
  const { http, https } = agents(onTcpInfo)
  const agent = new URL(url).protocol === 'wss:' ? https : http
  return new WebSocket(url, { agent, ...options })
}
