// What tests download, once, and keep outside the tree.

import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { npm } from './test-package.mjs'

/**
 * Where a kind of download is kept: always a folder of its own, since it may be
 * removed as a whole.
 */
export const cacheFolder = (kind) =>
  path.resolve(
    process.env.TCPINFO_LAB_CACHE ||
      path.join(
        process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'),
        'tcpinfo-socket',
      ),
    kind,
  )

/** A folder of a cache; `fill` makes it, once. */
export function cached(cache, name, fill) {
  const folder = path.join(cache, name)
  if (existsSync(folder)) return folder
  console.log(`setting up ${name}`)
  mkdirSync(cache, { recursive: true })
  // Whole or not at all.
  const unfinished = mkdtempSync(`${folder}.new-`)
  try {
    fill(unfinished)
    // Another run may have been faster.
    if (!existsSync(folder)) renameSync(unfinished, folder)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  return folder
}

/** Unpacks a folder of a package, without running what it would run. */
export function unpackPackage(specifier, folder, part = 'package') {
  npm(`pack ${specifier}`, folder)
  const [tarball] = readdirSync(folder)
  const strip = `--strip-components=${part.split('/').length}`
  execFileSync('tar', ['xf', tarball, strip, part], { cwd: folder })
  rmSync(path.join(folder, tarball))
}

/** A Node of every line that the package is for. */
export const NODES = ['20.20.2', '22.23.3', '24.21.0', '26.10.0']

/** Only the program, for a system as npm calls it: linux-x64, win-arm64. */
export const unpackNode = (system, version, folder) =>
  unpackPackage(`node-${system}@${version}`, folder, 'package/bin')
