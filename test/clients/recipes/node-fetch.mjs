import fetch from 'node-fetch'
import { agents } from './agents.mjs'

export function fetchWith(onTcpInfo, options) {
  const { http, https } = agents(onTcpInfo, options)
  const agent = ({ protocol }) => (protocol === 'https:' ? https : http)
  return (url, init) => fetch(url, { agent, ...init })
}
