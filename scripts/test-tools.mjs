// The tests take tools of a Debian build machine as witnesses. Installs those
// that are missing where that is possible (root, apt-get); elsewhere says which
// tests will be skipped for want of them.

import { install } from './debian.mjs'

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

for (const tool of install(TOOLS)) {
  console.log(`${tool.package} is missing: tests will be skipped (${tool.for})`)
}
