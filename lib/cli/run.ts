/** `tcpinfo run`: a program with every connection of it recorded. */

import { spawn } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { constants, tmpdir } from 'node:os'
import path from 'node:path'
import { isatty } from 'node:tty'
import { FileError } from './failure.js'
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

/** Those that a terminal sends to all that run in its foreground. */
const OF_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGHUP']
const PASSED_ON: readonly NodeJS.Signals[] = [
  ...OF_TERMINAL,
  'SIGTERM',
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
  const folder = makeFolder()
  try {
    const ended = await run(command, folder, intervalMs)
    return await read(filesIn(folder), ended)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** (A relative one would be another one to a program that changes its directory.) */
function makeFolder(): string {
  try {
    const folder = mkdtempSync(path.resolve(tmpdir(), 'tcpinfo-'))
    // The program may become another user. Nobody else can see what is in there.
    chmodSync(folder, 0o1733)
    return folder
  } catch (error) {
    throw new FileError(error as NodeJS.ErrnoException)
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => path.join(folder, name))
  } catch {
    return [] // a program that tidies up the folder for temporary files
  }
}

function run(
  [program, ...args]: readonly string[],
  folder: string,
  intervalMs: number,
): Promise<Ended> {
  const recording = { folder, intervalMs }
  // This runs in dist/, where both are bundled to.
  const preload = path.join(__dirname, 'recorder.cjs')
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
  const isInForeground = inForeground()
  const passers = PASSED_ON.map((signal) => {
    // The program has had it from the terminal.
    const isSent = isInForeground && OF_TERMINAL.includes(signal)
    const pass = (): void => void (isSent || child.kill(signal))
    return [signal, pass] as const
  }).filter(([signal]) => signal in constants.signals)
  for (const [signal, pass] of passers) process.on(signal, pass)
  return () => {
    for (const [signal, pass] of passers) process.off(signal, pass)
  }
}

/**
 * proc(5), stat: our process group, and the one in our terminal's foreground.
 * (process.stdin must not be touched: it would make the program's input
 * non-blocking.)
 */
function inForeground(): boolean {
  try {
    const [, fields = ''] = readFileSync('/proc/self/stat', 'utf8').split(') ')
    const [, , group, , , foreground] = fields.split(' ')
    return group === foreground
  } catch {
    return isatty(0)
  }
}
