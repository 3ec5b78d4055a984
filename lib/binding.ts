/** The only file that loads the native addon. Its contract: native/addon.cc. */

import { closeSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Failure } from './errors.js'

/** Every number below zero is a negated OS error number. */
export interface Binding {
  /**
   * Bytes filled, after 8 with the system's clock: ms since the epoch, 0 where
   * Date.now() has to be asked.
   */
  readInfo(descriptor: number, bytes: ArrayBuffer, offset: number): number
  /** The state in the OS's own numbering. */
  readState(descriptor: number): number
  /** How many of the descriptors could be read. */
  readMany(
    descriptors: Int32Array,
    bytes: Uint8Array,
    stride: number,
    filled: Int32Array,
  ): number
  /** Of 1, the local address, and 2, the remote one, those found; fills 48 bytes. */
  readEndpoints(descriptor: number, bytes: ArrayBuffer, offset: number): number
  /** 1 when it finds the remote one before and after the connection too, else 0. */
  keepsPeer(): number
  formatAddress(bytes: ArrayBuffer, offset: number): string | undefined
  /** Bytes that this OS fills for a socket made for the purpose. */
  probe(): number
  /**
   * On Windows, where handles do not tell: the SOCKET of one of Node's TCP
   * handles; -1 when it has none now, -2 when it can't be found.
   */
  socketOf?(handle: unknown): number
}

function load(): Binding | Failure {
  try {
    // Here, since a bundler may have left nothing of the file's own place.
    const require = createRequire(import.meta.url)
    // And this one, since it looks at files as soon as it is loaded, which the
    // permission model may forbid.
    const nodeGypBuild = require('node-gyp-build') as (
      folder: string,
    ) => unknown
    const { name } = require(MANIFEST) as { name?: unknown }
    // Of a bundle it is the program's own, with addons of its own.
    if (name !== 'tcpinfo-socket') {
      const error = new Error(`${MANIFEST} is that of ${name}`)
      throw Object.assign(error, { code: 'MODULE_NOT_FOUND' })
    }
    const folder = path.dirname(require.resolve(MANIFEST))
    const loaded = nodeGypBuild(folder) as Partial<Binding>
    if (typeof loaded?.readInfo === 'function') return loaded as Binding
    throw new Error('what was loaded is not the addon of this package')
  } catch (cause) {
    return {
      code: 'ERR_TCP_INFO_BINDING',
      message: explain(cause),
      cause,
    }
  }
}

/** Both lib/ and dist/ lie one below the package root. */
const MANIFEST = '../package.json'

function explain(cause: unknown): string {
  const target = `${process.platform}-${process.arch}`
  const said = cause instanceof Error ? cause.message : String(cause)
  return `The native addon of tcpinfo-socket could not be loaded, so sockets work as plain net.Sockets. ${reasonFor(cause, said, target)} (${said.split('\n')[0]})`
}

function reasonFor(cause: unknown, said: string, target: string): string {
  const { code, name } = (cause ?? {}) as { code?: unknown; name?: unknown }
  if (code === 'ERR_DLOPEN_DISABLED') {
    // The model's object is there only where it is on.
    return 'permission' in process
      ? "Node's permission model is on: add --allow-addons."
      : 'Node was started with --no-addons: leave that out (see also NODE_OPTIONS).'
  }
  if (code === 'ERR_ACCESS_DENIED')
    return "Node's permission model is on: add --allow-fs-read for this package's folder, node-gyp-build's and /etc/alpine-release."
  if (name === 'NotCapable') return 'Deno has not given a permission for it.'
  if (isOutOfDescriptors())
    return 'The process has no file descriptor left (EMFILE): import tcpinfo-socket earlier, when the program begins, or raise the limit (ulimit -n).'
  if (/^No native build/.test(said))
    return `There is no binary for ${target} in the package's prebuilds folder. There is one for Windows, Linux (glibc 2.17 or later, and musl) and macOS 11 or later, each for x64 and arm64. If you run one of these: was it left out by a bundler or a copy? Keep tcpinfo-socket outside the bundle, and its folder whole.`
  if (OUT_OF_PLACE.has(code))
    return 'The package is not where its code runs: a bundler has put it into another file, or files were copied without the rest. Keep tcpinfo-socket outside the bundle (esbuild: --external:tcpinfo-socket; webpack and Rollup: externals and external), and install it beside.'
  return `The binary for ${target} was refused by the system's loader, or is another addon: was node_modules copied from another kind of machine or libc? Install again on this one.`
}

/** The latter two when there is no import.meta.url, as in CommonJS made by esbuild. */
const OUT_OF_PLACE = new Set<unknown>([
  'MODULE_NOT_FOUND',
  'ERR_INVALID_ARG_VALUE',
  'ERR_INVALID_ARG_TYPE',
])

/** (node-gyp-build takes a folder that it could not open for an empty one.) */
function isOutOfDescriptors(): boolean {
  try {
    closeSync(openSync(process.execPath, 'r'))
    return false
  } catch (error) {
    return ['EMFILE', 'ENFILE'].includes(
      (error as { code?: string }).code ?? '',
    )
  }
}

const loaded = load()

/** `undefined` when the addon could not be loaded; then there is a failure. */
export const binding: Binding | undefined =
  'readInfo' in loaded ? loaded : undefined

export const bindingFailure: Failure | undefined =
  'readInfo' in loaded ? undefined : loaded
