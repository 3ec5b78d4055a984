// The samples of the documents, as printed, but that a server here stands for
// example.com: each must print something.

import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { certificate } from '../support/certificate.mjs'
import { runNode } from '../support/child.js'

const root = path.join(__dirname, '../..')

/** Those that run alone. (The recipes have tests of their own, with servers.) */
const samples = ['README.md', 'docs/verdict.md'].flatMap((page) =>
  [
    ...readFileSync(path.join(root, page), 'utf8').matchAll(
      /^(?:#+ (.*)|```(js|ts)\n([\s\S]*?)^```)$/gm,
    ),
  ].reduce<{ page: string; under: string; kind: string; code: string }[]>(
    (found, [, heading, kind, code]) => {
      const under = heading ?? found.at(-1)?.under ?? ''
      found.push({ page, under, kind: kind ?? '', code: code ?? '' })
      return found
    },
    [],
  ),
)
const runnable = samples
  .filter(({ code }) => code !== '')
  .map(
    (sample, i) =>
      [`${i + 1}: ${sample.page}, ${sample.under}`, sample] as const,
  )

let scratch: string
let plain: http.Server
let secure: https.Server

beforeAll(async () => {
  const answer: http.RequestListener = (_, response) =>
    void response.end('hello')
  plain = http.createServer(answer).listen(0)
  secure = https.createServer(certificate, answer).listen(0)
  await Promise.all([plain, secure].map((server) => once(server, 'listening')))
  scratch = mkdtempSync(path.join(tmpdir(), 'samples-'))
  mkdirSync(path.join(scratch, 'node_modules'))
  symlinkSync(
    root,
    path.join(scratch, 'node_modules/tcpinfo-socket'),
    'junction',
  )
})

afterAll(() => {
  plain.close()
  secure.close()
  rmSync(scratch, { recursive: true })
})

/** Sends each connection to the server here that stands for the one it asks for. */
function redirection(): string {
  const ports = {
    80: (plain.address() as AddressInfo).port,
    443: (secure.address() as AddressInfo).port,
  }
  return `
    const net = require('node:net')
    const { connect } = net.Socket.prototype
    net.Socket.prototype.connect = function (...args) {
      const [first, ...rest] = args
      const options = Array.isArray(first) ? first[0] : first
      const port = ${JSON.stringify(ports)}[options?.port ?? options]
      if (port && typeof options === 'object') {
        Object.assign(options, { port, host: 'localhost' })
      } else if (port) {
        args = [port, 'localhost', ...rest.slice(1)]
      }
      return connect.apply(this, args)
    }
    // What listens is asked once, and then there is an end.
    const { listen } = net.Server.prototype
    net.Server.prototype.listen = function (...args) {
      this.once('listening', () => {
        const { port } = this.address()
        require('node:http').get({ port, agent: false }, (response) => {
          response.resume().on('close', () => this.close())
        })
      })
      return listen.apply(this, [0])
    }
  `
}

/** What is watched by those that only watch. */
const PROGRAM = "require('node:http').get('http://example.com')"
const registered = ['--import', 'tcpinfo-socket/register']

test.each(runnable)('%s', async (_, { code, kind }) => {
  const file = path.join(scratch, 'sample.mjs')
  const redirect = path.join(scratch, 'redirect.cjs')
  writeFileSync(redirect, redirection())
  const text =
    kind === 'ts'
      ? code.replace(/^import type .*\n/gm, '').replace(/ as \w+/g, '')
      : code
  writeFileSync(file, text)
  const watches = code.includes('diagnostics_channel')
  const {
    code: exit,
    stdout,
    stderr,
  } = await runNode(
    watches ? [...registered, '--import', file, '--eval', PROGRAM] : [file],
    {
      nodeOptions: ['--require', redirect],
      cwd: scratch,
      // The certificate is one of our own, of which Node warns.
      env: { NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' },
      timeout: 10_000,
    },
  )
  expect({ exit, stderr }).toMatchObject({ exit: 0 })
  expect(stdout + stderr).toMatch(/\d|What limited/)
  expect(stdout + stderr).not.toMatch(/Error|undefined undefined/)
})
