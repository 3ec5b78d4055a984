import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CLI, ROOT, start, tcpinfo, tcpinfoJson } from './run.js'

const DOWN = 4 * 1024 * 1024

test('text', async () => {
  const { exit, stdout, stderr } = await tcpinfo(['demo'])
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
  expect(stdout).toMatch(/^127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+ \(.+\)\n\n/)
  expect(stdout).toMatch(/state +ESTABLISHED$/m)
  expect(stdout).toMatch(/kernel received +4,194,304 \(4\.0 MiB\)$/m)
  expect(stdout).toMatch(/program read +4,194,304 \(4\.0 MiB\)$/m)
  const lines = stdout.trimEnd().split('\n')
  expect(lines.length).toBeLessThan(24)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
})

test('JSON', async () => {
  const { exit, output, stdout, stderr } = await tcpinfoJson(['demo'])
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
  expect(stdout.trimEnd()).not.toContain('\n')
  expect(Object.keys(output)).toEqual(['target', 'ageMs', 'tcpInfo', 'raw'])
  const { tcpInfo } = output
  expect(output.target).toBe(`127.0.0.1:${tcpInfo?.remotePort}`)
  expect(tcpInfo).toMatchObject({
    state: 'ESTABLISHED',
    trigger: 'close',
    bytesReceived: DOWN,
    appBytesRead: DOWN,
    bytesSent: tcpInfo?.appBytesWritten,
  })
  expect(tcpInfo?.appBytesWritten).toBeGreaterThan(0)
  // 64-bit members, which JSON has no number for.
  expect(Object.values(output.raw ?? {})).toContain(String(DOWN))
})

test('a reader that goes away is no failure', async () => {
  const child = start(['demo'])
  child.stdout.destroy()
  let stderr = ''
  child.stderr.on('data', (text) => {
    stderr += text
  })
  const [exit] = await once(child, 'close')
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
})

test.skipIf(process.platform !== 'linux')('a full disk is one', () => {
  const { status, stderr } = spawnSync(process.execPath, [CLI, 'demo'], {
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    encoding: 'utf8',
  })
  expect({ status, stderr }).toEqual({
    status: 6,
    stderr: 'tcpinfo: the output could not be written (ENOSPC)\n',
  })
})

describe('where there are no TCP statistics', () => {
  let copy: string
  beforeAll(() => {
    // The package as a bundler may leave it behind: without its prebuilds.
    copy = mkdtempSync(path.join(tmpdir(), 'tcpinfo-cli-'))
    for (const part of [
      'dist',
      'package.json',
      'node_modules/node-gyp-build',
    ]) {
      cpSync(path.join(ROOT, part), path.join(copy, part), { recursive: true })
    }
  })
  afterAll(() => rmSync(copy, { recursive: true }))

  test('text: the transfer is told, and why there is no more', async () => {
    const { exit, stdout, stderr } = await tcpinfo(['demo'], {
      cli: path.join(copy, 'dist', 'cli.js'),
    })
    expect(exit).toBe(8)
    expect(stdout).toMatch(/^127\.0\.0\.1:\d+ \(no TCP statistics\)\n\n/)
    expect(stdout).toMatch(/time to connect +[\d.]+ ms$/m)
    expect(stdout).toMatch(/program read +4,194,304 \(4\.0 MiB\)$/m)
    expect(stdout).not.toContain('kernel')
    expect(stderr).toMatch(
      /^tcpinfo: .*no TCP statistics\. .*There is no binary for .*prebuilds/,
    )
    expect(stderr.trimEnd()).not.toContain('\n')
  })

  test('JSON', async () => {
    const { exit, output } = await tcpinfoJson(['demo'], {
      cli: path.join(copy, 'dist', 'cli.js'),
    })
    expect(exit).toBe(8)
    expect(output).toEqual({
      target: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      ageMs: expect.any(Number),
      transfer: {
        connectMs: expect.any(Number),
        bytesRead: DOWN,
        bytesWritten: expect.any(Number),
      },
      error: {
        code: 'ERR_TCP_INFO_BINDING',
        message: expect.stringContaining('There is no binary for'),
      },
    })
  })

  test("Node's permission model", async () => {
    const option = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission'
    const network = process.allowedNodeEnvironmentFlags.has('--allow-net')
      ? ['--allow-net']
      : []
    const { exit, stderr } = await tcpinfo(['demo'], {
      nodeOptions: [
        option,
        ...network,
        `--allow-fs-read=${path.parse(ROOT).root}`,
      ],
    })
    expect(exit).toBe(8)
    expect(stderr).toContain('add --allow-addons')
  })
})
