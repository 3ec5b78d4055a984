// How native/ is compiled by those scripts that look for faults in it: with Debian's
// compilers, and by tidy.mjs with zig's headers for other systems too. (What is
// published is built by prebuild.mjs.)

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { need } from './debian.mjs'

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

const gyp = path.join(root, 'native/binding.gyp')
const [target] = JSON.parse(readFileSync(gyp, 'utf8')).targets

/** The sources of a platform, by its name in binding.gyp. */
export function sourcesOf(system) {
  const own = target.conditions.find(
    ([condition]) => condition === `OS=='${system}'`,
  )[1].sources
  return [...target.sources, ...own].map((name) =>
    path.join(root, 'native', name),
  )
}

export const flags = [
  ...target.cflags_cc,
  ...[...target.defines, 'NODE_GYP_MODULE_NAME=tcpinfo_socket'].map(
    (each) => `-D${each}`,
  ),
  `-I${path.join(root, 'native')}`,
  // Theirs, not ours: no warnings from there.
  '-isystem',
  path.join(root, 'node_modules/node-addon-api'),
  '-isystem',
  path.join(root, 'node_modules/node-api-headers/include'),
]

/**
 * The addon, where node-gyp-build finds it once `TCPINFO_SOCKET_PREBUILD` names
 * the folder.
 */
export function buildAddon(folder, ...more) {
  const release = path.join(folder, 'build/Release')
  mkdirSync(release, { recursive: true })
  const output = path.join(release, 'tcpinfo-socket.node')
  execFileSync(
    'g++',
    [
      ...['-shared', '-fPIC', '-g', '-O1', '-fno-omit-frame-pointer'],
      // Kept when the worker that loaded it is over, so that reports at the end
      // of the process can name it.
      '-Wl,-z,nodelete',
      ...[...flags, ...more, ...sourcesOf('linux'), '-o', output],
    ],
    { stdio: 'inherit' },
  )
  return output
}

const RUNTIME = 'libasan.so'

/**
 * A Node, and the environment in which it loads our addon, both with
 * AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer.
 *
 * It is a copy that names the sanitizers' runtime first among the libraries it
 * needs. LD_PRELOAD would bring it into every browser, server and shell that a
 * test starts too; this way it is in every Node that Node starts, whatever its
 * environment, and nowhere else.
 */
export function sanitizedNode(folder) {
  need(
    { command: ['g++', '--version'], package: 'g++' },
    { command: ['patchelf', '--version'], package: 'patchelf' },
  )
  const addon = buildAddon(
    folder,
    '-fsanitize=address,undefined',
    // Needs type information, which the addon is built without.
    '-fno-sanitize=vptr',
    '-fno-sanitize-recover=all',
  )
  const node = path.join(folder, 'node')
  copyFileSync(process.execPath, node)
  const runtime = execFileSync('gcc', [`-print-file-name=${RUNTIME}`], {
    encoding: 'utf8',
  }).trim()
  execFileSync('patchelf', ['--add-needed', runtime, node])

  const reports = path.join(folder, 'reports')
  mkdirSync(reports)
  const env = {
    ...process.env,
    NO_COLOR: '1',
    PATH: `${folder}${path.delimiter}${process.env.PATH}`,
    TCPINFO_SOCKET_PREBUILD: folder,
    ASAN_OPTIONS: `log_path=${reports}/report:abort_on_error=1`,
    // A leak leaves the program's exit code alone, since tests look at it: the
    // report is what tells. All else ends the program at once.
    LSAN_OPTIONS: 'exitcode=0:print_suppressions=0',
    UBSAN_OPTIONS: `log_path=${reports}/report:print_stacktrace=1`,
  }

  // What would be tested without it is the binary in prebuilds/.
  const program = `
    require('node-gyp-build')('.').probe()
    console.log(process.report.getReport().sharedObjects.join('\\n'))`
  const loaded = `${execFileSync(node, ['-e', program], { cwd: root, env })}`
  for (const library of [addon, RUNTIME]) {
    if (!loaded.includes(library)) throw new Error(`${library} was not loaded`)
  }
  // V8 leaves its heap behind in process.exit(), also what it made for us, and
  // vitest's bundler leaks.
  const isOurs = (leak) => {
    const [callees, ours] = leak.split(`${root}/native/`)
    return ours !== undefined && !callees.includes('v8::internal')
  }
  /** Of any process and thread; of leaks only ours. */
  const reported = () =>
    readdirSync(reports).flatMap((name) => {
      const report = readFileSync(path.join(reports, name), 'utf8')
      return report.includes('ERROR: LeakSanitizer')
        ? report.split('\n\n').filter(isOurs)
        : [report]
    })
  return { node, env, reported }
}
