#!/usr/bin/env node

import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Recorded, readConnections } from './connections.js'
import {
  EXIT,
  explain,
  type Failure,
  FileError,
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
import { type Ended, record } from './run.js'
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
  readonly stdout?: string
  readonly stderr?: string
}

async function answer(args: string[]): Promise<Answer> {
  let target: string | undefined
  try {
    const command = parseCommand(args)
    if (command.name === 'probe') target = withoutPassword(command.target)
    return await Promise.race([carryOut(command), crash()])
  } catch (error) {
    const failure = failureOf(error)
    return {
      exit: failure.exit,
      stderr: failureText(undefined, failure),
      // (After "run" the standard output is the program's.)
      ...(args[0] !== 'run' &&
        args.includes('--json') && {
          stdout: stringify({ target, ...failureJson(failure) }),
        }),
    }
  }
}

function failureOf(error: unknown): Failure {
  return error instanceof UsageError
    ? error
    : explain(error as Error, 'connect', false)
}

async function carryOut(command: Command): Promise<Answer> {
  switch (command.name) {
    case 'help':
      return { exit: EXIT.ok, stdout: command.text }
    case 'usage':
      return { exit: EXIT.usage, stderr: command.text }
    case 'version':
      return { exit: EXIT.ok, stdout: `${version()}\n` }
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
      return record(command.command, command.intervalMs, (files, ended) =>
        afterRun(command, files, ended),
      )
    case 'report':
      return reportFiles(command.files, command)
    case 'probe': {
      const { target, timeoutMs, insecure, json } = command
      return report(await probe(parseTarget(target), timeoutMs, insecure), json)
    }
  }
}

/** The table, and whatever else was asked for, of a program that has ended. */
async function afterRun(
  command: RunCommand,
  files: readonly string[],
  { exit, signal, error }: Ended,
): Promise<Answer> {
  if (error) {
    const [program] = command.command as [string]
    const failure = startFailure(program, exit, error)
    return { exit, stderr: failureText(undefined, failure) }
  }
  let stderr = ''
  try {
    const recorded = await readConnections(files)
    const { length } = recorded.connections
    const complaint = complaintOf(recorded) + (length === 0 ? RUN_HINT : '')
    if (command.save !== undefined) write(command.save, contentOf(files))
    // The program's output is its own.
    const { stdout } = await reportOn(command, recorded, complaint)
    stderr = stdout === undefined ? '' : `${stdout}${complaint}`
  } catch (cause) {
    stderr += failureText(undefined, failureOf(cause))
  }
  return { exit, signal, stderr }
}

const RUN_HINT = `Only programs of Node are recorded, if they keep NODE_OPTIONS and may write to the
folder for temporary files; and only what they did until this one ended. Under
Node's permission model they need --allow-addons, and to read this package and
/etc/alpine-release.
`

function contentOf(files: readonly string[]): string {
  return files
    .map((file) => readFileSync(file, 'utf8'))
    .map((text) => (text.endsWith('\n') ? text : `${text}\n`))
    .join('')
}

/** That a file can't be written is to be known before a program has run for hours. */
function tryFiles({ save, html, output }: RunCommand): void {
  for (const file of [save, html, output]) {
    if (file === undefined) continue
    try {
      closeSync(openSync(file, 'a'))
    } catch (error) {
      throw new FileError(error as NodeJS.ErrnoException)
    }
  }
}

/** Without a record in any line it was the wrong file. */
async function reportFiles(
  files: readonly string[],
  how: Reports,
): Promise<Answer> {
  const recorded = await readConnections(files)
  const stderr = complaintOf(recorded)
  if (recorded.connections.length === 0 && recorded.unreadable > 0) {
    return { exit: EXIT.file, stderr }
  }
  return { ...(await reportOn(how, recorded)), stderr }
}

async function reportOn(
  { json, csv, html, output }: Reports,
  recorded: Recorded,
  complaint = '',
): Promise<Answer> {
  const text = json
    ? stringify(tableJson(recorded))
    : csv
      ? csvOf(recorded)
      : tableOf(recorded)
  if (html !== undefined) {
    const { reportHtml } = await import('../report/html.js')
    write(html, reportHtml(recorded.connections))
  }
  if (output === undefined) return { exit: EXIT.ok, stdout: text }
  // What was asked to go to a file is not to be seen elsewhere.
  write(output, json || csv ? text : `${text}${complaint}`)
  return { exit: EXIT.ok }
}

function write(file: string, content: string): void {
  try {
    writeFileSync(file, content)
  } catch (error) {
    throw new FileError(error as NodeJS.ErrnoException)
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
  if (!failure) return { exit: EXIT.ok, stdout }
  return {
    exit: failure.exit,
    // In a terminal the two follow each other.
    stdout: json || !stdout ? stdout : `${stdout}\n`,
    stderr: failureText(target, failure),
  }
}

function version(): string {
  // This runs in dist/, one below the package's root.
  const file = path.join(__dirname, '..', 'package.json')
  return JSON.parse(readFileSync(file, 'utf8')).version
}

/** Resolves to what went wrong. */
function print(
  stream: NodeJS.WriteStream,
  text = '',
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    stream.once('error', resolve)
    stream.write(text, (error) => resolve(error ?? undefined))
  })
}

async function main(): Promise<void> {
  let {
    exit,
    signal,
    stdout,
    stderr = '',
  } = await answer(process.argv.slice(2))
  const error = await print(process.stdout, stdout)
  // Whoever does not read to the end (tcpinfo | head) has what they wanted.
  if (error && error.code !== 'EPIPE') {
    stderr += `tcpinfo: the output could not be written (${error.code})\n`
    exit ||= EXIT.failed
  }
  await print(process.stderr, stderr)
  if (signal) process.kill(process.pid, signal)
  // Not left to the event loop, which what was given up may still keep alive.
  process.exit(exit)
}

void main()
