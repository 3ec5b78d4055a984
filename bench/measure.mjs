// Interleaved measurement: every variant once a round, in turn, so that a slow
// moment of the machine hits all alike; medians over the rounds, and each
// variant's ratio to the first, pair by pair.

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2
}

/**
 * @param variants name -> (async) function that returns one figure
 * @returns rows of { name, median, ratio, low, high }; low and high are the
 *   quartiles of the ratio
 */
export async function interleave(variants, { rounds, warmups = 2 }) {
  const figures = new Map(Object.keys(variants).map((name) => [name, []]))
  const names = Object.keys(variants)
  for (let round = -warmups; round < rounds; round++) {
    // Another order each round: who comes first must not matter.
    const shift = (round + warmups) % names.length
    for (const name of [...names.slice(shift), ...names.slice(0, shift)]) {
      const figure = await variants[name]()
      if (round >= 0) figures.get(name).push(figure)
    }
  }
  const base = figures.get(names[0])
  return names.map((name) => {
    const own = figures.get(name)
    const ratios = own.map((figure, i) => figure / base[i])
    const sorted = [...ratios].sort((a, b) => a - b)
    return {
      name,
      median: median(own),
      ratio: median(ratios),
      low: sorted[Math.floor(sorted.length / 4)],
      high: sorted[Math.floor((sorted.length * 3) / 4)],
    }
  })
}

/** Prints the rows; `goals` are limits of the ratio, such as { us: '<= 1.75' }. */
export function report(title, unit, rows, goals = {}) {
  console.log(`\n${title}`)
  const width = Math.max(...rows.map(({ name }) => name.length))
  for (const { name, median, ratio, low, high } of rows) {
    const goal = goals[name]
    const [, sign, limit] = /(<=|>=) ([\d.]+)/.exec(goal ?? '') ?? []
    const holds = sign === '<=' ? ratio <= limit : ratio >= limit
    console.log(
      `  ${name.padEnd(width)}  ${median.toFixed(1).padStart(10)} ${unit}` +
        `  x ${ratio.toFixed(3)}  (${low.toFixed(3)} to ${high.toFixed(3)})` +
        (goal ? `  goal ${goal}: ${holds ? 'holds' : 'MISSED'}` : ''),
    )
  }
}
