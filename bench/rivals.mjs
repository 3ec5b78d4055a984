// Where the rivals come from: npm's registry and Go's module proxy, in pinned
// versions, once, outside the tree. What can't be had is skipped, and said so.

import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { install } from '../scripts/debian.mjs'
import { cached, cacheFolder } from '../scripts/downloads.mjs'
import { npm } from '../scripts/test-package.mjs'
import { skip } from './measure.mjs'

const CACHE = cacheFolder('rivals')
const CONNIVER = 'github.com/runZeroInc/conniver'
const CONNIVER_VERSION = 'v0.0.9'
/** A module proxy that does not answer. */
const BUILD_TIMEOUT_MS = 180_000

/** A package of npm's, such as koffi@3.3.4, or undefined. */
export function npmRival(specifier) {
  const [name] = specifier.split('@')
  try {
    const folder = cached(CACHE, specifier, (unfinished) => {
      writeFileSync(path.join(unfinished, 'package.json'), '{}')
      npm(`install ${specifier}`, unfinished)
    })
    return createRequire(path.join(folder, 'package.json'))(name)
  } catch (error) {
    console.error(error.message)
    skip(`npm's ${specifier}`, 'it does not install')
  }
}

/** A tool, installed from Debian if need be and if possible; whether it is there. */
export function tool(command, debian = command) {
  const wanted = { command: ['which', command], package: debian }
  const isThere = install([wanted]).length === 0
  if (!isThere) skip(command, `Debian's package ${debian} is not installed`)
  return isThere
}

function buildGo() {
  const folder = path.join(CACHE, 'go')
  const program = path.join(folder, 'rivals')
  const run = (args) =>
    execFileSync('go', args, {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: BUILD_TIMEOUT_MS,
    })
  const begin = () => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(CACHE, { recursive: true })
    cpSync(fileURLToPath(new URL('rivals', import.meta.url)), folder, {
      recursive: true,
    })
  }
  begin()
  const copy = process.env.CONNIVER
  try {
    run(['mod', 'edit', `-require=${CONNIVER}@${CONNIVER_VERSION}`])
    if (copy) run(['mod', 'edit', `-replace=${CONNIVER}=${copy}`])
    run(['build', '-mod=mod', '-tags', 'conniver', '-o', program, '.'])
  } catch (error) {
    if (error.code === 'ENOENT') throw error
    console.error(String(error.stderr ?? error.message).trim())
    skip(
      `${CONNIVER}@${CONNIVER_VERSION}`,
      copy ? "CONNIVER's copy does not build" : "not in Go's module proxy",
    )
    begin()
    run(['build', '-o', program, '.'])
  }
  return program
}

/** The name of a kind of the Go program's in a table. */
export const nameInGo = (kind) => `Go, ${kind === 'go' ? 'getsockopt' : kind}`

/**
 * The program in bench/rivals: which kinds it has, and what asks it; or undefined. A
 * copy of conniver's source that is there already is named by CONNIVER.
 */
export async function goRivals() {
  let program
  try {
    program = buildGo()
  } catch (error) {
    const isMissing = error.code === 'ENOENT'
    if (!isMissing) console.error(String(error.stderr ?? error).trim())
    skip("Go's rivals", isMissing ? 'there is no go' : 'they do not build')
    return undefined
  }
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  /** Its answer: words, numbers where they are. */
  const ask = async (question) => {
    child.stdin.write(`${question}\n`)
    const { value, done } = await lines.next()
    if (done) throw new Error(`Go's rivals ended when asked: ${question}`)
    return value.split(' ')
  }
  return {
    program,
    kinds: await ask('rivals'),
    ask,
    end: () => child.stdin.end(),
  }
}
