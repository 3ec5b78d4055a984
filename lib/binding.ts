/** The only file that loads the native addon. Its contract: native/addon.cc. */

import { closeSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Failure } from './errors.js'

/** Every number below zero is a negated OS error number. */
export interface Binding {
  /** Bytes filled. */
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
    // Here, since it looks at files as soon as it is loaded, which the permission
    // model may forbid.
    const nodeGypBuild = createRequire(__filename)('node-gyp-build') as (
      folder: string,
    ) => unknown
    // Both lib/ and dist/ lie one below the package root.
    const loaded = nodeGypBuild(path.join(__dirname, '..')) as Partial<Binding>
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

function explain(cause: unknown): string {
  const target = `${process.platform}-${process.arch}`
  const said = cause instanceof Error ? cause.message : String(cause)
  const { code, name } = (cause ?? {}) as { code?: unknown; name?: unknown }
  const why =
    code === 'ERR_DLOPEN_DISABLED'
      ? "Node's permission model is on: add --allow-addons."
      : code === 'ERR_ACCESS_DENIED'
        ? "Node's permission model is on: add --allow-fs-read for this package's folder, node-gyp-build's and /etc/alpine-release."
        : name === 'NotCapable'
          ? 'Deno has not given a permission for it.'
          : isOutOfDescriptors()
            ? 'The process has no file descriptor left (EMFILE): import tcpinfo-socket earlier, when the program begins, or raise the limit (ulimit -n).'
            : /^No native build/.test(said)
              ? `There is no binary for ${target} in the package's prebuilds folder. There is one for Windows, Linux (glibc 2.17 or later, and musl) and macOS 11 or later, each for x64 and arm64. If you run one of these: was it left out by a bundler or a copy? Keep tcpinfo-socket outside the bundle, and its folder whole.`
              : `The binary for ${target} was refused by the system's loader, or is another addon: was node_modules copied from another kind of machine or libc? Install again on this one.`
  return `The native addon of tcpinfo-socket could not be loaded, so sockets work as plain net.Sockets. ${why} (${said.split('\n')[0]})`
}

/** (node-gyp-build takes a folder that it could not open for an empty one.) */
function isOutOfDescriptors(): boolean {
  try {
    closeSync(openSync(path.join(__dirname, '../package.json'), 'r'))
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
