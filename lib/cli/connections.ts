/** Recorded connections, out of files of JSON Lines. */

import { createReadStream } from 'node:fs'
import path from 'node:path'
import {
  explain,
  fromJsonLine,
  type TcpInfo,
  type TcpInfoVerdict,
} from '../index.js'
import { FileError } from './failure.js'

export interface Connection {
  readonly id: string
  /** As they stand in the file, which is the order of time; at least one. */
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
    const ofFile = new Map<string, TcpInfo[]>()
    for await (const line of linesOf(file)) {
      if (line.trim() === '') continue
      try {
        const { connection, info } = fromJsonLine(line)
        const known = ofFile.get(connection)
        if (known) known.push(info)
        else ofFile.set(connection, [info])
      } catch (error) {
        // The last line of a process that was killed may be half a one.
        unreadable++
        firstError ??= error as Error
      }
    }
    for (const [name, each] of ofFile) {
      // The same name in another file is another connection.
      let id = name
      for (let i = 2; records.has(id); i++) {
        id = `${name} (${path.basename(file)}, ${i})`
      }
      records.set(id, each)
    }
  }
  const connections = [...records].map(([id, each]) => connectionOf(id, each))
  return { connections, unreadable, firstError }
}

/** Editors on Windows begin files with it. */
const BYTE_ORDER_MARK = /^\uFEFF/

/** A record's line has about 2,000 characters. */
const MAX_LINE = 1_000_000

/**
 * (readline would hold a line of any length in memory.) Of one that is far too long
 * the end is dropped as it comes: to look at the rest with each piece takes minutes.
 */
async function* linesOf(file: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  let rest = ''
  let isFirst = true
  try {
    for await (const chunk of input.setEncoding('utf8')) {
      const text = isFirst ? chunk.replace(BYTE_ORDER_MARK, '') : chunk
      isFirst = false
      const [first, ...others] = (text as string).split('\n')
      if (rest.length < MAX_LINE) rest += first
      for (const line of others) {
        yield rest
        rest = line
      }
    }
  } catch (error) {
    throw new FileError(file, error as Error)
  }
  yield rest
}

function connectionOf(id: string, records: TcpInfo[]): Connection {
  const last = records.at(-1) as TcpInfo
  return { id, records, last, verdict: explain(records) }
}
