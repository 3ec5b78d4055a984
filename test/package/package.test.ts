import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as lib from '../../lib/index.js'
import { jsonOf, runNode } from '../support/child.js'

const root = path.join(__dirname, '../..')
/** What breaks URLs, globs and shells that are not careful. */
const AWKWARD = 'ein Ordner #1, 100%20 voll (ÄÖÜ 漢字 é)'

const manifest = JSON.parse(
  readFileSync(path.join(root, 'package.json'), 'utf8'),
)

let scratch: string
let app: string
let installed: string
let files: string[]

/** npm, without a word to any network. */
function npm(args: string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(
    'npm',
    [...args, '--offline', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd,
      encoding: 'utf8',
      env: { ...process.env, npm_config_cache: path.join(scratch, 'cache') },
    },
  )
  if (status !== 0) throw new Error(`npm ${args[0]}: ${stderr}${stdout}`)
  return stdout
}

function pack(folder: string): string {
  // Without prepack: other tests use what it would make anew.
  const args = ['pack', '--json', '--ignore-scripts']
  args.push('--pack-destination', scratch)
  const [{ filename }] = JSON.parse(npm(args, folder))
  return path.join(scratch, filename)
}

beforeAll(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'packed-'))
  app = path.join(scratch, AWKWARD)
  mkdirSync(app)
  writeFileSync(path.join(app, 'package.json'), '{"private": true}')
  const tarballs = [root, path.join(root, 'node_modules/node-gyp-build')]
  npm(['install', '--ignore-scripts', ...tarballs.map(pack)], app)
  installed = path.join(app, 'node_modules', manifest.name)
  files = readdirSync(installed, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(path.join(installed, name)).isFile())
    .map((name) => name.replaceAll(path.sep, '/'))
}, 120_000)

afterAll(() => rmSync(scratch, { recursive: true }))

/** Runs a program in the awkward folder, with the packed binary alone. */
function program(kind: 'import' | 'require', text: string) {
  const file = `program.${kind === 'import' ? 'mjs' : 'cjs'}`
  writeFileSync(path.join(app, file), text)
  return jsonOf<unknown>(
    runNode([file], { cwd: app, env: { PREBUILDS_ONLY: '1' } }),
  )
}

/** The anchors of a page, as GitHub makes them of headings. */
function anchorsIn(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, id] of page.matchAll(/<a id="([^"]+)"/g)) anchors.add(`${id}`)
  for (const [, heading] of page.matchAll(/^#+ (.*)$/gm)) {
    const slug = `${heading}`
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-')
    let anchor = slug
    for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`
    anchors.add(anchor)
  }
  return anchors
}

describe('the tarball', () => {
  test('holds what is promised, and nothing else', () => {
    const allowed = [
      /^package\.json$/,
      /^README\.md$/,
      /^LICENSE$/,
      /^CHANGELOG\.md$/,
      /^SECURITY\.md$/,
      /^docs\/[a-z-]+\.(md|json|svg)$/,
      /^docs\/api\/[A-Za-z-]+\.md$/,
      /^dist\/(index|register|prometheus|opentelemetry|cli)\.(js|cjs)$/,
      /^dist\/(chunk|html)-[A-Z0-9]+\.js$/,
      /^dist\/(preload|recorder)\.cjs$/,
      /^dist\/reporter\.js$/,
      /^dist\/(index|register|prometheus|opentelemetry)\.d\.(ts|cts)$/,
      // What several of these have in common.
      /^dist\/(index|recorder)-[\w-]+\.d\.(ts|cts)$/,
      /^prebuilds\/SHA256SUMS$/,
      /^prebuilds\/[a-z0-9]+-[a-z0-9+]+\/tcpinfo-socket(\.glibc|\.musl)?\.node$/,
    ]
    expect(files.filter((name) => !allowed.some((a) => a.test(name)))).toEqual(
      [],
    )
    for (const name of ['package.json', 'README.md', 'LICENSE']) {
      expect(files).toContain(name)
    }
    expect(existsSync(path.join(root, 'CHANGELOG.md'))).toBe(
      files.includes('CHANGELOG.md'),
    )
  })

  test('has documents whose links lead somewhere', () => {
    const pages = new Map(
      files
        .filter((name) => name.endsWith('.md'))
        .map((name) => {
          const text = readFileSync(path.join(installed, name), 'utf8')
          return [name, text.replaceAll(/^```[\s\S]*?^```/gm, '')]
        }),
    )
    const broken = [...pages].flatMap(([name, text]) =>
      [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
        .filter(([, file, anchor]) => {
          const to = file ? path.posix.join(name, '..', file) : name
          if (!files.includes(to)) return true
          return anchor && !anchorsIn(pages.get(to) ?? '').has(anchor)
        })
        .map(([link]) => `${name}: ${link}`),
    )
    expect(pages.size).toBeGreaterThan(5)
    expect(broken).toEqual([])
  })

  test('holds a binary for this machine, and all that were built', () => {
    const built = readdirSync(path.join(root, 'prebuilds'), {
      recursive: true,
      encoding: 'utf8',
    })
      .filter((name) => name.endsWith('.node'))
      .map((name) => `prebuilds/${name.replaceAll(path.sep, '/')}`)
    expect(files.filter((name) => name.endsWith('.node')).sort()).toEqual(
      built.sort(),
    )
    const here = `prebuilds/${process.platform}-${process.arch}/`
    expect(built.some((name) => name.startsWith(here))).toBe(true)
  })

  test('tells nothing of the machine that made it', () => {
    const told = files.filter((name) =>
      readFileSync(path.join(installed, name)).includes(root),
    )
    expect(told).toEqual([])
  })

  test('is small', () => {
    const sizes = files.map((name) => statSync(path.join(installed, name)).size)
    const total = sizes.reduce((sum, size) => sum + size, 0)
    expect(total).toBeGreaterThan(10_000)
    expect(total).toBeLessThan(1.5 * 2 ** 20)
  })
})

describe('its package.json', () => {
  let packed: typeof manifest

  beforeAll(() => {
    packed = JSON.parse(
      readFileSync(path.join(installed, 'package.json'), 'utf8'),
    )
  })

  test('runs nothing when it is installed', () => {
    for (const script of [
      'preinstall',
      'install',
      'postinstall',
      'prepare',
      'preprepare',
      'postprepare',
    ]) {
      expect(packed.scripts ?? {}).not.toHaveProperty(script)
    }
    // Else npm builds as soon as there is a binding.gyp.
    expect(packed.gypfile).toBe(false)
    expect(files.some((name) => name.endsWith('.gyp'))).toBe(false)
  })

  test('has one dependency', () => {
    expect(Object.keys(packed.dependencies)).toEqual(['node-gyp-build'])
    expect(packed).not.toHaveProperty('optionalDependencies')
    for (const peer of Object.keys(packed.peerDependencies)) {
      expect(packed.peerDependenciesMeta[peer]).toEqual({ optional: true })
    }
    expect(packed).not.toHaveProperty('bundledDependencies')
  })

  test('names only files that exist', () => {
    const named: string[] = []
    const collect = (value: unknown): void => {
      if (typeof value === 'string') named.push(value)
      else Object.values(value as object).forEach(collect)
    }
    for (const key of ['exports', 'bin', 'types', 'main']) collect(packed[key])
    expect(named.length).toBeGreaterThanOrEqual(8)
    const missing = named.filter(
      (name) => !files.includes(name.replace(/^\.\//, '')),
    )
    expect(missing).toEqual([])
  })
})

/** Connects, exchanges something, closes; what the record says of it. */
const EXCHANGE = `
  const server = net.createServer((peer) => peer.pipe(peer))
  server.listen(0, '127.0.0.1', () => {
    const socket = api.connect(server.address().port, '127.0.0.1')
    const events = []
    socket.on('tcpinfo', ({ trigger, bytesReceived, remotePort }) =>
      events.push([trigger, bytesReceived, remotePort === server.address().port]))
    socket.on('data', () => socket.destroy())
    socket.on('close', () => {
      server.close()
      console.log(JSON.stringify({
        names: Object.keys(api).sort(),
        supported: api.support().supported,
        events,
      }))
    })
    socket.write('hello')
  })
`

describe(`installed in a folder named ${AWKWARD}`, () => {
  const expected = {
    names: Object.keys(lib).sort(),
    supported: true,
    events: [['close', 5, true]],
  }

  test('works by import', async () => {
    const text = `import net from 'node:net'
      import * as api from 'tcpinfo-socket'
      ${EXCHANGE}`
    expect(await program('import', text)).toMatchObject(expected)
  })

  test('works by require', async () => {
    const text = `const net = require('node:net')
      const api = require('tcpinfo-socket')
      ${EXCHANGE}`
    expect(await program('require', text)).toMatchObject(expected)
  })

  test('its package.json can be had', async () => {
    const text = `const { version } = require('tcpinfo-socket/package.json')
      console.log(JSON.stringify(version))`
    expect(await program('require', text)).toBe(manifest.version)
  })

  test('its classes have their own names', async () => {
    const text = `const api = require('tcpinfo-socket')
      const { inspect } = require('node:util')
      const classes = Object.values(api).filter((each) => /^class/.test(each))
      let shown
      try { api.readTcpInfo() } catch (error) { shown = inspect(error) }
      console.log(JSON.stringify([
        classes.map(({ name }) => name).sort(),
        shown.split(':')[0],
      ]))`
    expect(await program('require', text)).toEqual([
      [
        ...['HttpAgent', 'HttpsAgent', 'TcpInfoError', 'TcpInfoSocket'],
        'TcpInfoSummary',
      ],
      'TcpInfoError',
    ])
  })

  test('tcpinfo --version', () => {
    const bin = path.join(app, 'node_modules/.bin/tcpinfo')
    const run = spawnSync(bin, ['--version'], {
      cwd: app,
      encoding: 'utf8',
      env: { ...process.env, PREBUILDS_ONLY: '1' },
      shell: process.platform === 'win32',
    })
    expect(run.error).toBeUndefined()
    expect(run).toMatchObject({ status: 0, stderr: '' })
    expect(run.stdout.trim()).toBe(manifest.version)
  })
})

describe('bundled by esbuild', () => {
  const bundled = async (kind: 'import' | 'require', format: 'cjs' | 'esm') => {
    const source = path.join(app, `source.${kind === 'import' ? 'mjs' : 'cjs'}`)
    const text =
      kind === 'import'
        ? `import net from 'node:net'
           import * as api from 'tcpinfo-socket'
           import 'tcpinfo-socket/register'`
        : `const net = require('node:net')
           const api = require('tcpinfo-socket')
           require('tcpinfo-socket/register')`
    writeFileSync(source, text + BUNDLED)
    // Elsewhere, as in an image that the bundle alone is copied to.
    const folder = mkdtempSync(path.join(scratch, 'bundle-'))
    const file = path.join(
      folder,
      'dist',
      `app.${format === 'cjs' ? 'cjs' : 'mjs'}`,
    )
    writeFileSync(path.join(folder, 'package.json'), '{"name": "app"}')
    await build({
      entryPoints: [source],
      bundle: true,
      platform: 'node',
      format,
      outfile: file,
      logLevel: 'silent',
    })
    return jsonOf<unknown>(runNode([file], { cwd: folder }))
  }

  const BUNDLED = `
    const server = net.createServer((peer) => peer.end('hello'))
    server.listen(0, '127.0.0.1', () => {
      const socket = api.connect(server.address().port, '127.0.0.1')
      let received = ''
      socket.on('data', (data) => { received += data })
      socket.on('close', () => {
        server.close()
        console.log(JSON.stringify({
          received,
          code: socket.tcpInfoError?.code,
          reason: api.support().reason?.message,
        }))
      })
    })`

  test.each([
    ['import', 'cjs'],
    ['import', 'esm'],
    ['require', 'cjs'],
  ] as const)(
    '%s, as %s: sockets work as plain sockets',
    async (kind, format) => {
      expect(await bundled(kind, format)).toEqual({
        received: 'hello',
        code: 'ERR_TCP_INFO_BINDING',
        reason: expect.stringMatching(/a bundler .* outside the bundle/),
      })
    },
  )

  test('from a linked folder, which esbuild warns of: without a warning', async () => {
    const { warnings } = await build({
      stdin: {
        contents: "import 'tcpinfo-socket/register'",
        resolveDir: root,
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      write: false,
      logLevel: 'silent',
    })
    expect(warnings.map(({ text }) => text)).toEqual([])
  })
})

describe('both copies in one process, ESM and CommonJS', () => {
  const both = (text: string) =>
    program(
      'import',
      `import { createRequire } from 'node:module'
      import { once } from 'node:events'
      import net from 'node:net'
      import * as esm from 'tcpinfo-socket'
      const cjs = createRequire(import.meta.url)('tcpinfo-socket')
      const server = net.createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address()
      const result = {}
      ${text}
      server.close()
      console.log(JSON.stringify(result))`,
    )

  test('are two copies, or this proves nothing', async () => {
    const text = `result.same = esm.TcpInfoSocket === cjs.TcpInfoSocket`
    expect(await both(text)).toEqual({ same: false })
  })

  test('share what they captured: each event comes once', async () => {
    const text = `
      for (const [name, first, second] of [
        ['esm first', esm, cjs],
        ['cjs first', cjs, esm],
      ]) {
        for (const [how, open] of [
          ['instrument', () => first.instrument(net.connect(port, '127.0.0.1'))],
          ['connect', () => first.connect(port, '127.0.0.1')],
        ]) {
          const socket = open()
          second.instrument(socket)
          first.instrument(socket)
          const triggers = []
          socket.on('tcpinfo', ({ trigger }) => triggers.push(trigger))
          await once(socket, 'connect')
          const info = socket.captureTcpInfo()
          const isSame = info === socket.tcpInfo
          socket.destroy()
          await once(socket, 'close')
          const last = [first, second].map(({ readTcpInfo }) => readTcpInfo(socket))
          result[name + ', ' + how] = {
            triggers,
            isSame,
            areLast: last.every((each) => each === socket.tcpInfo),
          }
        }
      }`
    const once = {
      triggers: ['demand', 'close'],
      isSame: true,
      areLast: true,
    }
    expect(await both(text)).toEqual({
      'esm first, instrument': once,
      'esm first, connect': once,
      'cjs first, instrument': once,
      'cjs first, connect': once,
    })
  })

  test('know each other’s errors', async () => {
    const text = `
      for (const [name, one, other] of [['esm', esm, cjs], ['cjs', cjs, esm]]) {
        try {
          one.readTcpInfo({})
        } catch (error) {
          result[name] = [
            error instanceof one.TcpInfoError,
            error instanceof other.TcpInfoError,
            error instanceof Error,
            error.code,
          ]
        }
      }
      result.others = [new Error('x'), {}, null, undefined, 'x'].map(
        (each) => each instanceof esm.TcpInfoError,
      )`
    const right = [true, true, true, 'ERR_TCP_INFO_NOT_TCP']
    expect(await both(text)).toEqual({
      esm: right,
      cjs: right,
      others: Array(5).fill(false),
    })
  })
})
