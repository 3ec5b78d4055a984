/**
 * A link with delay, loss and the like (link.py), led from Node.js in the network
 * namespace that this process is in.
 */

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import readline from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Where a server listens, where it is reached over the link, and from where. */
export const SERVER = '10.9.1.3'
export const SERVER_OVER_LINK = '10.9.2.3'
export const CLIENT = '10.9.1.4'

export const sysctl = (name, value) =>
  writeFileSync(`/proc/sys/net/ipv4/${name}`, `${value}\n`)

export class Link {
  #process = spawn(
    'python3',
    [fileURLToPath(new URL('./link.py', import.meta.url))],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  #lines = readline
    .createInterface({ input: this.#process.stdout })
    [Symbol.asyncIterator]()

  async ready() {
    const { value } = await this.#lines.next()
    if (value !== 'ready') throw new Error('no link')
    return this
  }

  /** Sets the rules of the directions named; what was carried, by ports. */
  async set(rules) {
    this.#process.stdin.write(`${JSON.stringify(rules)}\n`)
    return JSON.parse((await this.#lines.next()).value)
  }

  both(rules) {
    return this.set({ up: rules, down: rules })
  }

  async carried({ localPort, remotePort }) {
    return (await this.set({}))[`${localPort}:${remotePort}`]
  }

  close() {
    this.#process.stdin.end()
  }
}
