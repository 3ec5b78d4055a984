/** Runs test/support/witness-link.mjs in a namespace of its own. */

import path from 'node:path'
import { inNamespace } from '../support/namespace.js'
import type { Plain, SsAnswer, Testimony } from '../support/witness.mjs'

/** What one direction of a connection carried, as link.py counted it. */
interface Carried {
  readonly packets: number
  readonly synPackets: number
  readonly payloadPackets: number
  readonly payloadBytes: number
  readonly repeatedPackets: number
  readonly repeatedBytes: number
  readonly droppedPackets: number
  readonly droppedPayloadPackets: number
  readonly deliveredPackets: number
  readonly deliveredSynPackets: number
  readonly deliveredPayloadPackets: number
  readonly markedPackets: number
  readonly outOfOrderPackets: number
}

/** What a member of the kernel's struct is to the C compiler. */
export interface HeaderMember {
  readonly offset: number
  readonly size: number
  readonly mask: number
  readonly value: string
}

export interface HeaderStruct {
  readonly size: number
  readonly filled: number
  readonly members: Readonly<Record<string, HeaderMember>>
}

export interface Said {
  readonly ss: SsAnswer
  readonly program?: HeaderStruct
}

/** The two ends of a connection at one moment: who opened it, who accepted. */
export interface Ends {
  readonly opener: Testimony<Said>
  readonly answerer: Testimony<Said>
  readonly carried: { readonly up: Carried; readonly down: Carried }
}

/** All acknowledged; and the record of the opener's close. */
interface Transfer extends Ends {
  readonly last: Plain
}

export interface Results {
  readonly delay: readonly Ends[]
  readonly loss: Transfer
  readonly randomLoss: Transfer
  readonly reordering: Transfer
  readonly duplicates: Transfer
  readonly congestionMarks: Transfer
  readonly withoutOptions: Transfer
  readonly blackhole: { readonly silent: Ends; readonly healed: Ends }
  readonly hole: { readonly open: Ends; readonly closed: Ends }
  readonly synLost: Ends & { readonly connecting: Testimony<Said> }
  readonly synAckLost: Ends
  readonly states: {
    readonly ended: Ends
    readonly halfClosed: Ends
    readonly lastAck: Ends
    readonly closing: Ends
    readonly over: { readonly opener: Plain; readonly answerer: Plain }
  }
}

type Situation = keyof Results

export async function runOverLink<S extends Situation>(
  situations: readonly S[],
  program?: string,
): Promise<Pick<Results, S>> {
  const script = path.join(__dirname, '../support/witness-link.mjs')
  const options = program ? ['--program', program] : []
  const { code, stdout, stderr } = await inNamespace([
    process.execPath,
    script,
    ...options,
    ...situations,
  ])
  if (code !== 0) throw new Error(`exit code ${code}\n${stderr}`)
  return JSON.parse(stdout)
}

/** Everything that was asked of witnesses, wherever in the results it is. */
export function testimoniesIn(results: unknown): [string, Testimony<Said>][] {
  if (typeof results !== 'object' || results === null) return []
  return Object.entries(results).flatMap(([name, value]) =>
    value && 'said' in Object(value)
      ? [[name, value] as [string, Testimony<Said>]]
      : testimoniesIn(value).map(
          ([inner, testimony]): [string, Testimony<Said>] => [
            `${name}, ${inner}`,
            testimony,
          ],
        ),
  )
}
