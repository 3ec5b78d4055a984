/** The recipes for databases and brokers, with real drivers and real servers. */

import { once } from 'node:events'
import type net from 'node:net'
import tls from 'node:tls'
import { type EachMessagePayload, Partitioners } from 'kafkajs'
import { MongoClient } from 'mongodb'
import { describe, expect, test } from 'vitest'
import { certificate, trust } from '../support/certificate.mjs'
import { mongoStandIn } from '../support/mongo-stand-in.js'
import {
  type ServerName,
  serverMissing,
  useServer,
} from '../support/servers.js'
import { titled } from '../witness/needs.js'
import { amqpConnection } from './recipes/amqplib.mjs'
import { everyConnection } from './recipes/every-connection.mjs'
import { redisClient } from './recipes/ioredis.mjs'
import { kafkaClient } from './recipes/kafkajs.mjs'
import { mqttClient } from './recipes/mqtt.mjs'
import { mysqlPool } from './recipes/mysql2.mjs'
import { pgPool } from './recipes/pg.mjs'
import { expectFinals, listener, watched, watchedWayTo } from './watched.js'

const host = '127.0.0.1'
const LENGTH = 300_000
const TEXT = 'x'.repeat(LENGTH)

/** By TLS, which ends before the server. */
const tlsServer = (onPeer: (peer: net.Socket) => void): net.Server =>
  tls.createServer(certificate, onPeer)

const WAYS = [
  ['TCP', undefined, undefined],
  ['TLS', tlsServer, trust],
] as const

/** Tests with a real server, each connection by a way that counts. */
function withServer(
  title: string,
  name: ServerName,
  tests: (serverPort: () => number) => void,
): void {
  const missing = serverMissing(name)
  describe.skipIf(missing)(titled(title, missing), () => tests(useServer(name)))
}

withServer('pg', 'PostgreSQL', (serverPort) => {
  const query = 'SELECT repeat($1, $2) AS text'

  test.each([
    ['TCP', {}],
    ['SSL', { ssl: trust }],
  ])('one query by %s', async (_, options) => {
    const way = await watchedWayTo(serverPort())
    const onTcpInfo = listener()
    const config = { host, port: way.port, user: 'postgres', ...options }
    const pool = pgPool(config, onTcpInfo)
    const { rows } = await pool.query(query, ['x', LENGTH])
    expect(rows).toEqual([{ text: TEXT }])
    await pool.end()
    await expectFinals(onTcpInfo, way, LENGTH)
  })

  test('a pool of several', async () => {
    const way = await watchedWayTo(serverPort())
    const onTcpInfo = listener()
    const config = { host, port: way.port, user: 'postgres', max: 3 }
    const pool = pgPool(config, onTcpInfo)
    const queries = Array.from({ length: 9 }, () =>
      pool.query(query, ['x', LENGTH]),
    )
    await Promise.all(queries)
    await pool.end()
    expect(way.accepted()).toBe(3)
    await expectFinals(onTcpInfo, way, 9 * LENGTH)
  })
})

withServer('mysql2', 'MariaDB', (serverPort) => {
  test.each([
    ['TCP', {}],
    ['SSL', { ssl: { ca: certificate.cert } }],
  ])('two at once by %s', async (_, options) => {
    const way = await watchedWayTo(serverPort())
    const onTcpInfo = listener()
    const pool = mysqlPool({ host, port: way.port, ...options }, onTcpInfo)
    const query = () => pool.query('SELECT REPEAT(?, ?) AS text', ['x', LENGTH])
    const [[rows]] = await Promise.all([query(), query()])
    expect(rows).toEqual([{ text: TEXT }])
    await pool.end()
    expect(way.accepted()).toBe(2)
    await expectFinals(onTcpInfo, way, 2 * LENGTH)
  })
})

withServer('ioredis', 'Redis', (serverPort) => {
  test.each(WAYS)('by %s', async (_, createServer, secure) => {
    const way = await watchedWayTo(serverPort(), createServer)
    const onTcpInfo = listener()
    const options = { host, port: way.port, ...(secure && { tls: secure }) }
    const redis = redisClient(options, onTcpInfo)
    await redis.set('key', TEXT)
    expect(await redis.get('key')).toBe(TEXT)
    await redis.quit()
    await expectFinals(onTcpInfo, way, LENGTH)
  })

  test('one record more for each connection after a loss', async () => {
    const way = await watchedWayTo(serverPort())
    const onTcpInfo = listener()
    const redis = redisClient({ host, port: way.port }, onTcpInfo)
    await redis.ping()
    redis.disconnect(true)
    await once(redis, 'ready')
    await redis.quit()
    expect(way.accepted()).toBe(2)
    await expectFinals(onTcpInfo, way, 0)
  })
})

withServer('mqtt', 'Mosquitto', (serverPort) => {
  test.each(WAYS)('by %s', async (_, createServer, secure) => {
    const way = await watchedWayTo(serverPort(), createServer)
    const onTcpInfo = listener()
    const client = mqttClient(
      { host, port: way.port, ...(secure && { protocol: 'mqtts', ...secure }) },
      onTcpInfo,
    )
    await client.subscribeAsync('topic')
    const message = new Promise((resolve) => {
      client.once('message', (_, payload) => resolve(`${payload}`))
    })
    await client.publishAsync('topic', TEXT)
    expect(await message).toBe(TEXT)
    await client.endAsync()
    await expectFinals(onTcpInfo, way, LENGTH)
  })
})

withServer('amqplib', 'RabbitMQ', (serverPort) => {
  test.each(WAYS)('by %s', async (_, createServer, secure) => {
    const way = await watchedWayTo(serverPort(), createServer)
    const onTcpInfo = listener()
    const url = `${secure ? 'amqps' : 'amqp'}://${host}:${way.port}`
    const connection = await amqpConnection(url, onTcpInfo, secure)
    const channel = await connection.createConfirmChannel()
    const { queue } = await channel.assertQueue('')
    channel.sendToQueue(queue, Buffer.from(TEXT))
    await channel.waitForConfirms()
    const message = await channel.get(queue)
    expect(message && `${message.content}`).toBe(TEXT)
    await connection.close()
    await expectFinals(onTcpInfo, way, LENGTH)
  })
})

withServer('kafkajs', 'Kafka', (serverPort) => {
  test.each(WAYS)('the first broker by %s', async (_, createServer, ssl) => {
    const way = await watchedWayTo(serverPort(), createServer)
    const onTcpInfo = listener()
    const brokers = [`${host}:${way.port}`]
    const kafka = kafkaClient({ brokers, ...(ssl && { ssl }) }, onTcpInfo)
    const admin = kafka.admin()
    await admin.connect()
    await admin.disconnect()
    await expectFinals(onTcpInfo, way, 0)
  })

  // The brokers tell the client where they are, which is not on a way of ours.
  test('a message', async () => {
    const onTcpInfo = listener()
    const brokers = [`${host}:${serverPort()}`]
    const kafka = kafkaClient({ brokers }, onTcpInfo)
    const finals = () => onTcpInfo.mock.calls.map(([info]) => info)

    const producer = kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    await producer.connect()
    await producer.send({ topic: 'test', messages: [{ value: TEXT }] })
    await producer.disconnect()
    await expect.poll(finals).toHaveLength(1)
    expect(finals()[0]).toMatchObject({ trigger: 'close' })
    expect(finals()[0]?.bytesSent).toBeGreaterThan(LENGTH)

    const consumer = kafka.consumer({ groupId: 'test' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'test', fromBeginning: true })
    const message = new Promise((resolve) => {
      const eachMessage = async ({ message: { value } }: EachMessagePayload) =>
        resolve(`${value}`)
      void consumer.run({ eachMessage })
    })
    expect(await message).toBe(TEXT)
    await consumer.disconnect()
    await expect.poll(finals).not.toHaveLength(1)
    const received = finals().map(({ bytesReceived }) => bytesReceived ?? 0)
    expect(Math.max(...received)).toBeGreaterThan(LENGTH)
  })
})

// Debian has no MongoDB. The driver has no option for sockets either.
test('mongodb, with a stand-in for the server', async () => {
  const way = await watched(mongoStandIn())
  const onTcpInfo = listener()
  everyConnection(onTcpInfo)
  const client = new MongoClient(`mongodb://${host}:${way.port}`, {
    directConnection: true,
    serverApi: '1',
  })
  const reply = await client.db('test').command({ echo: TEXT })
  expect(reply.echo).toBe(TEXT)
  await client.close()
  await expectFinals(onTcpInfo, way, LENGTH)
})
