import axios from 'axios'
import { agents } from './agents.mjs'

export function axiosClient(onTcpInfo, options) {
  const { http, https } = agents(onTcpInfo, options)
  return axios.create({ httpAgent: http, httpsAgent: https })
}
