#!/usr/bin/env node

import {
  accessSync,
  closeSync,
  constants,
  createReadStream,
  openSync,
  readFileSync,
  statSync,
} from 'node:fs'
import path from 'node:path'
import {
  type CommandFailure,
  describeFailure,
  EXIT,
  FileError,
  failureOfFiles,
  ReportError,
  startFailure,
  UsageError,
} from './failure.js'
import {
  failureJson,
  failureText,
  jsonOf,
  stringify,
  textOf,
} from './outcome.js'
import { chain, makeReport, type Pieces, write } from './reports.js'
import { type RunResult, record } from './run.js'
import { parseTarget, withoutPassword } from './target.js'
import { demo, type Outcome, probe } from './transfer.js'
import { type Command, parseCommand, type Reports } from './usage.js'
import { watch } from './watch.js'

type RunCommand = Extract<Command, { name: 'run' }>

interface Answer {
  readonly exit: number
  /** What the program that was run ended by, and so do we. */
  readonly signal?: NodeJS.Signals | undefined
  readonly stdout?: Pieces
  readonly stderr?: Pieces
}

async function answer(args: string[]): Promise<Answer> {
  let target: string | undefined
  try {
    const command = parseCommand(args)
    if (command.name === 'probe') target = withoutPassword(command.target)
    return await Promise.race([carryOut(command), crash()])
  } catch (error) {
    const failure = failureOf(error, args[0])
    return {
      exit: failure.exit,
      stderr: [failureText(undefined, failure)],
      // (After "run" the standard output is the program's.)
      ...(args[0] !== 'run' &&
        args.includes('--json') && {
          stdout: [stringify({ target, ...failureJson(failure) })],
        }),
    }
  }
}

function failureOf(
  error: unknown,
  command: string | undefined,
): CommandFailure {
  const isOurs = error instanceof UsageError || error instanceof FileError
  if (isOurs || error instanceof ReportError) return error
  // (What reads records has no connection that could have failed.)
  return command === 'run' || command === 'report'
    ? failureOfFiles(error as Error)
    : describeFailure(error as Error, 'connect', false)
}

async function carryOut(command: Command): Promise<Answer> {
  switch (command.name) {
    case 'help':
      return { exit: EXIT.ok, stdout: [command.text] }
    case 'usage':
      return { exit: EXIT.usage, stderr: [command.text] }
    case 'version':
      return { exit: EXIT.ok, stdout: [`${version()}\n`] }
    case 'demo':
      return report(await demo(), command.json)
    case 'watch': {
      const outcome = await watch(
        parseTarget(command.target),
        command,
        process.stdout,
      )
      return report(outcome, false)
    }
    case 'run':
      refuseSameFile([command.save, command.html, command.output])
      tryFiles(command)
      return record(command.command, command.intervalMs, (result) =>
        afterRun(command, result),
      )
    case 'report':
      return reportFiles(command.files, command)
    case 'probe': {
      const { target, timeoutMs, insecure, json } = command
      return report(await probe(parseTarget(target), timeoutMs, insecure), json)
    }
  }
}

/**
 * The table, and whatever else was asked for, of a program that has ended. It may
 * have run for hours: what goes wrong with one of them costs none of the others.
 */
async function afterRun(
  command: RunCommand,
  { files, ended: { exit, signal, error }, keep }: RunResult,
): Promise<Answer> {
  if (error) {
    const [program] = command.command as [string]
    const failure = startFailure(program, exit, error)
    return { exit, stderr: [failureText(undefined, failure)] }
  }
  const { save } = command
  const failures: CommandFailure[] = []
  const attempt = async (what: () => Promise<void>): Promise<void> => {
    try {
      await what()
    } catch (cause) {
      failures.push(failureOf(cause, command.name))
    }
  }
  if (save !== undefined) await attempt(() => write(save, bytesOf(files)))
  const isSaved = save !== undefined && failures.length === 0
  const text: Buffer[] = []
  await attempt(async () => {
    const report = await makeReport({ ...command, files, ofRun: true })
    failures.push(...report.failures)
    if (report.isWritten) return
    // While the files are there, and outside the heap: it can be all the records.
    for await (const piece of chain(report.text, [report.complaint])) {
      text.push(Buffer.from(piece))
    }
  })
  const told = failures.map((failure) => failureText(undefined, failure))
  if (failures.length > 0 && !isSaved && files.length > 0) {
    told.push(
      `The records are kept, for tcpinfo report, in ${path.join(keep(), '*')}\n`,
    )
  }
  // (The program's output is its own.)
  return { exit, signal, stderr: chain(text, told) }
}

/** (A process that was killed may have left half a line at the end of its file.) */
async function* bytesOf(files: readonly string[]): AsyncGenerator<Buffer> {
  for (const file of files) {
    let last: number | undefined
    for await (const chunk of createReadStream(file)) {
      yield chunk
      last = chunk.at(-1)
    }
    if (last !== undefined && last !== NEWLINE[0]) yield NEWLINE
  }
}

const NEWLINE = Buffer.from('\n')

/** That a file can't be written is to be known before a program has run for hours. */
function tryFiles({ save, html, output }: RunCommand): void {
  for (const file of [save, html, output]) {
    if (file === undefined) continue
    try {
      const stat = statSync(file, { throwIfNoEntry: false })
      // To open and close a pipe would tell its reader that this was all.
      if (!stat?.isFIFO()) closeSync(openSync(file, 'a'))
      else accessSync(file, constants.W_OK)
    } catch (error) {
      throw new FileError(file, error as Error)
    }
  }
}

/** What is written last would be all that is left, even of what was to be read. */
function refuseSameFile(files: readonly (string | undefined)[]): void {
  const seen = new Set<string>()
  for (const file of files) {
    const identity = file === undefined ? undefined : identityOf(file)
    if (identity === undefined) continue
    if (seen.has(identity)) {
      throw new UsageError(
        `"${file}" is given twice, and would be overwritten`,
        'Give each file that is to be written a name of its own.',
      )
    }
    seen.add(identity)
  }
}

/** By whatever name; `undefined` of terminals, pipes and such, which take both. */
function identityOf(file: string): string | undefined {
  try {
    const stat = statSync(file, { throwIfNoEntry: false, bigint: true })
    if (!stat) return path.resolve(file)
    return stat.isFile() ? `${stat.dev}:${stat.ino}` : undefined
  } catch (error) {
    throw new FileError(file, error as Error)
  }
}

async function reportFiles(
  files: readonly string[],
  how: Reports,
): Promise<Answer> {
  for (const file of files) refuseSameFile([file, how.html, how.output])
  // One that is named twice is read once.
  const named = new Map(files.map((file) => [identityOf(file) ?? file, file]))
  const { failures, complaint, text } = await makeReport({
    ...how,
    files: [...named.values()],
    ofRun: false,
  })
  const [failure] = failures
  if (failure) throw new ReportError(failure)
  return { exit: EXIT.ok, stdout: text, stderr: [complaint] }
}

/** Node's own code can throw where nobody can catch it (listen, Node 26). */
function crash(): Promise<never> {
  return new Promise((_, reject) => {
    process.once('uncaughtException', reject)
  })
}

function report(outcome: Outcome, json: boolean): Answer {
  const { target, failure } = outcome
  const stdout = json ? stringify(jsonOf(outcome)) : textOf(outcome)
  if (!failure) return { exit: EXIT.ok, stdout: [stdout] }
  return {
    exit: failure.exit,
    // In a terminal the two follow each other.
    stdout: [json || !stdout ? stdout : `${stdout}\n`],
    stderr: [failureText(target, failure)],
  }
}

function version(): string {
  // This runs in dist/, one below the package's root.
  const file = path.join(__dirname, '..', 'package.json')
  return JSON.parse(readFileSync(file, 'utf8')).version
}

/** Resolves to what went wrong. */
async function print(
  stream: NodeJS.WriteStream,
  text: Pieces,
): Promise<NodeJS.ErrnoException | undefined> {
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => {
    stream.once('error', resolve)
  })
  try {
    for await (const piece of text) {
      const written = new Promise<NodeJS.ErrnoException | undefined>(
        (resolve) => {
          stream.write(piece, (error) => resolve(error ?? undefined))
        },
      )
      const error = await Promise.race([failed, written])
      if (error) return error
    }
    return undefined
  } catch (error) {
    return error as ReportError // there is no more of the text
  }
}

async function main(): Promise<void> {
  let {
    exit,
    signal,
    stdout = [],
    stderr = [],
  } = await answer(process.argv.slice(2))
  const error = await print(process.stdout, stdout)
  // Whoever does not read to the end (tcpinfo | head) has what they wanted.
  if (error && error.code !== 'EPIPE') {
    const isOurs = error instanceof ReportError
    const message = isOurs
      ? failureText(undefined, error)
      : `tcpinfo: the output could not be written (${error.code})\n`
    stderr = chain(stderr, [message])
    exit ||= isOurs ? error.exit : EXIT.failed
  }
  await print(process.stderr, stderr)
  if (signal) process.kill(process.pid, signal)
  // Not left to the event loop, which what was given up may still keep alive.
  process.exit(exit)
}

void main()
