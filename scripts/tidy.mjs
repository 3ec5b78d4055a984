// clang-tidy over the native code, for every system that it is compiled for, with
// the headers that it is compiled with. Which checks, .clang-tidy says.
//
//   npm run check:tidy
//
// Needs Python 3 with venv and pip, as `npm run prebuild`.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { flags, root, sourcesOf } from './native.mjs'

/** Of the same LLVM as the zig of prebuild.mjs, whose headers it reads. */
const CLANG_TIDY = '22.1.8'

/** By the names of binding.gyp: what zig calls them, and clang. */
const SYSTEMS = {
  linux: ['x86_64-linux-gnu.2.17', 'x86_64-linux-gnu'],
  mac: ['aarch64-macos.11.0', 'arm64-apple-macos11.0'],
  win: ['x86_64-windows-gnu', 'x86_64-windows-gnu'],
}

const prebuild = path.join(root, 'scripts/prebuild.mjs')
const python =
  `${execFileSync(process.execPath, [prebuild, '--python'])}`.trim()
const tidy = path.join(path.dirname(python), 'clang-tidy')
if (!existsSync(tidy)) {
  const pip = ['-m', 'pip', 'install', '--quiet', `clang-tidy==${CLANG_TIDY}`]
  execFileSync(python, pip, { stdio: 'inherit' })
}

/** Where zig has the headers of a target, and what it defines for them. */
function headersOf(target) {
  const options = ['-target', target, '-E', '-v', '-xc++', '/dev/null']
  const { stderr } = spawnSync(python, ['-m', 'ziglang', 'c++', ...options], {
    cwd: root,
    encoding: 'utf8',
  })
  return [...stderr.matchAll(/ (-isystem|-D) (\S+)/g)].flatMap(
    ([, option, value]) =>
      option === '-D' ? [`-D${value}`] : [option, path.resolve(root, value)],
  )
}

let failed = 0
for (const [system, [target, triple]] of Object.entries(SYSTEMS)) {
  const { status, stdout, stderr } = spawnSync(
    tidy,
    [
      ...['--quiet', '--warnings-as-errors=*'],
      ...sourcesOf(system),
      // Compiled for no system of ours.
      path.join(root, 'native/unsupported.cc'),
      '--',
      ...['-target', triple, '-nostdinc', '-nostdinc++'],
      ...(system === 'win' ? ['-DNAPI_EXTERN=__declspec(dllimport)'] : []),
      ...[
        ...flags,
        '-Wall',
        '-Wextra',
        '-Wconversion',
        '-Wshadow',
        ...headersOf(target),
      ],
    ],
    { encoding: 'utf8' },
  )
  console.log(`${status === 0 ? 'clean ' : 'FAILED'}  ${target}`)
  if (status !== 0) {
    console.log(stdout || stderr)
    failed++
  }
}
if (failed > 0) process.exitCode = 1
