// The package as it would be published, in real Windows binaries of Node, in the
// lab of windows-lab.mjs, which says what that stands in for and what it needs.
//
//   npm run test:windows [-- x64-20 arm64-22 …]
//
// Wine does not know SIO_TCP_INFO. So the program of test/package shows what
// happens on a Windows that has no such call; the tests in test/windows and the
// ends of connections run on a stand-in, test/windows/ioctl-stand-in.cc.
// Needs `npm run dist` before.

import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { chosen } from './chosen.mjs'
import { EXERCISE, installPackage } from './test-package.mjs'
import { NAMES, openLab } from './windows-lab.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const wanted = chosen(
  process.argv.slice(2),
  NAMES.map(([name]) => name),
)
const scratch = mkdtempSync(path.join(tmpdir(), 'windows-'))
const socket = path.join(scratch, 'host.sock')

/** With zig, as the prebuilds are. */
function buildStandIn(arch) {
  const prebuild = path.join(root, 'scripts/prebuild.mjs')
  const python = execFileSync(process.execPath, [prebuild, '--python'], {
    encoding: 'utf8',
  }).trim()
  const file = path.join(scratch, `stand-in-${arch}.node`)
  const target = arch === 'arm64' ? 'aarch64' : 'x86_64'
  const objects = ['test/windows/ioctl-stand-in', 'native/windows_host'].map(
    (source) => {
      const object = path.join(scratch, `${path.basename(source)}.o`)
      zig(
        'c++',
        '-std=c++17',
        '-fno-exceptions',
        '-fno-rtti',
        '-c',
        `${source}.cc`,
        '-o',
        object,
      )
      return object
    },
  )
  zig(
    'cc',
    '-shared',
    '-nostartfiles',
    '-Wl,-e,DllMain',
    '-lws2_32',
    ...objects,
    '-o',
    file,
  )
  return file

  function zig(...args) {
    const headers = '-Inode_modules/node-api-headers/include'
    const options = [
      '-target',
      `${target}-windows-gnu`,
      '-Os',
      '-Wall',
      '-Werror',
    ]
    const defines = ['-DNAPI_VERSION=8', '-DNAPI_EXTERN=__declspec(dllimport)']
    const [command, ...others] = args
    execFileSync(
      python,
      ['-m', 'ziglang', command, ...options, ...defines, headers, ...others],
      { cwd: root, stdio: 'inherit' },
    )
  }
}

let failures = 0

function report(name, what, { status, signal, timedOut, stdout, stderr }) {
  const passed = status === 0
  if (!passed) failures++
  const last = stdout.trim().split('\n').at(-1) ?? ''
  console.log(
    `${passed ? 'passed' : 'FAILED'}  ${name}  ${what}  ${passed && /^(ok |{)/.test(last) ? last : ''}`,
  )
  if (!passed) {
    console.log(timedOut ? '(timed out)' : `(${signal ?? `status ${status}`})`)
    console.log(stdout, stderr)
  }
}

/** The ends of connections: test/socket/ends.test.ts with another runner. */
function runEnds(node, installed, env) {
  const lab = path.join(root, 'scripts/windows-lab.mjs')
  const runner = [
    ...[process.execPath, lab, node.name],
    ...['--import', './test/windows/stand-in.mjs'],
    'test/support/run-scenarios.mjs',
  ]
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs')
  const args = [vitest, 'run', 'test/socket/ends.test.ts', '--reporter=dot']
  return spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      ...env,
      NO_COLOR: '1',
      TCPINFO_RUNNER: JSON.stringify(runner),
      TCPINFO_RUNNER_CWD: installed,
    },
  })
}

const { folder, remove } = installPackage()
// Where `../../dist` is the installed one, and the package's name means itself.
const installed = path.join(folder, 'node_modules/tcpinfo-socket')
for (const part of ['windows', 'support', 'fixtures']) {
  cpSync(path.join(root, 'test', part), path.join(installed, 'test', part), {
    recursive: true,
  })
}
const host = spawn(
  'python3',
  [path.join(root, 'test/windows/tcp-info-host.py'), socket],
  { stdio: ['ignore', 'pipe', 'inherit'] },
)
await once(host.stdout, 'data')
try {
  for (const arch of ['x64', 'arm64']) {
    const isWanted = ({ name }) => wanted.includes(name)
    if (!wanted.some((name) => name.startsWith(arch))) {
      continue
    }
    const lab = await openLab(arch, { log: console.log })
    const standIn = buildStandIn(arch)
    for (const node of lab.nodes.filter(isWanted)) {
      const withStandIn = {
        PREBUILDS_ONLY: '1',
        TCPINFO_STAND_IN: lab.path(standIn),
        TCPINFO_HOST_SOCKET: socket,
      }
      const unsupported = { PREBUILDS_ONLY: '1', TCPINFO_EXPECT: 'unsupported' }
      const exercise = { cwd: folder, env: unsupported }
      report(node.name, EXERCISE, await lab.run(node, [EXERCISE], exercise))
      // Not called node.exe, as in Electron.
      const exe = path.join(scratch, 'another host.exe')
      copyFileSync(node.exe, exe)
      const renamed = await lab.run(node, [EXERCISE], { ...exercise, exe })
      report(node.name, `${EXERCISE} in a renamed host`, renamed)
      const tests = readdirSync(path.join(installed, 'test/windows')).filter(
        (name) => name.endsWith('.test.mjs'),
      )
      assert.ok(tests.length > 0)
      for (const test of tests) {
        const result = await lab.run(node, [`test/windows/${test}`], {
          cwd: installed,
          env: withStandIn,
          timeoutMs: 600_000,
        })
        report(node.name, test, result)
      }
      // Emulated, its times would mean nothing.
      if (arch === 'x64') {
        const cost = 'test/windows/lookup-cost.mjs'
        const costs = { cwd: installed, env: withStandIn }
        report(node.name, cost, await lab.run(node, [cost], costs))
      }
      const ends = runEnds(node, installed, withStandIn)
      report(node.name, 'ends.test.ts', ends)
    }
    await lab.close()
  }
} finally {
  host.kill()
  rmSync(scratch, { recursive: true })
  remove()
}
if (failures > 0) process.exitCode = 1
