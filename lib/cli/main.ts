#!/usr/bin/env node

import {
  accessSync,
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  openSync,
  readFileSync,
  statSync,
} from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Recorded, readConnections } from './connections.js'
import {
  type CommandFailure,
  describeFailure,
  EXIT,
  FileError,
  startFailure,
  UsageError,
} from './failure.js'
import { printable } from './format.js'
import {
  failureJson,
  failureText,
  jsonOf,
  stringify,
  textOf,
} from './outcome.js'
import { type RunResult, record } from './run.js'
import { complaintOf, csvOf, tableJson, tableOf } from './table.js'
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

/** All records together may be longer than a string can be. */
type Pieces = Iterable<string>

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

/** (What reads records has no connection that could have failed.) */
function failureOf(
  error: unknown,
  command: string | undefined,
): CommandFailure {
  if (error instanceof UsageError || error instanceof FileError) return error
  if (command !== 'run' && command !== 'report') {
    return describeFailure(error as Error, 'connect', false)
  }
  const { code = 'ERR_UNKNOWN', message } = error as NodeJS.ErrnoException
  return { exit: EXIT.failed, code, message: `this command failed: ${message}` }
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
      tryFiles(command)
      refuseSameFile([command.save, command.html, command.output])
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
  const failures: string[] = []
  const attempt = async <T>(what: () => T): Promise<Awaited<T> | undefined> => {
    try {
      return await what()
    } catch (cause) {
      failures.push(failureText(undefined, failureOf(cause, command.name)))
      return undefined
    }
  }
  if (save !== undefined) await attempt(() => write(save, bytesOf(files)))
  const isSaved = save !== undefined && failures.length === 0
  const recorded = await attempt(() => readConnections(files))
  let text: Pieces = []
  if (recorded) {
    const { html, output } = command
    const { length } = recorded.connections
    const complaint = complaintOf(recorded) + (length === 0 ? RUN_HINT : '')
    if (html !== undefined) await attempt(() => writePage(html, recorded))
    const all = () => chain(textAs(command, recorded), [complaint])
    // What was asked to go to a file is not to be seen elsewhere.
    const isWritten =
      output !== undefined &&
      (await attempt(async () => {
        await write(
          output,
          isTable(command) ? all() : textAs(command, recorded),
        )
        return true
      }))
    // (The program's output is its own.)
    if (!isWritten) text = (await attempt(all)) ?? []
  }
  if (failures.length > 0 && !isSaved && files.length > 0) {
    failures.push(
      `The records are kept, for tcpinfo report, in ${path.join(keep(), '*')}\n`,
    )
  }
  return { exit, signal, stderr: chain(text, failures) }
}

function* chain(...parts: Pieces[]): Generator<string> {
  for (const part of parts) yield* part
}

const RUN_HINT = `Only programs of Node are recorded, if they keep NODE_OPTIONS and may write to the
folder for temporary files; and only what they did until this one ended. Under
Node's permission model they need --allow-addons, and to read this package and
/etc/alpine-release.
`

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
  const recorded = await readConnections(files)
  const { connections, firstError } = recorded
  if (connections.length === 0 && firstError) {
    return { exit: EXIT.file, stderr: [noRecording(firstError)] }
  }
  const stderr = [complaintOf(recorded)]
  const { html, output } = how
  if (html !== undefined) await writePage(html, recorded)
  const text = textAs(how, recorded)
  if (output === undefined) return { exit: EXIT.ok, stdout: text, stderr }
  await write(output, text)
  return { exit: EXIT.ok, stderr }
}

const noRecording = ({ message }: Error): string =>
  `This is no recording: no line could be read. ${printable(message)}
Give it a file that "tcpinfo run --save" wrote, or a program with toJsonLine().
`

const isTable = ({ json, csv }: Reports): boolean => !json && !csv

function textAs({ json, csv }: Reports, recorded: Recorded): Pieces {
  if (csv) return csvOf(recorded)
  return [json ? stringify(tableJson(recorded)) : tableOf(recorded)]
}

async function writePage(file: string, recorded: Recorded): Promise<void> {
  const { reportHtml } = await import('../report/html.js')
  await write(file, [reportHtml(recorded.connections)])
}

async function write(
  file: string,
  content: Iterable<string> | AsyncIterable<Buffer>,
): Promise<void> {
  try {
    await pipeline(content, createWriteStream(file))
  } catch (error) {
    const { code, path = file } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new FileError(path, error as Error)
  }
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
  for (const piece of text) {
    const written = new Promise<NodeJS.ErrnoException | undefined>(
      (resolve) => {
        stream.write(piece, (error) => resolve(error ?? undefined))
      },
    )
    const error = await Promise.race([failed, written])
    if (error) return error
  }
  return undefined
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
    const message = `tcpinfo: the output could not be written (${error.code})\n`
    stderr = chain(stderr, [message])
    exit ||= EXIT.failed
  }
  await print(process.stderr, stderr)
  if (signal) process.kill(process.pid, signal)
  // Not left to the event loop, which what was given up may still keep alive.
  process.exit(exit)
}

void main()
