// Builds the prebuild for this machine with prebuildify and node-gyp, and puts
// it into prebuilds/. Needs a C++17 compiler, make and Python.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

// Node-API headers are the same for every Node: those beside the running
// binary spare a download, where they are installed.
const home = path.dirname(path.dirname(process.execPath))
const hasHeaders = existsSync(path.join(home, 'include/node/common.gypi'))

execFileSync(
  process.execPath,
  [
    path.join(root, 'node_modules/prebuildify/bin.js'),
    '--napi',
    '--strip',
    ...(process.platform === 'linux' ? ['--tag-libc'] : []),
    ...['--cwd', 'native', '--out', root],
    ...['--name', 'tcpinfo-socket'],
    ...['--node-gyp', path.join(root, 'node_modules/node-gyp/bin/node-gyp.js')],
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(hasHeaders && { npm_config_nodedir: home }) },
  },
)
