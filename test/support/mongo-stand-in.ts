/**
 * Stands in for a MongoDB server, which Debian does not have: no database, but what
 * the driver needs for a command, in MongoDB's wire protocol (OP_MSG). `echo` comes
 * back.
 */

import net from 'node:net'
import { BSON } from 'mongodb'

const OP_MSG = 2013
const HEADER = 16
/** Flags, and the kind of the only section: a document. */
const BEFORE_DOCUMENT = 5

const ABOUT_US = {
  helloOk: true,
  isWritablePrimary: true,
  minWireVersion: 0,
  maxWireVersion: 21,
  maxBsonObjectSize: 16 << 20,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
}

function answerTo(message: Buffer): Buffer {
  const start = HEADER + BEFORE_DOCUMENT
  const { echo } = BSON.deserialize(message.subarray(start))
  const document = BSON.serialize({ ...ABOUT_US, ok: 1, echo })
  const header = Buffer.alloc(start)
  header.writeInt32LE(start + document.length, 0)
  header.writeInt32LE(message.readInt32LE(4), 8)
  header.writeInt32LE(OP_MSG, 12)
  return Buffer.concat([header, document])
}

export function mongoStandIn(): net.Server {
  return net.createServer((peer) => {
    let unread = Buffer.alloc(0)
    peer.on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk])
      while (unread.length >= HEADER) {
        const length = unread.readInt32LE(0)
        if (unread.length < length) break
        peer.write(answerTo(unread.subarray(0, length)))
        unread = unread.subarray(length)
      }
    })
  })
}
