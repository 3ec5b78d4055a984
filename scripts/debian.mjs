// Debian's packages: installed here, or unpacked out of another release.

import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'

/** What packages ask whether they may start their services. */
const POLICY = '/usr/sbin/policy-rc.d'
const FORBID = '#!/bin/sh\nexit 101\n'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

const quiet = { stdio: ['ignore', 'ignore', 'inherit'] }

const run = (command, args, options) =>
  execFileSync(command, args, { encoding: 'utf8', ...options })
const succeeds = ([name, ...args]) =>
  spawnSync(name, args, { stdio: 'ignore' }).status === 0

/**
 * Installs those tools whose command does not run, where that is possible (root,
 * apt-get); those that are missing then.
 */
export function install(tools) {
  const missing = () => tools.filter(({ command }) => !succeeds(command))
  const before = missing()
  const isPossible = process.getuid?.() === 0 && succeeds(['apt-get', '-v'])
  if (before.length === 0 || !isPossible) return before
  const packages = [...new Set(before.map((tool) => tool.package))]
  console.log(`installing ${packages.join(', ')}`)
  spawnSync('apt-get', ['update', '-q'], quiet)
  // Who needs a server starts it.
  const isOurs = !existsSync(POLICY)
  if (isOurs) writeFileSync(POLICY, FORBID, { mode: 0o755 })
  spawnSync('apt-get', ['install', '-qy', ...packages], quiet)
  if (isOurs) rmSync(POLICY)
  return missing()
}

/** The same for what nothing can be done without. */
export function need(...tools) {
  const missing = install(tools).map((tool) => tool.package)
  if (missing.length > 0) {
    throw new Error(`missing: ${missing.join(', ')}; install with apt-get`)
  }
}

/** The mirror that this machine uses, which carries the other releases too. */
function mirror() {
  const format = ['indextargets', '--format', '$(REPO_URI)']
  const uris = run('apt-get', format)
  const found = uris.split('\n').find((uri) => /\/debian\/?$/.test(uri))
  if (!found) throw new Error('apt-get here knows no mirror of Debian')
  return found
}

/**
 * Unpacks what apt-get downloads by `command`, of another release or architecture
 * than this machine's, whose packages stay as they are; only those whose file name
 * begins with `only`. The packages' own scripts do not run. Of several
 * architectures the first one counts where none is named.
 */
export function unpackDebian(release, archs, command, folder, only = '') {
  const apt = mkdtempSync(path.join(os.tmpdir(), 'apt-'))
  const file = (name) => path.join(apt, name)
  try {
    for (const name of ['lists/partial', 'archives/partial']) {
      mkdirSync(file(name), { recursive: true })
    }
    writeFileSync(file('status'), '')
    writeFileSync(
      file('sources.list'),
      `deb [signed-by=${KEYRING}] ${mirror()} ${release} main\n`,
    )
    const options = {
      'APT::Architecture': archs[0],
      'APT::Architectures': archs.join(),
      'APT::Install-Recommends': 'false',
      'APT::Sandbox::User': 'root',
      'Acquire::Languages': 'none',
      'Dir::Cache': apt,
      'Dir::Etc::SourceList': file('sources.list'),
      'Dir::Etc::SourceParts': '/dev/null',
      'Dir::Etc::Preferences': '/dev/null',
      'Dir::Etc::PreferencesParts': '/dev/null',
      'Dir::State': apt,
      'Dir::State::Lists': file('lists'),
      'Dir::State::Status': file('status'),
    }
    const flags = Object.entries(options).flatMap(([name, value]) => [
      '-o',
      `${name}=${value}`,
    ])
    // `download` puts them where it runs, `install --download-only` into the cache.
    const cwd = file('archives')
    run('apt-get', ['update', ...flags], quiet)
    run('apt-get', [...flags, ...command], { cwd, ...quiet })
    for (const name of readdirSync(cwd)) {
      if (!name.startsWith(only) || !name.endsWith('.deb')) continue
      run('dpkg-deb', ['-x', path.join(cwd, name), folder])
    }
  } finally {
    rmSync(apt, { recursive: true })
  }
}
