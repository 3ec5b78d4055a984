/** Recorded connections, out of files of JSON Lines. */

import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import {
  explain,
  fromJsonLine,
  type TcpInfo,
  type TcpInfoVerdict,
} from '../index.js'
import { FileError } from './failure.js'

export interface Connection {
  readonly id: string
  /** In the order of time; at least one. */
  readonly records: readonly TcpInfo[]
  /** The newest one. */
  readonly last: TcpInfo
  readonly verdict: TcpInfoVerdict
}

export interface Recorded {
  readonly connections: readonly Connection[]
  /** Lines that hold no record, and why the first of them does not. */
  readonly unreadable: number
  readonly firstError: Error | undefined
}

/** @throws {FileError} for a file that can't be read */
export async function readConnections(
  files: readonly string[],
): Promise<Recorded> {
  const records = new Map<string, TcpInfo[]>()
  let unreadable = 0
  let firstError: Error | undefined
  for (const file of files) {
    for await (const line of linesOf(file)) {
      if (line.trim() === '') continue
      try {
        const { connection, info } = fromJsonLine(line)
        const known = records.get(connection)
        if (known) known.push(info)
        else records.set(connection, [info])
      } catch (error) {
        // The last line of a process that was killed may be half a one.
        unreadable++
        firstError ??= error as Error
      }
    }
  }
  const connections = [...records].map(([id, each]) => connectionOf(id, each))
  return { connections, unreadable, firstError }
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  try {
    // (The interface alone would not tell of a file that can't be opened.)
    if (input !== process.stdin) await once(input, 'open')
    yield* createInterface({ input, crlfDelay: Infinity })
  } catch (error) {
    throw new FileError({ path: file, ...(error as NodeJS.ErrnoException) })
  }
}

function connectionOf(id: string, records: TcpInfo[]): Connection {
  records.sort((a, b) => a.capturedAt - b.capturedAt)
  const last = records.at(-1) as TcpInfo
  return { id, records, last, verdict: explain(records) }
}
