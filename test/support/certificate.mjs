// What servers and clients of the tests speak TLS with.

import { readFileSync } from 'node:fs'

const fixture = (name) =>
  readFileSync(new URL(`../fixtures/${name}`, import.meta.url))

export const certificate = {
  key: fixture('localhost-key.pem'),
  cert: fixture('localhost-cert.pem'),
}
/** Signed by itself, so it is all that a client has to trust. */
export const trust = { ca: certificate.cert, servername: 'localhost' }
