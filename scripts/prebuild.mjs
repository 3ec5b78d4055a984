// Builds the binaries in prebuilds/, all of them or those named, and their
// checksums.
//
//   npm run prebuild [-- linux-x64.glibc win32-arm64 …]
//   npm run prebuild:verify    builds all of them twice in two other folders and
//                              compares with what is there
//   npm run check:prebuilds    looks into them (check-prebuilds.py)
//   node scripts/prebuild.mjs --python
//                              names the interpreter that has the tools, for
//                              `-m ziglang` and `import lief`
//
// prebuildify drives zig (zig-gyp.mjs), so that one machine builds for all. Needs
// Python 3 with venv and pip, by which the tools are installed into .zig/.

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { chosen } from './chosen.mjs'

const ZIG = '0.17.1'
/** Looks into the binaries for check-prebuilds.py. */
const LIEF = '1.0.0'

const TARGETS = [
  'win32-x64',
  'win32-arm64',
  'linux-x64.glibc',
  'linux-x64.musl',
  'linux-arm64.glibc',
  'linux-arm64.musl',
  'darwin-x64',
  'darwin-arm64',
]

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const tools = path.join(root, '.zig', `${ZIG}-${LIEF}`)
const python = path.join(tools, 'bin/python')
const sums = path.join(root, 'prebuilds/SHA256SUMS')

function fileOf(target) {
  const [tuple, libc] = target.split('.')
  return `${tuple}/tcpinfo-socket${libc ? `.${libc}` : ''}.node`
}

const run = (command, args, options) =>
  execFileSync(command, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    ...options,
  })

function installTools() {
  if (existsSync(tools)) return
  const unfinished = `${tools}.new`
  rmSync(unfinished, { recursive: true, force: true })
  run('python3', ['-m', 'venv', unfinished])
  const pip = ['-m', 'pip', 'install', '--quiet', `ziglang==${ZIG}`]
  run(path.join(unfinished, 'bin/python'), [...pip, `lief==${LIEF}`])
  renameSync(unfinished, tools)
}

/** Builds what lies in the folder `source`, without a trace of where that is. */
function build(target, source) {
  const [tuple, libc] = target.split('.')
  const [platform, arch] = tuple.split('-')
  run(
    process.execPath,
    [
      path.join(root, 'node_modules/prebuildify/bin.js'),
      ...['--napi', '--name', 'tcpinfo-socket'],
      ...['--platform', platform, '--arch', arch],
      ...(libc ? ['--tag-libc', libc] : []),
      ...['--cwd', path.join(source, 'native'), '--out', source],
      ...['--node-gyp', path.join(root, 'scripts/zig-gyp.mjs')],
    ],
    {
      env: {
        ...process.env,
        PREBUILD_LIBC: libc ?? '',
        TCPINFO_PYTHON: python,
        // A cache of its own, or else a second build would not be one.
        ZIG_LOCAL_CACHE_DIR: path.join(source, '.zig-cache'),
        ZIG_GLOBAL_CACHE_DIR: path.join(root, '.zig/cache'),
      },
    },
  )
}

function sumOf(folder, target) {
  const file = path.join(folder, 'prebuilds', fileOf(target))
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

function verify() {
  const committed = readFileSync(sums, 'utf8')
  let differ = 0
  for (const name of ['one', 'another folder']) {
    const source = path.join(
      mkdtempSync(path.join(tmpdir(), 'prebuild-')),
      name,
    )
    mkdirSync(source)
    cpSync(path.join(root, 'native'), path.join(source, 'native'), {
      recursive: true,
    })
    symlinkSync(
      path.join(root, 'node_modules'),
      path.join(source, 'node_modules'),
    )
    for (const target of TARGETS) {
      build(target, source)
      const sum = sumOf(source, target)
      const same =
        sum === sumOf(root, target) &&
        committed.includes(`${sum}  ${fileOf(target)}\n`)
      if (!same) differ++
      console.log(`${same ? 'same     ' : 'DIFFERENT'}  ${fileOf(target)}`)
    }
    rmSync(path.dirname(source), { recursive: true })
  }
  if (differ > 0) process.exitCode = 1
}

const [first, ...others] = process.argv.slice(2)
installTools()
if (first === '--verify') {
  verify()
} else if (first === '--check') {
  const checker = path.join(root, 'scripts/check-prebuilds.py')
  const args = [checker, path.dirname(sums)]
  process.exitCode = spawnSync(python, args, { stdio: 'inherit' }).status ?? 1
} else if (first === '--python') {
  console.log(python)
} else {
  const wanted = chosen(first ? [first, ...others] : [], TARGETS)
  for (const target of wanted) build(target, root)
  const built = TARGETS.filter((target) =>
    existsSync(path.join(root, 'prebuilds', fileOf(target))),
  )
  writeFileSync(
    sums,
    built
      .map((target) => `${sumOf(root, target)}  ${fileOf(target)}\n`)
      .join(''),
  )
}
