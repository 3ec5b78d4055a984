/** Looks at what callers give. */

import { ownOptions, TcpInfoError } from './errors.js'

export function argumentError(message: string): TcpInfoError {
  return new TcpInfoError({ code: 'ERR_TCP_INFO_ARGUMENT', message })
}

/** A number within bounds, or an error that names what it was given for. */
export function inRange(
  name: string,
  value: unknown,
  least: number,
  most = Infinity,
  kind: 'option' | 'argument' = 'option',
): number {
  if (typeof value === 'number' && value >= least && value <= most) return value
  const bounds =
    most >= Number.MAX_VALUE ? `${least} or more` : `${least} to ${most}`
  throw argumentError(
    `The ${kind} ${name} must be a number, ${bounds}, and was ${shown(value)}.`,
  )
}

/** How many of something: a whole number, or Infinity for no limit. */
export function countFrom(name: string, value: unknown, least: number): number {
  const isCount = Number.isInteger(value) || value === Infinity
  if (isCount && (value as number) >= least) return value as number
  throw argumentError(
    `The option ${name} must be a whole number, ${least} or more, and was ${shown(value)}.`,
  )
}

/** An object's own options, or an error that says what it was. */
export function optionsIn<T extends object>(options: T, name = 'options'): T {
  if (typeof options === 'object' && options !== null)
    return ownOptions(options)
  throw argumentError(`The ${name} must be an object, not ${shown(options)}.`)
}

/** (Not everything has a text.) */
export function shown(value: unknown): string {
  return typeof value === 'number' || value === null
    ? String(value)
    : `of type ${typeof value}`
}
