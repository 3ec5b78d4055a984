import got from 'got'
import { agents } from './agents.mjs'

export function gotClient(onTcpInfo, options) {
  return got.extend({ agent: agents(onTcpInfo, options) })
}
