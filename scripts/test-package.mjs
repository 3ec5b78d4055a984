// Installs the package as a user would, where a careless program stumbles over
// the folder's name, and exercises it there with the Node that runs this. For any
// machine with npm.
//
//   node scripts/test-package.mjs [tarball]
//
// Without a tarball packs this project, which needs `npm run dist` before.

import assert from 'node:assert/strict'
import { execSync, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const AWKWARD = 'a folder #1 (ÄÖÜ 漢字)'
export const EXERCISE = 'exercise.mjs'

/**
 * By the shell, since npm is a script, on Windows of another kind. What shells
 * would have to quote goes into `env`.
 */
export function npm(command, cwd, env) {
  const quiet = '--no-audit --no-fund --no-update-notifier --loglevel=error'
  execSync(`npm ${command} ${quiet}`, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

function pack(destination) {
  if (!existsSync(path.join(root, 'dist/index.js'))) {
    throw new Error('there is no dist folder: npm run dist makes it')
  }
  npm('pack --ignore-scripts', root, {
    npm_config_pack_destination: destination,
  })
  const [tarball] = readdirSync(destination)
  return path.join(destination, tarball)
}

/**
 * A temporary folder with the package installed and the program EXERCISE beside;
 * `remove` takes both away.
 */
export function installPackage(tarball) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'tcpinfo-'))
  // Windows may not let go of a loaded addon at once.
  const remove = () => rmSync(scratch, { recursive: true, maxRetries: 9 })
  try {
    const packed = path.join(scratch, 'packed')
    const folder = path.join(scratch, AWKWARD)
    mkdirSync(packed)
    mkdirSync(folder)
    copyFileSync(
      tarball ?? pack(packed),
      path.join(folder, 'tcpinfo-socket.tgz'),
    )
    const manifest = {
      private: true,
      dependencies: { 'tcpinfo-socket': 'file:tcpinfo-socket.tgz' },
    }
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest))
    npm('install --ignore-scripts --prefer-offline', folder)
    copyFileSync(
      path.join(root, 'test/package', EXERCISE),
      path.join(folder, EXERCISE),
    )
    return { folder, remove }
  } catch (error) {
    remove()
    throw error
  }
}

const [program, self] = [process.argv[1], fileURLToPath(import.meta.url)].map(
  (file) => realpathSync.native(file),
)
if (program === self) {
  const { folder, remove } = installPackage(process.argv[2])
  try {
    const { status, signal, error } = spawnSync(process.execPath, [EXERCISE], {
      cwd: folder,
      env: { ...process.env, PREBUILDS_ONLY: '1' },
      stdio: 'inherit',
    })
    assert.ifError(error)
    assert.equal(signal, null)
    process.exitCode = status
  } finally {
    remove()
  }
}
