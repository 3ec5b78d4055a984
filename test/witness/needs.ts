/** What a witness needs, for the names of skipped tests. */

import { spawnSync } from 'node:child_process'
import { networkInterfaces } from 'node:os'
import path from 'node:path'
import { support } from '../../lib/index.js'
import { inNamespace, namespaceMissing } from '../support/namespace.js'

const isLinux = process.platform === 'linux'

export function runs(command: string, ...args: string[]): boolean {
  return spawnSync(command, args).status === 0
}

export const ssMissing =
  isLinux && runs('ss', '-V') ? undefined : 'needs Linux and ss(8)'

/** Length of the struct with what the kernel tells of timeouts. */
const LENGTH_OF_6_7 = 244

export const timeoutsMissing =
  (support().structBytes ?? 0) >= LENGTH_OF_6_7 ? undefined : 'needs Linux 6.7'

export const compilerMissing =
  isLinux && runs('cc', '--version') ? undefined : 'needs Linux and cc(1)'

export const ipv6Missing = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === '::1')
  ? undefined
  : 'needs IPv6 on loopback'

/** Tried, because a TUN device wants rights as well as a driver. */
export async function findLinkMissing(): Promise<string | undefined> {
  if (namespaceMissing) return namespaceMissing
  const script = path.join(__dirname, '../support/link.py')
  const { code, stderr } = await inNamespace(['python3', script, '--probe'])
  if (code === 0) return undefined
  const reason = stderr.trim().split('\n').at(-1)
  return `needs python3(1) and a TUN device: ${reason}`
}

export function titled(title: string, missing: string | undefined): string {
  return missing ? `${title} (skipped: ${missing})` : title
}
