// Runs real Windows binaries of Node on Linux: a stand-in for a Windows machine.
// node.exe is the one that Node publishes; what it calls is not Windows but
// Wine: the Windows API, and a "kernel" that is Wine's server on top of Linux.
// So it shows that a binary loads, that its calls are well formed and what our
// code does with the answers. What Windows itself answers it cannot show, and
// times measured in it mean nothing.
//
//   node scripts/windows-lab.mjs x64-22 script.js args…   runs that node.exe
//   node scripts/windows-lab.mjs --list                   names them
//   node scripts/windows-lab.mjs --clean                  removes the cache
//
// Needs Linux on x86-64, root, apt-get with a Debian mirror, npm; for arm64
// (through QEMU) also a kernel of at least 6.7.
//
// A run sees the host's files under the same paths, on drive Z: (/a/b is
// Z:\a\b), except /usr, which is Wine's. Drive C: and the registry are fresh in
// each run. Ports are the host's: the network is not separate.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { unpackDebian } from './debian.mjs'
import { cacheFolder, NODES, unpackNode } from './downloads.mjs'

const cache = cacheFolder('windows-lab')

// Debian's releases carry one Wine each; bookworm's is too old for Node 22.
const RELEASE = 'trixie'

// Not `apt-get install wine64`: its dependencies are ten times as many, for
// sound, video and cameras. What node.exe needs is Wine, the C library, the
// unwinder, a shell, and fonts with their renderer: user32.dll looks for both
// even where nothing is drawn, and without any font Wine's setup does not end.
const PACKAGES = [
  ...['wine64', 'libwine', 'libc6', 'libc-bin', 'libgcc-s1', 'busybox-static'],
  ...['fonts-wine', 'libfreetype6', 'libpng16-16t64', 'libbrotli1', 'zlib1g'],
  ...['libbz2-1.0', 'libfontconfig1', 'libexpat1'],
]

const ARCHS = {
  x64: {
    debian: 'amd64',
    packages: [...PACKAGES, 'libunwind8', 'liblzma5', 'libz-mingw-w64'],
    nodes: NODES,
    env: {},
    timeoutMs: 60_000,
  },
  arm64: {
    debian: 'arm64',
    packages: [...PACKAGES, 'qemu-user:amd64'],
    // All that npm has.
    nodes: ['20.20.2', '22.23.2', '26.7.0'],
    // QEMU's default processor has branch target identification, at which
    // Wine's dispatcher of system calls faults.
    env: { QEMU_CPU: 'cortex-a76' },
    timeoutMs: 300_000,
  },
}

const WINE = '/usr/lib/wine/wine64'

// Node has no use for buses, radio and a log of events: without those services a
// run begins sooner, and nothing of theirs fails in the background. The server
// writes the registry when it ends, after the last program.
const SETUP = `
${WINE} wineboot --init
for name in PlugPlay Eventlog winebus wineusb winebth; do
  ${WINE} reg delete 'HKLM\\System\\CurrentControlSet\\Services\\'$name /f
done
/usr/lib/wine/wineserver -w
`

/** The shell's answer when no program could be started. */
const NOT_STARTED = 125

// Every run has its own mounts and its own process ids: the kernel undoes and
// ends all of it with the first process, however that ends. The shell stays that
// first process, because Wine leaves orphans and somebody has to reap them.
// - Drive C: and the registry are an overlay in memory, so that each run has its
//   own Wine server and no run finds what another left.
// - Wine puts its sockets into /run/user/<uid> where that exists, else into /tmp.
// - /usr comes last: from then on the host's commands are out of reach.
// - An ARM program is given to QEMU by the kernel, which also catches the
//   processes that Wine starts. A user namespace has its own list of such
//   formats; the host's list is not touched.
const ENTER = `
{
  ulimit -c 0 && cd "$LAB" && mount -t tmpfs -o mode=700 lab memory &&
  mkdir -m 700 memory/upper memory/work memory/formats memory/run memory/run/0 &&
  mkdir -p /run/user && mount --bind memory/run /run/user &&
  if [ "$OVERLAY" ]; then mount -t overlay -o "$OVERLAY" lab prefix; fi &&
  if [ "$FORMATS" ]; then mount -t binfmt_misc formats memory/formats; fi &&
  mount --bind root/usr /usr &&
  if [ "$FORMATS" ]; then
    read -r format <"$FORMATS" && printf %s "$format" >memory/formats/register
  fi &&
  cd "$CWD"
} || exit ${NOT_STARTED}
unset LAB OVERLAY FORMATS CWD OLDPWD
"$@"
exit $?
`

/** Starts argv in the lab that is built in `home`. */
function enter(arch, home, argv, { cwd = '/', env = {}, stdio, isSetup }) {
  const user = arch === 'arm64' ? ['--user', '--map-root-user'] : []
  const layers = ['lowerdir=prefix,upperdir=memory/upper,workdir=memory/work']
  if (user.length > 0) layers.push('userxattr')
  // pdeathsig: the run ends with us, even when nobody can end it in order.
  return spawn(
    'setpriv',
    [
      ...['--pdeathsig', 'KILL', 'unshare', ...user, '--mount', '--pid'],
      ...['--fork', '--kill-child', '--mount-proc', 'sh', '-c', ENTER, 'lab'],
      ...argv,
    ],
    {
      stdio,
      env: {
        LC_ALL: 'C.UTF-8',
        HOME: '/root',
        ...env,
        ...ARCHS[arch].env,
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        WINEPREFIX: path.join(home, 'prefix'),
        WINEDEBUG: env.WINEDEBUG ?? '-all',
        // No offers to install a .NET or a browser, no desktop menus, and no
        // debugger that waits beside a crashed program.
        WINEDLLOVERRIDES: 'mscoree,mshtml,winemenubuilder.exe,winedbg.exe=',
        LAB: home,
        CWD: cwd,
        OVERLAY: isSetup ? '' : layers.join(),
        FORMATS:
          user.length > 0 ? '/usr/share/qemu/binfmt.d/qemu-aarch64.conf' : '',
      },
    },
  )
}

/** What this machine lacks for a lab. */
function whyNot() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return 'Linux on x86-64'
  }
  if (process.getuid() !== 0) return 'root'
  const tools = ['apt-get', 'dpkg-deb', 'tar', 'npm', 'unshare', 'setpriv']
  const folders = (process.env.PATH ?? '').split(':')
  return [...tools, 'mount'].find(
    (tool) => !folders.some((folder) => existsSync(path.join(folder, tool))),
  )
}

/** What Node and Wine need of another Debian release. */
async function fetchRoot(arch, folder) {
  const { debian, packages } = ARCHS[arch]
  // Without what they depend on: PACKAGES is all.
  unpackDebian(RELEASE, [debian, 'amd64'], ['download', ...packages], folder)
  // Debian starts Wine's server through a shell script.
  await fs.symlink('busybox', path.join(folder, 'usr/bin/sh'))
  if (arch === 'x64') {
    // The one thing that libwine's own script would do: zlib is taken from
    // another package and marked as a DLL of Wine's, which Wine requires.
    const dll = await fs.readFile(
      path.join(folder, 'usr/x86_64-w64-mingw32/lib/zlib1.dll'),
    )
    dll.write('Wine builtin DLL'.padEnd(32, '\0'), 64, 'latin1')
    const wine = 'usr/lib/x86_64-linux-gnu/wine/x86_64-windows'
    await fs.writeFile(path.join(folder, wine, 'zlib1.dll'), dll)
  }
}

/** Runs to the end; what the program prints goes through files. */
async function collect(arch, home, argv, running, options) {
  // Node 22 and later fail under Wine when their stdout is a pipe.
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'windows-lab-'))
  const files = ['stdout', 'stderr'].map((name) => path.join(folder, name))
  const handles = await Promise.all(files.map((file) => fs.open(file, 'w')))
  const stdio = ['ignore', ...handles.map((handle) => handle.fd)]
  try {
    const child = enter(arch, home, argv, { ...options, stdio })
    running.add(child)
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      child.kill('SIGKILL')
    }, options.timeoutMs)
    const [status, signal] = await once(child, 'exit').finally(() => {
      clearTimeout(timer)
      running.delete(child)
    })
    const [stdout, stderr] = await Promise.all(
      files.map((file) => fs.readFile(file, 'utf8')),
    )
    if (status === NOT_STARTED) {
      throw new Error(`windows-lab: ${argv[0]} not started: ${stderr.trim()}`)
    }
    return { status, signal, timedOut, stdout, stderr }
  } finally {
    await Promise.all(handles.map((handle) => handle.close()))
    await fs.rm(folder, { recursive: true })
  }
}

/** Builds under a name of its own and renames: half a lab is never used. */
async function build(arch, home, log) {
  await fs.mkdir(path.dirname(home), { recursive: true })
  const draft = await fs.mkdtemp(`${home}.draft-`)
  try {
    log(`windows-lab: fetching Wine and Node for ${arch}`)
    for (const version of ARCHS[arch].nodes) {
      const folder = path.join(draft, 'node', version)
      await fs.mkdir(folder, { recursive: true })
      unpackNode(`win-${arch}`, version, folder)
    }
    await fetchRoot(arch, path.join(draft, 'root'))
    log('windows-lab: setting up Wine')
    for (const name of ['prefix', 'memory']) {
      await fs.mkdir(path.join(draft, name))
    }
    const argv = ['/bin/sh', '-ec', SETUP]
    const options = { isSetup: true, timeoutMs: 600_000 }
    const result = await collect(arch, draft, argv, new Set(), options)
    if (result.status !== 0) {
      throw new Error(`windows-lab: wineboot failed: ${result.stderr}`)
    }
    await fs.rename(draft, home).catch((error) => {
      // Somebody else was faster.
      if (!existsSync(home)) throw error
    })
  } finally {
    await fs.rm(draft, { recursive: true, force: true })
  }
}

/** Sets up what is missing and returns the lab. arch: 'x64' or 'arm64'. */
export async function openLab(arch, { log = () => {} } = {}) {
  const reason = whyNot()
  if (reason !== undefined) throw new Error(`windows-lab: needs ${reason}`)
  const pins = JSON.stringify([ARCHS[arch], RELEASE, SETUP])
  const hash = createHash('sha256').update(pins).digest('hex').slice(0, 12)
  // The name carries what is in the folder: another table, another folder.
  const home = path.join(cache, `${arch}-${hash}`)
  if (!existsSync(home)) await build(arch, home, log)

  const running = new Set()
  const nodes = ARCHS[arch].nodes.map((version) => ({
    name: `${arch}-${version.split('.')[0]}`,
    version,
    exe: path.join(home, 'node', version, 'node.exe'),
  }))
  const toWindows = (file) => `Z:${path.resolve(file).replaceAll('/', '\\')}`
  const exec = (argv, { cwd = process.cwd(), env = {}, timeoutMs } = {}) => {
    const limit = timeoutMs ?? ARCHS[arch].timeoutMs
    const options = { cwd, env, timeoutMs: limit }
    return collect(arch, home, argv, running, options)
  }
  return {
    arch,
    nodes,
    /** The Windows path of a host path. */
    path: toWindows,
    /**
     * Runs node.exe, or `exe` in its place. `args` go as they are: an absolute
     * host path is understood as it is, as `cwd` is on the same drive. Of the
     * environment there is only `env`. `status` is the low byte of a Windows
     * exit code.
     */
    run: (node, args = [], { exe = node.exe, ...options } = {}) =>
      exec([WINE, exe, ...args], options),
    /** Runs a command of the lab's own /usr: `busybox ls`, `sh -c`. */
    exec,
    /** Ends what still runs. */
    async close() {
      const ends = [...running].map((child) => once(child, 'exit'))
      for (const child of running) child.kill('SIGKILL')
      await Promise.all(ends)
    },
  }
}

/** Each Node with its name. */
export const NAMES = Object.entries(ARCHS).flatMap(([arch, { nodes }]) =>
  nodes.map((version) => [`${arch}-${version.split('.')[0]}`, version]),
)

async function main([name = '', ...args]) {
  if (name === '--list') {
    for (const row of NAMES) console.log(row.join('\t'))
    return 0
  }
  if (name === '--clean') {
    await fs.rm(cache, { recursive: true, force: true })
    return 0
  }
  if (!NAMES.some(([known]) => known === name)) {
    console.error('usage: windows-lab.mjs --list | --clean | NODE ARGS…')
    return 2
  }
  const lab = await openLab(name.split('-')[0], { log: console.error })
  const node = lab.nodes.find((candidate) => candidate.name === name)
  // Who called this can end it.
  const timeoutMs = 2 ** 31 - 1
  const result = await lab.run(node, args, { env: process.env, timeoutMs })
  process.stdout.write(result.stdout)
  process.stderr.write(result.stderr)
  if (result.timedOut) console.error('windows-lab: timed out')
  return result.status ?? 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await main(process.argv.slice(2))
}
