/** Leads a connection of verdict-cases.mjs in a namespace of its own. */

import { fileURLToPath } from 'node:url'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { inNamespace } from './namespace.js'

/** A packet that is late by more is no longer what its case says. */
export const TOO_LATE_MS = 2

const MOST_TRIES = 20

export interface Led {
  readonly parameters: Readonly<Record<string, unknown>>
  readonly records: readonly TcpInfo[]
  /** How often before the machine was too busy. */
  readonly tries: number
}

export async function leadVerdictCase(
  name: string,
  seed: number,
): Promise<Led> {
  const runner = fileURLToPath(
    new URL('./run-verdict-case.mjs', import.meta.url),
  )
  const command = [process.execPath, runner, name, String(seed)]
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { code, stdout, stderr } = await inNamespace(command)
    const about = `${name}, seed ${seed}`
    if (code !== 0) throw new Error(`${about}: exit code ${code}\n${stderr}`)
    const { lateMs, ...led } = JSON.parse(stdout)
    if (lateMs <= TOO_LATE_MS) return { ...led, tries }
  }
  throw new Error(
    `${name}: this machine is too busy, packets were late by more than ${TOO_LATE_MS} ms ${MOST_TRIES} times`,
  )
}
