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

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

export const bytes = orAbsent((value) => {
  const power = value < 1024 ? 0 : Math.floor(Math.log2(value) / 10)
  const unit = Math.min(power, UNITS.length - 1)
  return `${short(value / 1024 ** unit)} ${UNITS[unit]}`
})

export const rate = orAbsent((value) => `${bytes(value)}/s`)

export const rtt = orAbsent((us) =>
  us < 1e6 ? `${short(us / 1e3)} ms` : `${short(us / 1e6)} s`,
)

export const percent = orAbsent((ratio) =>
  ratio > 0 && ratio < 0.0001
    ? '<0.01 %'
    : `${Number((ratio * 100).toPrecision(2))} %`,
)

/** Shares of one whole, so rounded that they do not come to more than it. */
export function wholePercents(shares: readonly number[]): number[] {
  // The largest remainders are rounded up.
  const exact = shares.map((share) => share * 100)
  const all = exact.reduce((sum, each) => sum + each, 0)
  const whole = exact.map(Math.floor)
  const left = Math.round(all) - whole.reduce((sum, each) => sum + each, 0)
  const remainder = (index: number) => (exact[index] ?? 0) % 1
  const up = [...shares.keys()]
    .sort((a, b) => remainder(b) - remainder(a))
    .slice(0, left)
  return whole.map((each, index) => each + Number(up.includes(index)))
}

const DAY_S = 86_400
const HOUR_S = 3600
const MINUTE_S = 60

function parts(seconds: number): string[] {
  const amounts = [
    [Math.floor(seconds / DAY_S), 'd'],
    [Math.floor((seconds % DAY_S) / HOUR_S), 'h'],
    [Math.floor((seconds % HOUR_S) / MINUTE_S), 'min'],
    [Number((seconds % MINUTE_S).toFixed(3)), 's'],
  ] as const
  return amounts
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
}

/** A moment on the time axis, exact. */
export const instant = orAbsent((ms) =>
  ms < 1000 ? `${Math.round(ms)} ms` : parts(Math.round(ms) / 1000).join(' '),
)

export const duration = orAbsent((ms) => {
  if (ms < 1000) return instant(ms)
  const seconds = ms / 1000
  return seconds < MINUTE_S
    ? `${short(seconds)} s`
    : parts(Math.round(seconds)).slice(0, 2).join(' ')
})

export const moment = orAbsent((msSinceEpoch) => {
  const date = new Date(msSinceEpoch)
  if (Number.isNaN(date.getTime())) return ABSENT
  return `${date.toISOString().replace('T', ' ').replace('Z', '')} UTC`
})
