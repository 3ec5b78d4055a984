import http from 'node:http'
import https from 'node:https'
import type net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Certificate, Certificates } from './certificates.js'
import { listen, listenTcp, tcpinfo, tcpinfoJson } from './run.js'

const BODY = 'x'.repeat(100_000)
const onLinux = process.platform === 'linux'

describe('a plain TCP connection', () => {
  test('text', async () => {
    const port = await listenTcp(() => {})
    const { exit, stdout, stderr } = await tcpinfo([
      'probe',
      `127.0.0.1:${port}`,
    ])
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    expect(stdout).toMatch(
      new RegExp(
        `^127\\.0\\.0\\.1:\\d+ -> 127\\.0\\.0\\.1:${port} \\([\\w ]+, ${process.platform}\\)\n\n`,
      ),
    )
    expect(stdout).toMatch(/^Connection +state +ESTABLISHED$/m)
    expect(stdout).toMatch(/^ +time to connect +[\d.]+ ms$/m)
    expect(stdout).toMatch(/^ +age +[\d.]+ ms \(by the .+\)$/m)
    expect(stdout).toMatch(/^Bytes +kernel received +0$/m)
    expect(stdout).toMatch(/^ +program wrote +0$/m)
    expect(stdout).toMatch(/^Retransmissions /m)
    expect(stdout).toMatch(/^Round trip +smoothed +([\d.]+ ms|-)/m)
    expect(stdout).toMatch(/^Windows +congestion +[\d.]+ KiB/m)
    expect(stdout).not.toMatch(/loss|lost|undefined|NaN/i)
    for (const line of stdout.split('\n')) {
      expect(line.length, line).toBeLessThanOrEqual(80)
    }
  })

  test('JSON', async () => {
    const port = await listenTcp(() => {})
    const target = `127.0.0.1:${port}`
    const { exit, output, stdout } = await tcpinfoJson(['probe', target])
    expect(exit).toBe(0)
    expect(stdout.trimEnd()).not.toContain('\n')
    expect(Object.keys(output)).toEqual(['target', 'ageMs', 'tcpInfo', 'raw'])
    expect(output).toMatchObject({
      target,
      tcpInfo: {
        state: 'ESTABLISHED',
        trigger: 'close',
        remotePort: port,
        bytesReceived: 0,
        bytesSent: 0,
      },
    })
    expect(output.ageMs).toBeGreaterThan(100)
    expect(output.tcpInfo?.connectDurationMs).toBeGreaterThan(0)
    expect(Object.values(output.raw ?? {}).length).toBeGreaterThan(10)
    if (onLinux) expect(output.raw?.tcpi_bytes_acked).toBe('1')
  })

  test.each(['localhost', 'tcp://127.0.0.1'])('%s', async (host) => {
    const port = await listenTcp(() => {})
    const { exit, stdout } = await tcpinfo(['probe', `${host}:${port}`])
    expect(exit).toBe(0)
    expect(stdout).toContain(` -> 127.0.0.1:${port} `)
    expect(stdout.includes('(with the name lookup)')).toBe(host === 'localhost')
  })

  test('IPv6', async () => {
    const port = await listenTcp(() => {}, '::1')
    for (const target of [`[::1]:${port}`, `http://[::1]:${port}/`]) {
      const { stdout } = await tcpinfo(['probe', target, '--timeout', '500'])
      expect(stdout).toMatch(/^\[::1\]:\d+ -> \[::1\]:/)
      expect(stdout).toContain(`-> [::1]:${port} (`)
    }
  })

  test('a server that speaks first is read and not reset', async () => {
    let ending: Promise<string> | undefined
    const port = await listenTcp((socket) => {
      ending = new Promise((resolve) => {
        socket.on('end', () => resolve('end'))
        socket.on('error', (error) => resolve(error.message))
      })
      setTimeout(() => socket.write('220 hello\r\n'), 20)
    })
    const { output } = await tcpinfoJson(['probe', `127.0.0.1:${port}`])
    expect(output.tcpInfo).toMatchObject({
      state: 'ESTABLISHED',
      bytesReceived: 11,
      appBytesRead: 11,
    })
    expect(await ending).toBe('end')
  })

  test('a server that closes first', async () => {
    const port = await listenTcp((socket) => void socket.end('bye'))
    const { exit, stdout } = await tcpinfo(['probe', `127.0.0.1:${port}`])
    expect(exit).toBe(0)
    expect(stdout).toMatch(/state +CLOSE_WAIT$/m)
    expect(stdout).toMatch(/program read +3$/m)
    if (onLinux) {
      expect(stdout).toMatch(/kernel received +4, 1 of it the peer's FIN$/m)
    }
  })
})

describe('HTTP', () => {
  /** A server, and what went over its last connection. */
  async function serve(handler: http.RequestListener) {
    const seen = { sent: 0, received: 0, closed: Promise.resolve() }
    const server = http.createServer(handler)
    server.on('connection', (socket: net.Socket) => {
      seen.closed = new Promise((resolve) => {
        socket.on('close', () => {
          seen.sent = socket.bytesWritten
          seen.received = socket.bytesRead
          resolve()
        })
      })
    })
    return { seen, port: await listen(server) }
  }

  test('the kernel counts what the server sent', async () => {
    const { port, seen } = await serve((_, response) => response.end(BODY))
    const target = `http://127.0.0.1:${port}/`
    const { exit, output, stderr } = await tcpinfoJson(['probe', target])
    await seen.closed
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    expect(seen.sent).toBeGreaterThan(BODY.length)
    expect(output).toMatchObject({
      target,
      status: 200,
      tcpInfo: {
        state: 'ESTABLISHED',
        trigger: 'close',
        bytesReceived: seen.sent,
        bytesSent: seen.received,
        appBytesRead: seen.sent,
        appBytesWritten: seen.received,
      },
    })
  })

  test('a server that closes: on Linux its FIN counts as a byte', async () => {
    const { port, seen } = await serve((_, response) => {
      response.setHeader('connection', 'close').end(BODY)
    })
    const { output } = await tcpinfoJson(['probe', `http://127.0.0.1:${port}/`])
    await seen.closed
    const fin = onLinux && output.tcpInfo?.state !== 'ESTABLISHED' ? 1 : 0
    expect(output.tcpInfo?.bytesReceived).toBe(seen.sent + fin)
    expect(output.tcpInfo?.appBytesRead).toBe(seen.sent)
  })

  test('a body that ends with the connection', async () => {
    const port = await listenTcp((socket) => {
      socket.once('data', () => socket.end(`HTTP/1.0 200 OK\r\n\r\n${BODY}`))
    })
    const { exit, output } = await tcpinfoJson([
      'probe',
      `http://127.0.0.1:${port}/`,
    ])
    expect(exit).toBe(0)
    expect(output.tcpInfo?.appBytesRead).toBe(BODY.length + 19)
  })

  test('a server that switches to another protocol', async () => {
    const port = await listenTcp((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching\r\nUpgrade: x\r\n')
        socket.write('Connection: upgrade\r\n\r\n')
      })
    })
    const { exit, output } = await tcpinfoJson([
      'probe',
      `http://127.0.0.1:${port}/`,
    ])
    expect({ exit, status: output.status }).toEqual({ exit: 0, status: 101 })
  })

  test.each([204, 301, 404, 500, 599])('status %i', async (status) => {
    const { port } = await serve((_, response) => {
      response.writeHead(status, { location: '/elsewhere' }).end()
    })
    const { exit, stdout } = await tcpinfo([
      'probe',
      `http://127.0.0.1:${port}/`,
    ])
    expect(exit).toBe(0)
    expect(stdout).toMatch(
      new RegExp(`^Answer +HTTP status +${status}\\b`, 'm'),
    )
  })

  test('the age is that of the connection', async () => {
    const { port } = await serve((_, response) => {
      setTimeout(() => response.end('late'), 300)
    })
    const { output } = await tcpinfoJson(['probe', `http://127.0.0.1:${port}/`])
    expect(output.ageMs).toBeGreaterThanOrEqual(299)
  })

  test('a password is used but not printed', async () => {
    let authorization: string | undefined
    const { port } = await serve((request, response) => {
      authorization = request.headers.authorization
      response.end()
    })
    const { output } = await tcpinfoJson([
      'probe',
      `http://me:secret@127.0.0.1:${port}/`,
    ])
    expect(authorization).toBe(`Basic ${btoa('me:secret')}`)
    expect(output.target).toBe(`http://***@127.0.0.1:${port}/`)
  })
})

describe('HTTPS', () => {
  const certificates = new Certificates()
  let valid: Certificate
  let expired: Certificate
  beforeAll(() => {
    valid = certificates.valid()
    expired = certificates.expired()
  })
  afterAll(() => certificates.remove())

  const serve = (certificate: Certificate) =>
    listen(https.createServer(certificate, (_, response) => response.end(BODY)))

  test('a certificate that is trusted', async () => {
    const port = await serve(valid)
    const { exit, output, stderr } = await tcpinfoJson(
      ['probe', `https://localhost:${port}/`],
      { env: { NODE_EXTRA_CA_CERTS: valid.file } },
    )
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' })
    const { bytesReceived = 0, appBytesRead = 0 } = output.tcpInfo ?? {}
    expect(output.status).toBe(200)
    expect(appBytesRead).toBeGreaterThan(BODY.length)
    expect(bytesReceived).toBeGreaterThan(appBytesRead)
    expect(output.tcpInfo).toMatchObject({
      state: 'ESTABLISHED',
      trigger: 'close',
      remotePort: port,
    })
  })

  test('a certificate that is not: nothing was sent', async () => {
    const port = await serve(expired)
    const { exit, stdout } = await tcpinfo([
      'probe',
      `https://127.0.0.1:${port}/`,
    ])
    expect(exit).toBe(6)
    expect(stdout).toMatch(/program wrote +\d+ not sent: TLS was not set up$/m)
  })

  test('--insecure', async () => {
    const port = await serve(expired)
    const { exit, stdout } = await tcpinfo([
      'probe',
      `https://127.0.0.1:${port}/`,
      '--insecure',
    ])
    expect(exit).toBe(0)
    expect(stdout).toMatch(/HTTP status +200 OK$/m)
    expect(stdout).toMatch(/program read +[\d,]+ \(.+\) inside TLS$/m)
  })

  test.each([
    [
      'self-signed',
      'localhost',
      () => valid,
      false,
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'the certificate is self-signed',
    ],
    [
      'expired',
      'localhost',
      () => expired,
      true,
      'CERT_HAS_EXPIRED',
      'the certificate has expired',
    ],
    [
      'of another name',
      '127.0.0.1',
      () => valid,
      true,
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'the certificate is for localhost, not for 127.0.0.1',
    ],
  ] as const)(
    'a certificate that is %s',
    async (_, host, get, trusted, code, reason) => {
      const port = await serve(get())
      const target = `https://${host}:${port}/`
      const { exit, output, stderr } = await tcpinfoJson(
        ['probe', target],
        trusted ? { env: { NODE_EXTRA_CA_CERTS: get().file } } : {},
      )
      expect(exit).toBe(6)
      expect(stderr).toBe(
        `tcpinfo: ${target}: TLS failed: ${reason} (${code})\n` +
          'To probe without checking the certificate, add --insecure.\n',
      )
      expect(output).toMatchObject({ target, error: { code } })
      expect(output.tcpInfo).toMatchObject({
        trigger: 'close',
        remotePort: port,
      })
    },
  )

  test('a server that does not speak TLS', async () => {
    const port = await listen(http.createServer())
    const { exit, stderr } = await tcpinfo([
      'probe',
      `https://127.0.0.1:${port}/`,
    ])
    expect(exit).toBe(6)
    expect(stderr).toMatch(/: TLS failed: [\w ]+ \(\w+\)\n.*use http:/)
  })
})
