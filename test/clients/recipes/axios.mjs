import axios from 'axios'
import { agents } from './agents.mjs'

export function axiosClient(onTcpInfo) {
  const { http, https } = agents(onTcpInfo)
  return axios.create({ httpAgent: http, httpsAgent: https })
}
