// Interleaved measurement: every variant once a round, in turn, so that a slow
// moment of the machine hits all alike; medians over the rounds, and each
// variant's ratio to the first, pair by pair. What is reported is printed, and
// kept for the page when run.mjs says so.

import { appendFileSync } from 'node:fs'

export function median(values) {
  return quantile(values, 1 / 2)
}

function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * part
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return below + (above - below) * (at % 1)
}

function shuffled(values) {
  const order = values.map((value) => ({ value, key: Math.random() }))
  return order.sort((a, b) => a.key - b.key).map(({ value }) => value)
}

/** What each variant returned, once for each round: name -> array. */
export async function collect(variants, { rounds, warmups = 2 }) {
  const names = Object.keys(variants)
  const figures = Object.fromEntries(names.map((name) => [name, []]))
  for (let round = -warmups; round < rounds; round++) {
    // Another order each round: who comes before whom must not matter.
    for (const name of shuffled(names)) {
      const figure = await variants[name]()
      if (round >= 0) figures[name].push(figure)
    }
  }
  return figures
}

/** One of several figures that the variants returned as members of an object. */
export const pick = (collected, member) =>
  Object.fromEntries(
    Object.entries(collected).map(([name, figures]) => [
      name,
      figures.map((each) => each[member]),
    ]),
  )

/** Rows; the base of each is the one that `bases` names for it, else the first. */
export function compare(figures, bases = {}) {
  const [first] = Object.keys(figures)
  return Object.entries(figures).map(([name, own]) => {
    const base = figures[bases[name] ?? first]
    const ratios = own.map((figure, i) => figure / base[i])
    return {
      name,
      figures: own,
      median: median(own),
      ratio: median(ratios),
      low: quantile(ratios, 1 / 4),
      high: quantile(ratios, 3 / 4),
      over: median(own.map((figure, i) => figure - base[i])),
    }
  })
}

/**
 * @param variants name -> (async) function that returns one figure
 * @returns rows of { name, median, ratio, low, high, over }; low and high are the
 *   quartiles of the ratio, `over` is the difference
 */
export async function interleave(variants, how) {
  return compare(await collect(variants, how))
}

/** Adds to what run.mjs collects for the page. */
function keep(result) {
  const file = process.env.BENCH_RESULTS
  if (file) appendFileSync(file, `${JSON.stringify(result)}\n`)
}

/** Says that something can't be had on this machine. */
export function skip(what, why) {
  console.log(`skipped  ${what}: ${why}`)
  keep({ skipped: what, why })
}

/** Three digits or more. */
export function format(figure) {
  if (!Number.isFinite(figure)) return '–'
  const size = Math.abs(figure)
  const maximumFractionDigits = size < 10 ? 2 : size < 100 ? 1 : 0
  return figure.toLocaleString('en', { maximumFractionDigits })
}

/**
 * A goal is a limit of the ratio, such as '<= 1.6'; of the ratio to another row
 * than the first, '< 1 of koffi'; of what comes on top of the first, '< +5'; or of
 * the figure itself, '< 1.5 absolute'.
 */
function judge(goal, row, rows) {
  const [, sign, plus, number, other, absolute] =
    /^(<=|>=|<) (\+?)([\d.]+)(?: of (.+)| (absolute))?$/.exec(goal) ?? []
  if (!sign) throw new Error(`not a goal: ${goal}`)
  const limit = Number(number)
  const of = rows.find(({ name }) => name === other)
  if (other && !of) return { goal, figure: undefined, holds: undefined }
  const figure = plus
    ? row.over
    : absolute
      ? row.median
      : of
        ? median(row.figures.map((own, i) => own / of.figures[i]))
        : row.ratio
  const holds =
    sign === '>='
      ? figure >= limit
      : sign === '<'
        ? figure < limit
        : figure <= limit
  return { goal, figure, holds }
}

/** What a goal says, and what became of it: for readers. */
export function tell({ goal, figure, holds }, unit) {
  const text = goal
    .replace(/^< 1 of /, 'below ')
    .replace('<=', '≤')
    .replace('>=', '≥')
    .replace(' absolute', '')
  const plus = goal.includes('+') ? '+' : ''
  const hasUnit = plus || goal.endsWith(' absolute')
  if (holds === undefined)
    return { goal: text, figure: '–', holds: 'not measured' }
  return {
    goal: hasUnit ? `${text} ${unit}` : text,
    figure: hasUnit
      ? `${plus}${format(figure)} ${unit}`
      : Number.isFinite(figure)
        ? figure.toFixed(3)
        : '–',
    holds: holds ? 'holds' : 'missed',
  }
}

/** Prints the rows; `goals` has one or more for the name of a row. */
export function report(title, unit, rows, goals = {}) {
  const judged = rows.map((row) => ({
    ...row,
    goals: [goals[row.name] ?? []].flat().map((goal) => judge(goal, row, rows)),
  }))
  keep({
    title,
    unit,
    // Without the single rounds.
    rows: judged.map(({ figures, ...row }) => row),
  })
  console.log(`\n${title}`)
  const width = Math.max(...rows.map(({ name }) => name.length))
  for (const { name, median, ratio, low, high, goals } of judged) {
    console.log(
      `  ${name.padEnd(width)}  ${format(median).padStart(10)} ${unit}` +
        `  x ${ratio.toFixed(3)}  (${low.toFixed(3)} to ${high.toFixed(3)})` +
        goals
          .map((goal) => tell(goal, unit))
          .map(
            ({ goal, figure, holds }) =>
              `\n      goal ${goal}: ${figure}, ${holds}`,
          )
          .join(''),
    )
  }
}
