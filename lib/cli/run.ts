/** `tcpinfo run`: a program with every connection of it recorded. */

import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { RECORDING } from './recording.js'

/** As shells have them. */
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126

/** How the program ended. */
export interface Ended {
  readonly exit: number
  readonly signal: NodeJS.Signals | undefined
  /** Why it could not be started. */
  readonly error: NodeJS.ErrnoException | undefined
}

/** Those that a terminal sends to the program, too. */
const OF_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT']
const PASSED_ON: readonly NodeJS.Signals[] = [
  ...OF_TERMINAL,
  'SIGTERM',
  'SIGHUP',
  'SIGUSR1',
  'SIGUSR2',
  'SIGBREAK',
]

/**
 * Runs a program to its end, with our input and outputs as its own, and gives the
 * files of its records to `read`.
 */
export async function record<T>(
  command: readonly string[],
  intervalMs: number,
  read: (files: readonly string[], ended: Ended) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tcpinfo-'))
  try {
    const ended = await run(command, folder, intervalMs)
    const files = readdirSync(folder).map((name) => path.join(folder, name))
    return await read(files, ended)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(
  [program, ...args]: readonly string[],
  folder: string,
  intervalMs: number,
): Promise<Ended> {
  const recording = { folder, intervalMs }
  // This runs in dist/, where both are bundled to.
  const preload = pathToFileURL(path.join(__dirname, 'recorder.js'))
  const child = spawn(program as string, args, {
    stdio: 'inherit',
    env: RECORDING.into(process.env, recording, preload),
  })
  const stopPassing = passSignals(child)
  return new Promise((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      stopPassing()
      const exit = error.code === 'EACCES' ? NOT_EXECUTABLE : NOT_FOUND
      resolve({ exit, signal: undefined, error })
    })
    child.on('exit', (code, signal) => {
      stopPassing()
      resolve({
        exit: code ?? 128 + (signal ? constants.signals[signal] : 0),
        signal: signal ?? undefined,
        error: undefined,
      })
    })
  })
}

/** So that who signals us reaches the program, and we outlive it. */
function passSignals(child: ReturnType<typeof spawn>): () => void {
  const passers = PASSED_ON.map((signal) => {
    // A terminal's Ctrl-C reaches all that run in its foreground, once.
    const isSent = process.stdin.isTTY && OF_TERMINAL.includes(signal)
    const pass = (): void => void (isSent || child.kill(signal))
    return [signal, pass] as const
  }).filter(([signal]) => signal in constants.signals)
  for (const [signal, pass] of passers) process.on(signal, pass)
  return () => {
    for (const [signal, pass] of passers) process.off(signal, pass)
  }
}
