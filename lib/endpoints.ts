import { isIPv4, SocketAddress } from 'node:net'
import { binding } from './binding.js'
import { BytePool, type Slab } from './byte-pool.js'
import type { StreamHandle } from './handle.js'

/** sizeof(Endpoint) in native/tcp_info.h. */
const ENDPOINT_BYTES = 24
const LOCAL = 1
const BOTH = 3

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

/**
 * Whom a connection failed to reach. (Of one that could not even be tried, for want
 * of a route say, the kernel knows no peer.)
 */
export function peerOfError(error: unknown): Peer | undefined {
  try {
    const { errors, syscall, address, port } = error as Partial<
      AggregateError & NodeJS.ErrnoException & Peer
    >
    if (errors) return peerOfError(errors.at(-1))
    const isKnown =
      syscall === 'connect' &&
      typeof address === 'string' &&
      typeof port === 'number'
    return isKnown ? peerOf(address, port) : undefined
  } catch {
    return undefined // anything can be thrown at a socket
  }
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
    /** Else the next read asks again. */
    readonly areKnown: boolean,
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
      remoteAddress: this.#address(ENDPOINT_BYTES) ?? this.#peer?.address,
      remotePort: this.#port(ENDPOINT_BYTES) ?? this.#peer?.port,
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

/** Both addresses of a socket; `peer` is told where the system knows none. */
export function readEndpoints(descriptor: number, peer?: Peer): Endpoints {
  if (!binding || !hasRoom()) return Endpoints.unknown
  const { slab, at } = pool
  const found = binding.readEndpoints(descriptor, slab.bytes, at)
  if (found < 0 && !peer) return Endpoints.unknown
  const endpoints = new Endpoints(
    pool,
    found === BOTH || (found === LOCAL && peer !== undefined),
    peer,
  )
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

let keeps: boolean | undefined

/**
 * Whether the kernel tells of a connection that is over whom it was with, so that
 * nobody has to ask before. Linux does; others, and emulators of Linux, do not.
 */
export function keepsPeer(): boolean {
  if (keeps === undefined) {
    const answer = binding?.keepsPeer() ?? 0
    if (answer < 0) return false // for want of a descriptor, perhaps
    keeps = answer === 1
  }
  return keeps
}

/** The addresses of a connection that nobody instrumented, read only once. */
export function endpointsOf(
  handle: StreamHandle,
  descriptor: number,
): Endpoints {
  const known = byHandle.get(handle)
  if (known) return known
  const endpoints = readEndpoints(descriptor)
  // Without a peer the local address may still change.
  if (endpoints.areKnown) byHandle.set(handle, endpoints)
  return endpoints
}
