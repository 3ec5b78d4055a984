import type net from 'node:net'
import type { TcpInfo } from '../../lib/tcp-info.js'

/** A record as JSON carries it; what is absent may be missing. */
export interface Plain {
  readonly record: TcpInfo
  readonly raw: Readonly<Record<string, number>>
}

/** What a witness said, and our record just before and just after. */
export interface Testimony<T> {
  readonly before: Plain
  readonly said: T
  readonly after: Plain
}

/** What ss(8) prints of one end of a connection. */
export interface SsAnswer {
  readonly line: string
  /** Name of the congestion control, which ss prints bare. */
  readonly congestion: string
}

export function plain(info: TcpInfo): Plain
export function runSs(options: string, filter: string): string
export function askSs(end: TcpInfo): SsAnswer
export function askProgram(program: string, descriptor: number): unknown
export function descriptorOf(socket: net.Socket | net.Server): number
export function witness<T>(
  read: () => TcpInfo,
  ask: (end: TcpInfo) => T,
): Promise<Testimony<T>>
export function until(what: string, isSo: () => boolean): Promise<void>
