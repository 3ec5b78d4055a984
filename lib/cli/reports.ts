/**
 * Tables and pages of recorded connections, made in a thread of their own: what does
 * not fit into a heap ends the thread that it belongs to. The command still has the
 * exit code of the program that it ran, and can say where the records are.
 */

import { createWriteStream } from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { getHeapStatistics } from 'node:v8'
import { Worker } from 'node:worker_threads'
import { type Recorded, readConnections } from './connections.js'
import {
  type CommandFailure,
  EXIT,
  FileError,
  failureOfFiles,
  ReportError,
} from './failure.js'
import { stringify } from './outcome.js'
import { complaintOf, csvOf, tableJson, tableOf } from './table.js'
import type { Reports } from './usage.js'

/** All records together may be longer than a string can be. */
export type Pieces = Iterable<string | Buffer> | AsyncIterable<string | Buffer>

/** What is to be made of which files. */
export interface Order extends Reports {
  readonly files: readonly string[]
  /** Whether a program that was run left them. */
  readonly ofRun: boolean
}

export interface Outline {
  /** What there is to say of lines without a record, or of their absence. */
  readonly complaint: string
  /** What went wrong with one of the files to write costs none of the others. */
  readonly failures: readonly CommandFailure[]
  /** Whether the text is in the file that it was to go to. */
  readonly isWritten: boolean
}

export interface Report extends Outline {
  readonly text: Pieces
}

/** @throws {ReportError} where there is nothing to report, or no room for it */
export async function makeReport(order: Order): Promise<Report> {
  const thread = start(order)
  if (!thread) return makeHere(order)
  const outline: Outline = await thread.next()
  return { ...outline, text: thread.rest() }
}

/** (A thread does not have the standard input.) */
function start(order: Order): Thread | undefined {
  if (order.files.includes('-')) return undefined
  try {
    return new Thread(order)
  } catch {
    return undefined // Node's permission model may forbid them
  }
}

/** What reporter.ts sends whenever it is asked: the outline, then pieces of text. */
export type Sent =
  | { readonly value: unknown }
  | { readonly failure: CommandFailure }

class Thread {
  readonly #worker: Worker
  /** At any time: it prepares a piece before it is asked. */
  readonly #death: Promise<Sent>

  constructor(order: Order) {
    const { heap_size_limit: bytes } = getHeapStatistics()
    this.#worker = new Worker(path.join(__dirname, 'reporter.js'), {
      workerData: order,
      resourceLimits: { maxOldGenerationSizeMb: bytes / 2 ** 20 },
    })
    this.#death = new Promise((resolve) => {
      this.#worker.once('error', (error) => {
        resolve({ failure: failureOfFiles(error) })
      })
    })
  }

  async next<T>(): Promise<T> {
    const answer = new Promise<Sent>((resolve) => {
      this.#worker.once('message', resolve)
    })
    this.#worker.postMessage('next')
    const sent = await Promise.race([answer, this.#death])
    if ('failure' in sent) throw new ReportError(sent.failure)
    return sent.value as T
  }

  async *rest(): AsyncGenerator<string> {
    for (;;) {
      const piece = await this.next<string | undefined>()
      if (piece === undefined) return
      yield piece
    }
  }
}

/** @throws {ReportError} where there is nothing to report */
export async function makeHere(order: Order): Promise<Report> {
  const { files, html, output, ofRun } = order
  const recorded = await readConnections(files).catch((error) => {
    throw new ReportError(failureOfFiles(error))
  })
  const isEmpty = recorded.connections.length === 0
  if (isEmpty && recorded.firstError && !ofRun) {
    throw new ReportError(noRecording(recorded.firstError))
  }
  const complaint = complaintOf(recorded) + (isEmpty && ofRun ? RUN_HINT : '')
  const failures: CommandFailure[] = []
  const attempt = async (what: () => Promise<void>): Promise<boolean> => {
    try {
      await what()
      return true
    } catch (error) {
      failures.push(failureOfFiles(error as Error))
      return false
    }
  }
  if (html !== undefined) await attempt(() => writePage(html, recorded))
  const text = () => textAs(order, recorded)
  // What was asked to go to a file is not to be seen elsewhere.
  const written = ofRun && isTable(order) ? [complaint] : []
  const isWritten =
    output !== undefined &&
    (await attempt(() => write(output, chain(text(), written))))
  return { complaint, failures, isWritten, text: isWritten ? [] : text() }
}

const noRecording = ({ message }: Error): CommandFailure => ({
  exit: EXIT.file,
  code: 'ERR_NO_RECORDING',
  message: `this is no recording: no line could be read. ${message}`,
  hint: 'Give it a file that "tcpinfo run --save" wrote, or a program with toJsonLine().',
})

const RUN_HINT = `If there should have been one: only programs of Node are recorded, if they keep
NODE_OPTIONS and may write to the folder for temporary files, and only what they did
until this one ended; a name that was not found is no connection yet. Under Node's
permission model they need --allow-addons, and to read this package and
/etc/alpine-release.
`

const isTable = ({ json, csv }: Reports): boolean => !json && !csv

function* textAs(how: Reports, recorded: Recorded): Generator<string> {
  if (how.csv) yield* csvOf(recorded)
  else yield how.json ? stringify(tableJson(recorded)) : tableOf(recorded)
}

async function writePage(file: string, recorded: Recorded): Promise<void> {
  const { reportHtml } = await import('../report/html.js')
  await write(file, [reportHtml(recorded.connections)])
}

/** @throws {FileError} */
export async function write(file: string, content: Pieces): Promise<void> {
  try {
    await pipeline(content, createWriteStream(file))
  } catch (error) {
    const { code, path = file } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new FileError(path, error as Error)
  }
}

export async function* chain(
  ...parts: Pieces[]
): AsyncGenerator<string | Buffer> {
  for (const part of parts) yield* part
}
