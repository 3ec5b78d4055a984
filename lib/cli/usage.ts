/** The command line: what it may hold, and the help that says so. */

import { parseArgs } from 'node:util'
import { EXIT, UsageError } from './failure.js'

export type Command =
  | { readonly name: 'help' | 'usage'; readonly text: string }
  | { readonly name: 'version' }
  | { readonly name: 'demo'; readonly json: boolean }
  | (ToTarget & { readonly name: 'probe'; readonly json: boolean })
  | (ToTarget & {
      readonly name: 'watch'
      readonly intervalMs: number
      readonly durationMs: number | undefined
    })
  | (Reports & {
      readonly name: 'run'
      /** The program and its arguments. */
      readonly command: readonly string[]
      readonly intervalMs: number
      readonly save: string | undefined
    })
  | (Reports & { readonly name: 'report'; readonly files: readonly string[] })

interface ToTarget {
  readonly target: string
  readonly timeoutMs: number
  readonly insecure: boolean
}

/** Where the table of connections goes, and as what. */
export interface Reports {
  readonly json: boolean
  readonly csv: boolean
  readonly html: string | undefined
  readonly output: string | undefined
}

const DEFAULT_TIMEOUT_MS = 10_000
const DEFAULT_INTERVAL_MS = 1000
const MAX_MS = 2 ** 31 - 1

const EXIT_CODES = `Exit codes:
  ${EXIT.ok}  all went well
  ${EXIT.usage}  the command line is wrong
  ${EXIT.name}  the name could not be resolved
  ${EXIT.refused}  the connection was refused
  ${EXIT.timeout}  the time was over before there was an answer
  ${EXIT.failed}  the connection or the protocol failed in another way (reset, TLS,
     unreachable, not HTTP)
  ${EXIT.notTcp}  the target is not TCP (a Unix domain socket, a named pipe, UDP)
  ${EXIT.noStatistics}  the connection worked, but no TCP statistics are available here
  ${EXIT.file}  a file could not be read or written
`

const JSON_OPTION = `\
  --json          print one JSON object: "tcpInfo" is the record, "raw" the
                  kernel's own struct (64-bit numbers as strings), "ageMs" the
                  connection's age by the clock of this command, "error" why
                  it failed`

const TARGETS = `\
Targets:
  http://..., https://...
                  one GET request; the answer is read to its end, redirects are
                  not followed, and any HTTP status counts as success`

const TARGET_OPTIONS = `\
  --timeout <ms>  for name lookup, connecting and the answer together
                  (default: ${DEFAULT_TIMEOUT_MS})
  --insecure      https: accept any certificate`

const REPORT_OPTIONS = `\
  --json          the table as one JSON object
  --csv           all records as CSV instead of the table
  --html <file>   also a page with charts of each connection
  --output <file> write there and not to the terminal`

const HELP = {
  main: `Usage: tcpinfo <command> [options]

Prints what the kernel knows about TCP connections: state, bytes, round-trip
time, retransmissions and windows.

Commands:
  demo            transfer 4 MiB over loopback: does it work here?
  probe <target>  connect to a server; its record just before the close
  watch <target>  the same connection live, while it is in use
  run -- <program> [arguments]
                  run a Node program; then a table of all its connections
  report <file>   that table, or a page with charts, of recorded connections

Options:
  -h, --help      print this, or the help of a command
  -v, --version   print the version

${EXIT_CODES}`,

  demo: `Usage: tcpinfo demo [options]

Starts a server on loopback, sends it a small request, reads 4 MiB of answer and
prints the record of that connection.

Options:
${JSON_OPTION}
  -h, --help      print this

${EXIT_CODES}`,

  probe: `Usage: tcpinfo probe <target> [options]

Connects and prints the record taken just before the connection was closed, also
when it failed.

${TARGETS}
  host:port, [IPv6 address]:port
                  a plain TCP connection; nothing is sent, and what the server
                  says in the first 200 ms is read

Options:
${TARGET_OPTIONS}
${JSON_OPTION}
  -h, --help      print this

${EXIT_CODES}`,

  watch: `Usage: tcpinfo watch <target> [options]

Connects and shows the connection while it is in use: in a terminal a picture
that changes, else one line for each reading. Ctrl-C closes the connection.

${TARGETS}
  host:port, [IPv6 address]:port
                  a plain TCP connection; nothing is sent, and what the server
                  says is read until it closes

Options:
  --interval <ms> time between two readings (default: ${DEFAULT_INTERVAL_MS})
  --duration <ms> close the connection after this long
  --timeout <ms>  for name lookup and connecting (default: ${DEFAULT_TIMEOUT_MS})
  --insecure      https: accept any certificate
  -h, --help      print this

${EXIT_CODES}`,

  run: `Usage: tcpinfo run [options] -- <program> [arguments]

Runs a program, such as "node app.js" or "npm start", and records every TCP
connection of it and of all Node programs that it starts. When it is over,
prints a table of the remote ends to stderr, the most retransmitting first, then
the slowest. The program's own input, output, signals and exit code are as
without it; if it can't be started at all, the exit code is 126 or 127.
The table's round trips are those of each connection's last record. Failed are
attempts that no connection came of, broken are connections that an error ended.

Options:
  --interval <ms> time between two readings of each connection; 0: only the
                  last one (default: ${DEFAULT_INTERVAL_MS})
  --save <file>   keep the records, as JSON Lines, for tcpinfo report
${REPORT_OPTIONS}
  -h, --help      print this

${EXIT_CODES}`,

  report: `Usage: tcpinfo report <file> ... [options]

Prints a table of the remote ends in files of JSON Lines, as toJsonLine() or
"tcpinfo run --save" wrote them, on this operating system or another one. "-"
stands for the standard input.

Options:
${REPORT_OPTIONS}
  -h, --help      print this

${EXIT_CODES}`,
} as const

const OPTIONS = {
  json: { type: 'boolean' },
  csv: { type: 'boolean' },
  html: { type: 'string' },
  output: { type: 'string' },
  save: { type: 'string' },
  interval: { type: 'string' },
  duration: { type: 'string' },
  timeout: { type: 'string' },
  insecure: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

/** (Only among the files of `report` "-" has a meaning.) */
const FILE_OPTIONS = ['html', 'output', 'save'] as const

type Option = keyof typeof OPTIONS
type Values = ReturnType<typeof parse>['values']

/** Of each command the options, and what it reads out of its arguments. */
const COMMANDS: {
  readonly [K in Exclude<keyof typeof HELP, 'main'>]: {
    readonly options: readonly Option[]
    readonly read: (values: Values, operands: readonly string[]) => Command
  }
} = {
  demo: {
    options: ['json'],
    read: ({ json = false }, operands) => {
      refuseSurplus('demo', operands)
      return { name: 'demo', json }
    },
  },
  probe: {
    options: ['json', 'timeout', 'insecure'],
    read: (values, operands) => ({
      name: 'probe',
      json: values.json ?? false,
      ...toTarget('probe', values, operands),
    }),
  },
  watch: {
    options: ['interval', 'duration', 'timeout', 'insecure'],
    read: (values, operands) => ({
      name: 'watch',
      intervalMs: interval(values, 1),
      durationMs: milliseconds('duration', values.duration, 1),
      ...toTarget('watch', values, operands),
    }),
  },
  run: {
    options: ['interval', 'save', 'json', 'csv', 'html', 'output'],
    read: (values, command) => {
      if (command.length === 0) {
        throw new UsageError('run needs a program', seeHelp('run'))
      }
      return {
        name: 'run',
        command,
        intervalMs: interval(values, 0),
        save: values.save,
        ...reports('run', values),
      }
    },
  },
  report: {
    options: ['json', 'csv', 'html', 'output'],
    read: (values, files) => {
      if (files.length === 0) {
        throw new UsageError('report needs a file', seeHelp('report'))
      }
      return { name: 'report', files, ...reports('report', values) }
    },
  },
}

type Name = keyof typeof COMMANDS

export function parseCommand(args: string[]): Command {
  if (args.length === 0) return { name: 'usage', text: HELP.main }
  const [ours, program] = split(args)
  const { values, positionals } = parse(ours)
  if (positionals[0] === 'help') {
    values.help = true
    positionals.shift()
  }
  const [first, ...operands] = positionals
  const name = Object.keys(COMMANDS).find((each) => each === first) as
    | Name
    | undefined
  if (values.help) return { name: 'help', text: HELP[name ?? 'main'] }
  if (values.version) return { name: 'version' }
  if (name === undefined) {
    throw new UsageError(
      first === undefined ? 'no command given' : `unknown command "${first}"`,
      `The commands are ${Object.keys(COMMANDS).join(', ')}: see tcpinfo --help.`,
    )
  }
  const { options, read } = COMMANDS[name]
  const foreign = (Object.keys(values) as Option[]).find(
    (option) => !options.includes(option),
  )
  if (foreign) {
    throw new UsageError(`${name} has no option --${foreign}`, seeHelp(name))
  }
  const dashed = FILE_OPTIONS.find((option) => values[option] === '-')
  if (dashed) {
    throw new UsageError(
      `--${dashed} needs a file, and "-" is none`,
      'Give the name of a file, or /dev/stdout where the system has that.',
    )
  }
  return read(values, [...operands, ...program])
}

/**
 * Our own arguments, and those of the program to run, which begin after "--" or
 * with the first one that is no option.
 */
function split(args: string[]): [ours: string[], program: string[]] {
  if (args[0] !== 'run') return [args, []]
  let at = 1
  while (at < args.length && args[at]?.startsWith('-') && args[at] !== '--') {
    const name = args[at]?.slice(2) as Option
    const takesNext = OPTIONS[name]?.type === 'string'
    at += takesNext ? 2 : 1
  }
  return [args.slice(0, at), args.slice(args[at] === '--' ? at + 1 : at)]
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true })
  } catch (error) {
    const { message } = error as Error
    const [, valueless] =
      /(--[a-z]+)[^']*' argument (?:is ambiguous|missing)/.exec(message) ?? []
    // Only the first sentence: the rest is advice that does not fit here.
    const [said] = valueless
      ? [`${valueless} needs a value`]
      : message.split(/[.\n]/)
    throw new UsageError(said as string, seeHelp())
  }
}

function toTarget(
  name: Name,
  values: Values,
  [target, ...more]: readonly string[],
): ToTarget {
  if (target === undefined) {
    throw new UsageError(`${name} needs a target`, seeHelp(name))
  }
  refuseSurplus(name, more)
  return {
    target,
    timeoutMs: milliseconds('timeout', values.timeout, 1) ?? DEFAULT_TIMEOUT_MS,
    insecure: values.insecure ?? false,
  }
}

function reports(
  name: Name,
  { json = false, csv = false, html, output }: Values,
): Reports {
  if (json && csv) {
    throw new UsageError('--json and --csv exclude each other', seeHelp(name))
  }
  return { json, csv, html, output }
}

function refuseSurplus(name: Name, [surplus]: readonly string[]): void {
  if (surplus === undefined) return
  throw new UsageError(`unexpected argument "${surplus}"`, seeHelp(name))
}

function interval({ interval }: Values, least: number): number {
  return milliseconds('interval', interval, least) ?? DEFAULT_INTERVAL_MS
}

function milliseconds(
  option: 'timeout' | 'interval' | 'duration',
  text: string | undefined,
  least: number,
): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) : -1
  if (ms >= least && ms <= MAX_MS) return ms
  throw new UsageError(
    `"${text}" is not ${option === 'interval' ? 'an' : 'a'} ${option}`,
    `Give whole milliseconds, such as --${option} 5000.`,
  )
}

function seeHelp(command?: string): string {
  return `See tcpinfo ${command ? `${command} ` : ''}--help.`
}
