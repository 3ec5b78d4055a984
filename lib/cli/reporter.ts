/** The thread of reports.ts: it sends, whenever it is asked, the next of a report. */

import { on } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import { failureOfFiles } from './failure.js'
import { makeHere, type Order, type Outline, type Sent } from './reports.js'

async function* all(): AsyncGenerator<Sent> {
  try {
    const { text, ...outline } = await makeHere(workerData as Order)
    yield { value: outline satisfies Outline }
    for await (const value of text) yield { value }
    yield { value: undefined }
  } catch (error) {
    yield { failure: failureOfFiles(error as Error) }
  }
}

async function send(port: NonNullable<typeof parentPort>): Promise<void> {
  const asked = on(port, 'message')
  for await (const sent of all()) {
    await asked.next()
    port.postMessage(sent)
  }
  port.close()
}

if (parentPort) void send(parentPort)
