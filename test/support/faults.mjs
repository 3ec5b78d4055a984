// Leads faults.c: builds it, and is the other side of the file by which it is led.

import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import path from 'node:path'

/** What can fail, and the members of a rule, in the order of faults.c. */
export const CALLS = [
  ...['TCP_INFO', 'getsockname', 'SO_PEERNAME', 'getpeername', 'socket'],
]
const MEMBERS = ['seen', 'injected', 'nth', 'millionths', 'error', 'length']
const WORD_BYTES = 8
const RULES_AT = 2

/** Compiles a source beside this file; what it became. */
export function compile(source, folder, ...options) {
  const from = path.join(import.meta.dirname, source)
  const to = path.join(folder, path.basename(source, '.c'))
  const args = ['-O1', '-Wall', '-Werror', ...options, '-o', to, from, '-ldl']
  const { status, stderr, error } = spawnSync('cc', args, { encoding: 'utf8' })
  if (status !== 0) throw error ?? new Error(stderr)
  return to
}

/** What is to be preloaded. */
export const compileShim = (folder, source = 'faults.c') =>
  compile(source, folder, '-shared', '-fPIC')

/** The file by which one process, or several, are led. */
export class Faults {
  #fd

  /** Makes the file if it is not there: it must be when a process begins. */
  constructor(file) {
    closeSync(openSync(file, 'a'))
    this.#fd = openSync(file, 'r+')
    const size = WORD_BYTES * (RULES_AT + CALLS.length * MEMBERS.length)
    // (The last byte is 0 in any case.)
    writeSync(this.#fd, Buffer.alloc(1), 0, 1, size - 1)
  }

  #write(word, value) {
    const bytes = Buffer.alloc(WORD_BYTES)
    bytes.writeBigInt64LE(BigInt(value))
    writeSync(this.#fd, bytes, 0, WORD_BYTES, word * WORD_BYTES)
  }

  #read(word) {
    const bytes = Buffer.alloc(WORD_BYTES)
    readSync(this.#fd, bytes, 0, WORD_BYTES, word * WORD_BYTES)
    return Number(bytes.readBigInt64LE())
  }

  #at(call, member) {
    return (
      RULES_AT + CALLS.indexOf(call) * MEMBERS.length + MEMBERS.indexOf(member)
    )
  }

  /** By how much the wall clock is wrong from now on. */
  setClock(ms) {
    this.#write(0, Math.round(ms * 1e6))
  }

  seed(seed) {
    this.#write(1, seed)
  }

  /**
   * From now on a call fails: the nth one from the beginning, or so many in a
   * million; with an error number, or (of TCP_INFO alone) with a short answer.
   */
  fail(call, { nth = 0, millionths = 0, error = 0, length = 0 }) {
    const rule = { nth, millionths, error, length }
    for (const [member, value] of Object.entries(rule)) {
      this.#write(this.#at(call, member), value)
    }
  }

  /** How many calls there were, and how many of them failed. */
  counts() {
    return Object.fromEntries(
      CALLS.map((call) => [
        call,
        {
          seen: this.#read(this.#at(call, 'seen')),
          injected: this.#read(this.#at(call, 'injected')),
        },
      ]),
    )
  }
}
