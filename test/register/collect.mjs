// A subscriber as somebody may write one: preloaded beside register, in every
// thread. One line of JSON for each message goes into the file COLLECT.

import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import { threadId } from 'node:worker_threads'

subscribe('tcpinfo-socket:capture', ({ socket, info }) => {
  const accepted = socket.server != null
  const line = JSON.stringify({ ...info, accepted, threadId })
  appendFileSync(process.env.COLLECT, `${line}\n`)
})
