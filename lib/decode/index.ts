/** Chooses the table for an operating system. */

import { release as osRelease } from 'node:os'
import { darwin } from './darwin.js'
import type { Decoder, Layout } from './fields.js'
import { linux } from './linux.js'
import { decodeDarwin, decodeLinux, decodeWindows } from './records.js'
import { windows } from './windows.js'

/** All that is specific to one OS about the bytes its kernel gives. */
export interface KernelStruct {
  readonly platform: NodeJS.Platform
  readonly layout: Layout
  readonly decode: Decoder
  /** Of the kernel that runs us, where it matters for the layout. */
  readonly release: string | undefined
  /**
   * Whether it may be that the kernel does not answer any more once a connection
   * is over. (For Windows that is not documented.) Then capture.ts reads at
   * 'connect', 'end' and 'finish' too.
   */
  readonly mayForget: boolean
  /** Whether `bytesReceived` counts the peer's FIN as a byte. */
  readonly countsFin: boolean
  /** The kernel's interface, by the length it filled. */
  sourceOf(filled: number): string
}

function releaseHere(): string | undefined {
  try {
    return osRelease()
  } catch {
    return undefined // Deno asks for a permission
  }
}

const LINUX = {
  layout: linux,
  decode: decodeLinux,
  release: process.platform === 'linux' ? releaseHere() : undefined,
  mayForget: false,
  countsFin: true,
  sourceOf: () => 'TCP_INFO',
}

/** Lengths of TCP_INFO_v1 and _v2; what is shorter is v0. */
const WINDOWS_LENGTHS = [136, 152]

const STRUCTS: readonly KernelStruct[] = [
  { platform: 'linux', ...LINUX },
  { platform: 'android', ...LINUX },
  {
    platform: 'darwin',
    layout: darwin,
    decode: decodeDarwin,
    release: undefined,
    mayForget: false,
    countsFin: false,
    sourceOf: () => 'TCP_CONNECTION_INFO',
  },
  {
    platform: 'win32',
    layout: windows,
    decode: decodeWindows,
    release: undefined,
    mayForget: true,
    countsFin: false,
    sourceOf: (filled) =>
      `SIO_TCP_INFO v${WINDOWS_LENGTHS.filter((each) => each <= filled).length}`,
  },
]

export function structOf(platform: string): KernelStruct | undefined {
  return STRUCTS.find((each) => each.platform === platform)
}

/** The struct of the OS that runs us; `undefined` where none is known. */
export const NATIVE_STRUCT = structOf(process.platform)
