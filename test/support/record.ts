import { type KernelStruct, structOf } from '../../lib/decode/index.js'
import { Endpoints } from '../../lib/endpoints.js'
import type { Reading, TcpInfo } from '../../lib/tcp-info.js'

/** Members of a record that do not come out of the kernel's struct. */
export const CONTEXT_FIELDS: readonly string[] = [
  'trigger',
  'capturedAt',
  'platform',
  'source',
  'localAddress',
  'localPort',
  'remoteAddress',
  'remotePort',
  'appBytesRead',
  'appBytesWritten',
  'connectDurationMs',
  'errorCode',
]

export function structFor(platform: string): KernelStruct {
  const struct = structOf(platform)
  if (!struct) throw new Error(`no table for ${platform}`)
  return struct
}

export interface RecordOptions {
  /** Number of bytes that the kernel filled; all from `at` on by default. */
  readonly length?: number
  /** Where in `bytes` the struct begins. */
  readonly at?: number
  /** The kernel's release, for `raw`. */
  readonly release?: string
  /** What is beside the struct, where it matters. */
  readonly reading?: Partial<Reading>
}

/** The record that a platform's struct becomes, as the library makes it. */
export function recordOf(
  platform: string,
  bytes: Uint8Array,
  options: RecordOptions = {},
): TcpInfo {
  const { at = 0, length = bytes.length - at, release, reading } = options
  const struct = structFor(platform)
  // A copy: the library reads whole words, so its buffers end on one.
  const buffer = new ArrayBuffer((bytes.length + 7) & ~7)
  const copy = new Uint8Array(buffer)
  copy.set(bytes)
  return struct.decode({
    struct: { ...struct, release },
    words: new Uint32Array(buffer),
    at,
    filled: length,
    addresses: Endpoints.unknown.addresses,
    trigger: 'demand',
    platform: struct.platform,
    source: struct.sourceOf(length),
    capturedAt: 1_700_000_000_000,
    appBytesRead: undefined,
    appBytesWritten: undefined,
    connectDurationMs: undefined,
    errorCode: undefined,
    ...reading,
  })
}

/** What a record holds out of the kernel's struct, without what is absent. */
export function definedIn(record: TcpInfo): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).filter(
      ([name, value]) => value !== undefined && !CONTEXT_FIELDS.includes(name),
    ),
  )
}
