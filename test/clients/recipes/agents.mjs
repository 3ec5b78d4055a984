import { HttpAgent, HttpsAgent } from 'tcpinfo-socket'

export function agents(onTcpInfo, options = { keepAlive: true }) {
  const telling = (Agent) =>
    class extends Agent {
      createConnection(...args) {
        return super.createConnection(...args)?.on('tcpinfo', onTcpInfo)
      }
    }
  const [Http, Https] = [HttpAgent, HttpsAgent].map(telling)
  return { http: new Http(options), https: new Https(options) }
}
