import { binding } from './binding.js'
import { BytePool, type Room } from './byte-pool.js'
import type { StreamHandle } from './handle.js'

/** sizeof(Endpoint) in native/tcp_info.h. */
const ENDPOINT_BYTES = 24
const HAS_REMOTE = 2

// Apart from the records' pool: addresses live as long as their connection, and
// would keep a slab each alive there.
const pool = new BytePool()

const byHandle = new WeakMap<StreamHandle, Endpoints>()

/** The two addresses of a connection, made into text when asked for. */
export class Endpoints {
  readonly #room: Room
  #local: string | undefined | null = null
  #remote: string | undefined | null = null

  constructor(room: Room) {
    this.#room = { bytes: room.bytes, words: room.words, at: room.at }
  }

  get localAddress(): string | undefined {
    if (this.#local === null) this.#local = this.#text(0)
    return this.#local
  }

  get localPort(): number | undefined {
    return this.#port(0)
  }

  get remoteAddress(): string | undefined {
    if (this.#remote === null) this.#remote = this.#text(ENDPOINT_BYTES)
    return this.#remote
  }

  get remotePort(): number | undefined {
    return this.#port(ENDPOINT_BYTES)
  }

  #text(offset: number): string | undefined {
    return binding?.formatAddress(this.#room.bytes, this.#room.at + offset)
  }

  #port(offset: number): number | undefined {
    const first = this.#room.words[(this.#room.at + offset) >> 2] as number
    const family = first & 0xffff
    return family === 0 ? undefined : first >>> 16
  }
}

/**
 * The addresses of the connection behind a handle. They are read as early as
 * possible and remembered, because after a reset the kernel no longer tells
 * whom the socket had been connected to.
 */
export function endpointsOf(
  handle: StreamHandle,
  descriptor: number,
): Endpoints | undefined {
  const known = byHandle.get(handle)
  if (known || !binding) return known
  pool.reserve(2 * ENDPOINT_BYTES)
  const found = binding.readEndpoints(descriptor, pool.bytes, pool.at)
  if (found < 0) return undefined
  const endpoints = new Endpoints(pool)
  pool.keep(2 * ENDPOINT_BYTES)
  // Without a peer the local address may still change.
  if (found & HAS_REMOTE) byHandle.set(handle, endpoints)
  return endpoints
}
