/** Numbers for people; what is absent is a dash, never 0. */

const ABSENT = '–'

type Format = (value: number | null | undefined) => string

const orAbsent =
  (format: (value: number) => string): Format =>
  (value) =>
    value === null || value === undefined ? ABSENT : format(value)

/** Three digits are as many as can be compared at a glance. */
const short = (value: number): string =>
  Number(value.toPrecision(3)).toLocaleString('en-US', {
    maximumFractionDigits: 6,
  })

export const text = (value: string | null): string => value ?? ABSENT

export const count = orAbsent((value) => value.toLocaleString('en-US'))

export const plural = (value: number, unit: string): string =>
  `${count(value)} ${value === 1 ? unit.replace(/s$/, '') : unit}`

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

export const bytes = orAbsent((value) => {
  const power = value < 1000 ? 0 : Math.floor(Math.log10(value) / 3)
  const unit = Math.min(power, UNITS.length - 1)
  return `${short(value / 1000 ** unit)} ${UNITS[unit]}`
})

export const rate = orAbsent((value) => `${bytes(value)}/s`)

export const rtt = orAbsent((us) =>
  us < 1e6 ? `${short(us / 1e3)} ms` : `${short(us / 1e6)} s`,
)

export const percent = orAbsent((ratio) =>
  ratio > 0 && ratio < 0.0001 ? '<0.01 %' : `${short(ratio * 100)} %`,
)

/** A duration, or a moment on the time axis. */
export const time = orAbsent((ms) => {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(2))} s`
  const seconds = Math.round(ms / 1000)
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([amount]) => amount > 0)
  return parts
    .slice(first, first + 2)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
})

export const moment = orAbsent((msSinceEpoch) => {
  const date = new Date(msSinceEpoch)
  if (Number.isNaN(date.getTime())) return ABSENT
  return `${date.toISOString().replace('T', ' ').replace('Z', '')} UTC`
})
