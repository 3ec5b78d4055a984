/** A Node of its own for what may crash, or must exit by itself. */

import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Waits for the end of a process; what it said comes through pipes. */
export function finished(child: ChildProcess): Promise<Finished> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout, stderr }),
    )
  })
}

export interface ChildOptions {
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** After this long it is killed: its signal is then SIGKILL. */
  readonly timeout?: number
}

/** Where the scripts for child processes are. */
export const script = (name: string): string => path.join(__dirname, name)

/** Runs a script, or with `-e` a program, to its end. */
export function runNode(
  args: readonly string[],
  options: ChildOptions = {},
): Promise<Finished> {
  const { nodeOptions = [], env = {}, cwd, timeout = 20_000 } = options
  const child = spawn(process.execPath, [...nodeOptions, ...args], {
    cwd,
    env: { ...process.env, NODE_OPTIONS: '', PREBUILDS_ONLY: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  })
  return finished(child)
}

/** What a script prints as JSON, when it came to its end as it should. */
export async function jsonOf<T>(finished: Promise<Finished>): Promise<T> {
  const { code, signal, stdout, stderr } = await finished
  if (code !== 0 || stderr !== '') {
    throw new Error(`exit code ${code}, signal ${signal}\n${stderr}\n${stdout}`)
  }
  return JSON.parse(stdout) as T
}
