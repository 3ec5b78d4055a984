// The tests take tools of a Debian build machine as witnesses. Installs those
// that are missing where that is possible (root, apt-get); elsewhere says which
// tests will be skipped for want of them.

import { spawnSync } from 'node:child_process'

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
]

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
  spawnSync('apt-get', ['install', '-qy', ...packages], options)
}
for (const { command, for: purpose } of missing()) {
  console.log(`${command[0]} is missing: tests will be skipped (${purpose})`)
}
