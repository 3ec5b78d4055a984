import { isIPv4, SocketAddress } from 'node:net'
import { binding } from './binding.js'
import { BytePool, type Slab } from './byte-pool.js'
import type { StreamHandle } from './handle.js'

/** sizeof(Endpoint) in native/tcp_info.h. */
const ENDPOINT_BYTES = 24
const LOCAL = 1
const REMOTE = 2

export interface Addresses {
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
}

/** Whom a socket was told to connect to. */
export interface Peer {
  readonly address: string
  readonly port: number
}

/** The kernel connects to loopback instead of these. */
const UNSPECIFIED = ['0.0.0.0', '::', '::ffff:0.0.0.0']

/** A peer by the address that connect() was given, spelt as the kernel does. */
export function peerOf(address: string, port: number): Peer | undefined {
  const spelt = isIPv4(address) ? address : spell(address)
  return spelt === undefined || UNSPECIFIED.includes(spelt)
    ? undefined
    : { address: spelt, port }
}

function spell(address: string): string | undefined {
  try {
    // SocketAddress drops the zone.
    if (address.includes('%')) return address
    return new SocketAddress({ address, family: 'ipv6' }).address
  } catch {
    return undefined // anybody can emit 'connectionAttempt', with anything
  }
}

const UNKNOWN: Addresses = {
  localAddress: undefined,
  localPort: undefined,
  remoteAddress: undefined,
  remotePort: undefined,
}

// Apart from the records' pool: addresses live as long as their connection, and
// would keep a slab each alive there.
const pool = new BytePool()

const byHandle = new WeakMap<StreamHandle, Endpoints>()

/** The two addresses of a connection, made into text when asked for. */
export class Endpoints {
  static readonly unknown = new Endpoints(pool, false, undefined, UNKNOWN)

  readonly #slab: Slab
  readonly #at: number
  readonly #peer: Peer | undefined
  #addresses: Addresses | undefined

  constructor(
    { slab, at }: BytePool,
    readonly hasRemote: boolean,
    peer?: Peer,
    addresses?: Addresses,
  ) {
    this.#slab = slab
    this.#at = at
    this.#peer = peer
    this.#addresses = addresses
  }

  get addresses(): Addresses {
    this.#addresses ??= {
      localAddress: this.#address(0),
      localPort: this.#port(0),
      remoteAddress: this.#peer?.address ?? this.#address(ENDPOINT_BYTES),
      remotePort: this.#peer?.port ?? this.#port(ENDPOINT_BYTES),
    }
    return this.#addresses
  }

  #address(offset: number): string | undefined {
    return binding?.formatAddress(this.#slab.bytes, this.#at + offset)
  }

  #port(offset: number): number | undefined {
    const first = this.#slab.words[(this.#at + offset) >> 2] as number
    const family = first & 0xffff
    return family === 0 ? undefined : first >>> 16
  }
}

/**
 * Both addresses of a socket, as they are now; the local one alone where the peer
 * is known already.
 */
export function readEndpoints(descriptor: number, peer?: Peer): Endpoints {
  if (!binding || !hasRoom()) return Endpoints.unknown
  const wanted = peer ? LOCAL : LOCAL | REMOTE
  const { slab, at } = pool
  const found = binding.readEndpoints(descriptor, slab.bytes, at, wanted)
  if (found < 0 && !peer) return Endpoints.unknown
  // Where the system refused, a peer that is known is still told, but the next read
  // asks again.
  const hasRemote = found >= 0 && (peer !== undefined || (found & REMOTE) !== 0)
  const endpoints = new Endpoints(pool, hasRemote, peer)
  pool.keep(2 * ENDPOINT_BYTES)
  return endpoints
}

function hasRoom(): boolean {
  try {
    pool.reserve(2 * ENDPOINT_BYTES)
    return true
  } catch {
    return false // the process is out of memory
  }
}

/**
 * The addresses of a connection that nobody instrumented, remembered from the
 * first read on: after a reset the kernel no longer tells whom the socket had
 * been connected to.
 */
export function endpointsOf(
  handle: StreamHandle,
  descriptor: number,
): Endpoints {
  const known = byHandle.get(handle)
  if (known) return known
  const endpoints = readEndpoints(descriptor)
  // Without a peer the local address may still change.
  if (endpoints.hasRemote) byHandle.set(handle, endpoints)
  return endpoints
}
