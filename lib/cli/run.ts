/** `tcpinfo run`: a program with every connection of it recorded. */

import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
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
interface Ended {
  readonly exit: number
  readonly signal: NodeJS.Signals | undefined
  /** Why it could not be started. */
  readonly error: NodeJS.ErrnoException | undefined
}

/** What a program that has ended left. */
export interface RunResult {
  readonly files: readonly string[]
  readonly ended: Ended
  /** Has the files outlive this process, and tells in which folder they are. */
  readonly keep: () => string
}

/** Those that a terminal sends to all that run in its foreground. */
const OF_TERMINAL = ['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGWINCH', 'SIGCONT']
/**
 * Those that cannot be caught, tell of a fault of our own or of our children, belong
 * to a profiler, or stop us together with the program (Ctrl-Z).
 */
const OURS = [
  ...['SIGKILL', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGCHLD'],
  ...['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGTRAP', 'SIGSYS', 'SIGPROF'],
]

/** (Some have two names.) */
function passedOn(): NodeJS.Signals[] {
  const numbers = constants.signals as Record<string, number>
  const names = new Map(Object.entries(numbers).map(([name, n]) => [n, name]))
  for (const name of OURS) names.delete(numbers[name] as number)
  return [...names.values()] as NodeJS.Signals[]
}

/**
 * Runs a program to its end, with our input and outputs as its own, and gives what
 * it left to `read`. No signal that we could be sent ends us before that is done.
 */
export async function record<T>(
  command: readonly string[],
  intervalMs: number,
  read: (result: RunResult) => Promise<T>,
): Promise<T> {
  const folder = makeFolder()
  let isKept = false
  const keep = (): string => {
    isKept = true
    return folder
  }
  let stopPassing: (() => void) | undefined
  try {
    const child = start(command, folder, intervalMs)
    stopPassing = passSignals(child)
    const ended = await endOf(child)
    return await read({ files: filesIn(folder), ended, keep })
  } finally {
    if (!isKept) rmSync(folder, { recursive: true, force: true })
    stopPassing?.()
  }
}

/** (A relative one would be another one to a program that changes its directory.) */
function makeFolder(): string {
  const prefix = path.resolve(tmpdir(), 'tcpinfo-')
  try {
    const folder = mkdtempSync(prefix)
    // The program may become another user. Nobody else can see what is in there.
    chmodSync(folder, 0o1733)
    return folder
  } catch (error) {
    throw new FileError(`${prefix}XXXXXX`, error as Error)
  }
}

function filesIn(folder: string): string[] {
  try {
    // Others may put something there, too: a pipe that is never written to, say.
    return readdirSync(folder, { withFileTypes: true })
      .filter((each) => each.isFile())
      .map(({ name }) => path.join(folder, name))
  } catch {
    return [] // a program that tidies up the folder for temporary files
  }
}

function start(
  [program, ...args]: readonly string[],
  folder: string,
  intervalMs: number,
): ChildProcess {
  const recording = { folder, intervalMs }
  // This runs in dist/, where both are bundled to.
  const preload = path.join(__dirname, 'preload.cjs')
  return spawn(program as string, args, {
    stdio: ['inherit', 'inherit', 'inherit', ...descriptors().slice(3)],
    env: RECORDING.into(process.env, recording, preload),
  })
}

/**
 * What was handed to us beyond the outputs (by systemd, make, a shell) is the
 * program's too: by its number, the descriptor to pass on. Node has set close-on-exec
 * for them as for its own, so these have to be told apart: Node opens an epoll first,
 * then eventfds, pipes whose both ends it holds, and /dev/null (libuv, uv_loop_init).
 */
function descriptors(): (number | 'ignore')[] {
  const passed: (number | 'ignore')[] = []
  const open = openDescriptors()
  const files = open.map(([, file]) => file)
  // A parent's process.send() ends with us.
  const channel = (process.channel as { fd?: number } | undefined)?.fd
  const [firstOfNode = 0] = open.find(([, file]) => file === EPOLL) ?? []
  for (const [fd, file] of open) {
    const mayBeOfNode =
      /^anon_inode:|^\/dev\/null$/.test(file) ||
      (file.startsWith('pipe:') &&
        files.indexOf(file) !== files.lastIndexOf(file))
    if (fd >= firstOfNode && mayBeOfNode) continue
    if (fd === channel) continue
    while (passed.length < fd) passed.push('ignore')
    passed[fd] = fd
  }
  return passed
}

const EPOLL = 'anon_inode:[eventpoll]'

/** proc(5); elsewhere none are known. */
function openDescriptors(): [fd: number, file: string][] {
  try {
    return readdirSync('/proc/self/fd')
      .map(Number)
      .sort((a, b) => a - b)
      .flatMap((fd) => {
        try {
          return [[fd, readlinkSync(`/proc/self/fd/${fd}`)]]
        } catch {
          return [] // that of the folder
        }
      })
  } catch {
    return []
  }
}

function endOf(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      // (A signal that we may not send to it is an error, too.)
      if (child.pid !== undefined) return
      const exit = error.code === 'EACCES' ? NOT_EXECUTABLE : NOT_FOUND
      resolve({ exit, signal: undefined, error })
    })
    child.on('exit', (code, signal) => {
      resolve({
        exit: code ?? 128 + (signal ? constants.signals[signal] : 0),
        signal: signal ?? undefined,
        error: undefined,
      })
    })
  })
}

/** So that who signals us reaches the program, and we outlive it. */
function passSignals(child: ChildProcess): () => void {
  const isInForeground = inForeground()
  const passers = passedOn().map((signal) => {
    // The program has had it from the terminal.
    const isSent = isInForeground && OF_TERMINAL.includes(signal)
    const pass = (): void => {
      try {
        if (!isSent) child.kill(signal)
      } catch {
        // Windows can send only some.
      }
    }
    return [signal, pass] as const
  })
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
