/** Numbers as people read them. What is absent stays absent. */

const orAbsent =
  (format: (value: number) => string) =>
  (value: number | undefined): string | undefined =>
    value === undefined ? undefined : format(value)

export const number = orAbsent((value) => value.toLocaleString('en-US'))

export const size = orAbsent((bytes) => {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let amount = bytes
  let unit = 0
  while (amount >= 1024 && unit < units.length - 1) {
    amount /= 1024
    unit++
  }
  return `${unit === 0 ? Math.round(amount) : amount.toFixed(1)} ${units[unit]}`
})

/** Exact, because the kernel's count and the program's may differ by one. */
export const count = orAbsent((bytes) =>
  bytes < 1024 ? `${number(bytes)}` : `${number(bytes)} (${size(bytes)})`,
)

export const ms = orAbsent((value) => {
  const [amount, unit] = value < 1000 ? [value, 'ms'] : [value / 1000, 's']
  return `${Number(amount.toPrecision(3))} ${unit}`
})

export const us = orAbsent((value) => ms(value / 1000) as string)

export const rate = orAbsent((bytesPerSec) => `${size(bytesPerSec)}/s`)

export function labelled(
  label: string,
  value: string | undefined,
): string | undefined {
  return value === undefined ? undefined : `${label} ${value}`
}

/** Of shares and ratios from 0 to 1. */
export const percent = orAbsent(
  (share) => `${Number((share * 100).toPrecision(2))} %`,
)

const MAX_PRINTED = 1000

/** Of what others wrote, what a terminal shows without obeying it. */
export function printable(text: string): string {
  return text
    .slice(0, MAX_PRINTED)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}
