/**
 * Real servers, from Debian's packages (scripts/test-tools.mjs installs them): each
 * on 127.0.0.1, with a folder of its own, and gone with the tests that it is for.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll } from 'vitest'

/** That of the server, and two more. */
type Ports = readonly [number, number, number]

interface Kind {
  /** The package, for the name of a skipped test. */
  readonly package: string
  readonly program: string
  readonly args: (folder: string, port: number) => readonly string[]
  readonly env?: (folder: string, ports: Ports) => NodeJS.ProcessEnv
  /** What is to be run to its end before, or beside it. */
  readonly before?: (folder: string) => readonly string[]
  readonly beside?: (ports: Ports) => readonly string[]
  /** What it prints when it can be used; where it chose the port, that as well. */
  readonly ready: RegExp
  /** How it ends, where to be killed would leave something behind. */
  readonly end?: NodeJS.Signals
}

const HOST = '127.0.0.1'
const CERTIFICATE = ['localhost-cert.pem', 'localhost-key.pem'] as const

const KINDS = {
  PostgreSQL: {
    package: 'postgresql',
    program: 'postgres',
    before: (folder) =>
      'initdb --username=postgres --auth=trust --no-sync --pgdata'
        .split(' ')
        .concat(path.join(folder, 'data')),
    args: (folder, port) => [
      `-D${path.join(folder, 'data')}`,
      `-p${port}`,
      ...[
        `listen_addresses=${HOST}`,
        'unix_socket_directories=',
        'fsync=off',
        'ssl=on',
        `ssl_cert_file=${path.join(folder, CERTIFICATE[0])}`,
        `ssl_key_file=${path.join(folder, CERTIFICATE[1])}`,
      ].map((setting) => `-c${setting}`),
    ],
    ready: /ready to accept connections/,
    // At once, and its processes with it.
    end: 'SIGQUIT',
  },
  MariaDB: {
    package: 'mariadb-server-core',
    program: 'mariadbd',
    args: (folder, port) => [
      '--no-defaults',
      `--datadir=${folder}`,
      `--socket=${path.join(folder, 'socket')}`,
      `--bind-address=${HOST}`,
      `--port=${port}`,
      // Instead of a database with users.
      '--skip-grant-tables',
      `--ssl-cert=${path.join(folder, CERTIFICATE[0])}`,
      `--ssl-key=${path.join(folder, CERTIFICATE[1])}`,
    ],
    ready: /ready for connections/,
  },
  Redis: {
    package: 'redis-server',
    program: 'redis-server',
    args: (folder, port) =>
      ['--bind', HOST, '--port', `${port}`, '--dir', folder].concat(
        '--save',
        '',
      ),
    ready: /Ready to accept connections/,
  },
  Mosquitto: {
    package: 'mosquitto',
    program: 'mosquitto',
    // Without a configuration it listens on loopback only.
    args: (_, port) => ['-v', '-p', `${port}`],
    ready: /mosquitto version \S+ running/,
  },
  RabbitMQ: {
    package: 'rabbitmq-server',
    program: 'rabbitmq-server',
    beside: ([, names]) => ['epmd', '-address', HOST, '-port', `${names}`],
    args: () => [],
    env: (folder, [port, names, node]) => ({
      HOME: folder,
      ERL_EPMD_PORT: `${names}`,
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_DIST_PORT: `${node}`,
      RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'plugins'),
      RABBITMQ_LOGS: '-',
      RABBITMQ_LOG_BASE: folder,
      RABBITMQ_MNESIA_BASE: folder,
      RABBITMQ_NODENAME: `test${port}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: HOST,
      RABBITMQ_NODE_PORT: `${port}`,
      RABBITMQ_PID_FILE: path.join(folder, 'pid'),
      // Then its script becomes the server, in place of starting it.
      RUNNING_UNDER_SYSTEMD: 'true',
    }),
    ready: /Server startup complete/,
  },
  // There is no package with Kafka itself. Its clients' library in C comes with
  // brokers for its own tests, which speak Kafka's protocol over TCP.
  Kafka: {
    package: 'kcat',
    program: 'kcat',
    args: () =>
      `-P -t test -b ${HOST} -d mock -X test.mock.num.brokers=1`.split(' '),
    ready: /bootstrap\.servers=127\.0\.0\.1:(\d+)/,
  },
} as const satisfies Record<string, Kind>

export type ServerName = keyof typeof KINDS

const inDebian = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder).map((version) => path.join(folder, version, 'bin'))
    : []

/** Before PATH, since there are wrappers for the administrator. */
const FOLDERS = [
  ...inDebian('/usr/lib/postgresql'),
  '/usr/lib/rabbitmq/bin',
  '/usr/sbin',
  ...(process.env.PATH ?? '').split(path.delimiter),
]

function find(program: string): string | undefined {
  return FOLDERS.map((folder) => path.join(folder, program)).find(existsSync)
}

/** Some refuse to run as root; none outlives the tests, however they end. */
const AS_NOBODY =
  process.getuid?.() === 0
    ? ['--reuid=65534', '--regid=65534', '--clear-groups']
    : []
const LAUNCH = [...AS_NOBODY, '--pdeathsig=KILL']

/** Why there is no such server here, for the name of a skipped test. */
export function serverMissing(name: ServerName): string | undefined {
  if (spawnSync('setpriv', [...LAUNCH, 'true']).status !== 0) {
    return 'needs setpriv(1)'
  }
  const { program, package: from } = KINDS[name]
  return find(program) ? undefined : `needs ${name}: ${program} of ${from}`
}

/**
 * Starts one for the tests of the block that this is called in; `enter` are words of
 * a command that goes before, such as nsenter(1)'s.
 */
export function useServer(
  name: ServerName,
  enter: () => readonly string[] = () => [],
): () => number {
  const kind: Kind = KINDS[name]
  let folder: string
  let ports: Ports
  let port: number
  const children: ChildProcess[] = []

  function launch([program, ...args]: readonly string[]): ChildProcess {
    const env = { ...process.env, ...kind.env?.(folder, ports) }
    const file = find(program as string) ?? (program as string)
    const command = [...enter(), 'setpriv', ...LAUNCH, file, ...args]
    const child = spawn(command[0] as string, command.slice(1), {
      cwd: folder,
      env,
    })
    children.push(child)
    return child
  }

  beforeAll(async () => {
    folder = folderForNobody()
    ports = [await quietPort(), await quietPort(), await quietPort()]
    port = ports[0]
    if (kind.before) await once(launch(kind.before(folder)), 'close')
    if (kind.beside) launch(kind.beside(ports))
    const server = launch([kind.program, ...kind.args(folder, port)])
    const [, chosen] = await said(server, kind.ready)
    if (chosen) port = Number(chosen)
  }, 60_000)

  afterAll(async () => {
    for (const child of children.reverse()) {
      if (child.kill(kind.end ?? 'SIGKILL')) await once(child, 'close')
    }
    // A helper of the server may still be at work.
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  })

  return () => port
}

/** Not one of those that the kernel gives to clients while the server begins. */
async function quietPort(): Promise<number> {
  const port = 20_000 + Math.floor(Math.random() * 10_000)
  const server = net.createServer().listen(port, HOST)
  try {
    await once(server, 'listening')
  } catch {
    return quietPort()
  }
  server.close()
  await once(server, 'close')
  return port
}

function folderForNobody(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tcpinfo-'))
  const fixtures = path.join(__dirname, '../fixtures')
  for (const name of CERTIFICATE) {
    copyFileSync(path.join(fixtures, name), path.join(folder, name))
    chmodSync(path.join(folder, name), 0o600)
  }
  if (AS_NOBODY.length > 0) {
    for (const name of ['.', ...CERTIFICATE]) {
      chownSync(path.join(folder, name), 65534, 65534)
    }
  }
  return folder
}

/** Waits until it says so; if it ends before, with all that it said. */
function said(child: ChildProcess, ready: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (more) => {
        text += more
        const match = ready.exec(text)
        if (match) resolve(match)
      })
    }
    child.on('close', (code) => reject(new Error(`exit code ${code}\n${text}`)))
  })
}
