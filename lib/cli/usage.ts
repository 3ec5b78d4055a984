/** The command line: what it may hold, and the help that says so. */

import { parseArgs } from 'node:util'
import { EXIT, UsageError } from './failure.js'

export type Command =
  | { readonly name: 'help' | 'usage'; readonly text: string }
  | { readonly name: 'version' }
  | { readonly name: 'demo'; readonly json: boolean }
  | {
      readonly name: 'probe'
      readonly json: boolean
      readonly target: string
      readonly timeoutMs: number
      readonly insecure: boolean
    }

const DEFAULT_TIMEOUT_MS = 10_000
const MAX_TIMEOUT_MS = 2 ** 31 - 1

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
`

const JSON_OPTION = `\
  --json          print one JSON object: "tcpInfo" is the record, "raw" the
                  kernel's own struct (64-bit numbers as strings), "ageMs" the
                  connection's age by the clock of this command, "error" why
                  it failed`

const HELP = {
  main: `Usage: tcpinfo <command> [options]

Prints what the kernel knows about a TCP connection just before it is closed:
state, bytes, round-trip time, retransmissions and windows.

Commands:
  demo            transfer 4 MiB over loopback: does it work here?
  probe <target>  connect to a server

Options:
  --json          print one JSON object
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

Targets:
  http://..., https://...
                  one GET request; the answer is read to its end, redirects are
                  not followed, and any HTTP status counts as success
  host:port, [IPv6 address]:port
                  a plain TCP connection; nothing is sent, and what the server
                  says in the first 200 ms is read

Options:
  --timeout <ms>  for name lookup, connecting and the answer together
                  (default: ${DEFAULT_TIMEOUT_MS})
  --insecure      https: accept any certificate
${JSON_OPTION}
  -h, --help      print this

${EXIT_CODES}`,
} as const

const OPTIONS = {
  json: { type: 'boolean' },
  timeout: { type: 'string' },
  insecure: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

export function parseCommand(args: string[]): Command {
  if (args.length === 0) return { name: 'usage', text: HELP.main }
  const { values, positionals } = parse(args)
  const [name, ...operands] = positionals
  const known = name === 'demo' || name === 'probe' ? name : undefined
  if (values.help) return { name: 'help', text: HELP[known ?? 'main'] }
  if (values.version) return { name: 'version' }
  if (!known) {
    throw new UsageError(
      name === undefined ? 'no command given' : `unknown command "${name}"`,
      'The commands are demo and probe: see tcpinfo --help.',
    )
  }

  const json = values.json ?? false
  const [operand, ...more] = operands
  const surplus = known === 'demo' ? operands : more
  if (surplus.length > 0) {
    throw new UsageError(`unexpected argument "${surplus[0]}"`, seeHelp(known))
  }
  if (known === 'demo') {
    for (const option of ['timeout', 'insecure'] as const) {
      if (values[option] === undefined) continue
      throw new UsageError(`demo has no option --${option}`, seeHelp(known))
    }
    return { name: known, json }
  }
  if (operand === undefined) {
    throw new UsageError('probe needs a target', seeHelp(known))
  }
  return {
    name: known,
    json,
    timeoutMs: parseTimeout(values.timeout),
    insecure: values.insecure ?? false,
    target: operand,
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true })
  } catch (error) {
    // Only the first sentence: the rest is advice that does not fit here.
    const [said] = (error as Error).message.split(/[.\n]/)
    throw new UsageError(said as string, seeHelp())
  }
}

function parseTimeout(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMEOUT_MS
  const timeoutMs = /^\d+$/.test(text) ? Number(text) : 0
  if (timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) return timeoutMs
  throw new UsageError(
    `"${text}" is not a timeout`,
    'Give whole milliseconds, such as --timeout 5000.',
  )
}

function seeHelp(command?: string): string {
  return `See tcpinfo ${command ? `${command} ` : ''}--help.`
}
