// The tests take tools of a Debian build machine as witnesses. Installs those
// that are missing where that is possible (root, apt-get); elsewhere says which
// tests will be skipped for want of them.

import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'

const TOOLS = [
  { command: ['ip', '-V'], package: 'iproute2', for: 'network namespaces' },
  { command: ['ss', '-V'], package: 'iproute2', for: 'comparison with ss' },
  {
    command: ['unshare', '--version'],
    package: 'util-linux',
    for: 'network namespaces',
  },
  {
    command: ['python3', '--version'],
    package: 'python3-minimal',
    for: 'a link with delay and loss',
  },
  { command: ['cc', '--version'], package: 'gcc', for: 'a witness in C' },
  {
    command: ['openssl', 'version'],
    package: 'openssl',
    for: 'certificates of the command-line tests',
  },
  {
    command: ['/usr/bin/chromium', '--version'],
    package: 'chromium',
    for: 'the page of the report',
  },
  {
    command: ['promtool', '--version'],
    package: 'prometheus',
    for: 'the metrics in Prometheus',
  },
  ...[
    // The first four have nothing on PATH for somebody who is not root.
    ['/usr/lib/postgresql', 'postgresql', 'pg'],
    ['/usr/sbin/mariadbd', 'mariadb-server-core', 'mysql2'],
    ['/usr/sbin/mosquitto', 'mosquitto', 'mqtt'],
    ['/usr/lib/rabbitmq/bin', 'rabbitmq-server', 'amqplib'],
    ['/usr/bin/redis-server', 'redis-server', 'ioredis'],
    ['/usr/bin/kcat', 'kcat', 'kafkajs'],
  ].map(([file, from, client]) => ({
    command: ['test', '-e', file],
    package: from,
    for: `a server for ${client}`,
  })),
]

/** What Debian's packages ask whether they may start their services. */
const POLICY = '/usr/sbin/policy-rc.d'
const FORBID = '#!/bin/sh\nexit 101\n'

const runs = ([name, ...args]) =>
  spawnSync(name, args, { stdio: 'ignore' }).status === 0
const missing = () => TOOLS.filter(({ command }) => !runs(command))

const packages = [...new Set(missing().map((tool) => tool.package))]
if (
  packages.length > 0 &&
  process.getuid?.() === 0 &&
  runs(['apt-get', '-v'])
) {
  console.log(`installing ${packages.join(', ')}`)
  const options = { stdio: ['ignore', 'ignore', 'inherit'] }
  spawnSync('apt-get', ['update', '-q'], options)
  // The tests start the servers themselves.
  const isOurs = !existsSync(POLICY)
  if (isOurs) writeFileSync(POLICY, FORBID, { mode: 0o755 })
  spawnSync('apt-get', ['install', '-qy', ...packages], options)
  if (isOurs) rmSync(POLICY)
}
for (const tool of missing()) {
  console.log(`${tool.package} is missing: tests will be skipped (${tool.for})`)
}
