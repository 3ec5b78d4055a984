/** Runs the built command as its users do, against servers of ours. */

import { spawn } from 'node:child_process'
import net from 'node:net'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import type { TcpInfo } from '../../lib/index.js'
import { finished } from '../support/child.js'
import { listening } from '../support/net.js'

export const ROOT = path.join(import.meta.dirname, '..', '..')
export const CLI = path.join(ROOT, 'dist', 'cli.js')

export interface Run {
  readonly exit: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cli?: string
  readonly nodeOptions?: string[]
  readonly env?: NodeJS.ProcessEnv
}

export function start(args: string[], options: RunOptions = {}) {
  const { cli = CLI, nodeOptions = [], env = {} } = options
  return spawn(process.execPath, [...nodeOptions, cli, ...args], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  })
}

export async function tcpinfo(
  args: string[],
  options?: RunOptions,
): Promise<Run> {
  const { code: exit, ...said } = await finished(start(args, options))
  return { exit, ...said }
}

/** What --json prints. */
export interface Output {
  readonly target?: string
  readonly status?: number
  readonly ageMs?: number
  readonly transfer?: {
    readonly connectMs: number
    readonly bytesRead: number
    readonly bytesWritten: number
  }
  readonly error?: {
    readonly code: string
    readonly message: string
    readonly errno?: number
  }
  readonly tcpInfo?: Partial<TcpInfo>
  readonly raw?: Record<string, number | string>
}

export async function tcpinfoJson(
  args: string[],
  options?: RunOptions,
): Promise<Run & { readonly output: Output }> {
  const run = await tcpinfo([...args, '--json'], options)
  return { ...run, output: JSON.parse(run.stdout) }
}

/** Has a server listen until the test is over, and no connection outlives that. */
export function listen(server: net.Server, host?: string): Promise<number> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  return listening(server, host)
}

export const listenTcp = (
  onConnection: (socket: net.Socket) => void,
  host?: string,
) => listen(net.createServer(onConnection), host)
