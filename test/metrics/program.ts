/** Programs in a namespace that answer a line with a line. */

import { spawn } from 'node:child_process'
import readline from 'node:readline'

export interface Program {
  ask: (line: string) => Promise<string>
  end: () => Promise<void>
}

export function start(
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Program {
  const [program = '', ...args] = command
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  // Of one that has ended; ask() tells what it said.
  child.stdin.on('error', () => {})
  const lines = readline
    .createInterface({ input: child.stdout })
    [Symbol.asyncIterator]()
  const closed = new Promise<void>((resolve) => child.on('close', resolve))
  return {
    async ask(line) {
      child.stdin.write(`${line}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error(`${command.join(' ')} ended: ${stderr}`)
      return value
    },
    async end() {
      child.stdin.end()
      await closed
      if (stderr !== '') throw new Error(stderr)
    },
  }
}

/** The samples in Prometheus's text, by name and labels. */
export function samplesIn(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => /^[^#]/.test(line))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}
