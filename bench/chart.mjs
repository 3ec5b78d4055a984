// The chart of docs/performance.md: bars of the figures that matter most, in one
// SVG without scripts or fonts of its own. It brings its background along, since
// whoever shows it may be dark when the page is light.

import { format } from './measure.mjs'

const [WIDTH, MARGIN, LABELS, VALUES] = [760, 20, 290, 80]
const [ROW, BAR] = [22, 13]
const BARS = WIDTH - 2 * MARGIN - LABELS - VALUES
/** What is longer is cut off. */
const MOST_TIMES_THE_BASE = 6

const OURS =
  /tcpinfo|readTcp|TcpInfoSocket|sample\(\)|the addon|ours|^HttpAgent/i
const RIVALS = /^Go|koffi|sockopt/

/**
 * What is shown: of the tables whose titles match, with this caption; ratios where
 * `labelOf` says how their bars are called.
 */
const PANELS = [
  {
    part: 'read',
    title: /^One read, among rivals$/,
    caption: 'One read of one connection, ns (less is better)',
  },
  {
    part: 'read',
    title: /^One read of each/,
    caption:
      'One read of each of 1,000 connections, ns of CPU time a connection (less is better)',
  },
  {
    part: 'all',
    title: /connections once/,
    caption: 'All connections of a process once, ms (less is better)',
  },
  {
    part: 'overhead',
    title: /Node and Go$/,
    caption: 'Throughput that is left, beside the plain one (more is better)',
    labelOf: (title, name) => `${title.split(', ')[0]}: ${name}`,
  },
  {
    part: 'register',
    title: /./,
    caption:
      'A web server with the preload, beside itself without (more is better)',
    labelOf: (title) => title.split(', ')[1],
  },
]

const escaped = (text) =>
  text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`)

const kindOf = (name) =>
  OURS.test(name) && !RIVALS.test(name) ? 'ours' : 'other'

function rowsOf({ part, title, labelOf }, results) {
  const tables = (results[part]?.reported ?? []).filter(
    (each) => each.rows && title.test(each.title),
  )
  return tables.flatMap(({ title, rows }) => {
    const [base] = rows
    if (!labelOf) {
      const most = base.median * MOST_TIMES_THE_BASE
      return rows.map(({ name, median }) => ({
        name,
        kind: kindOf(name),
        size: Math.min(median, most),
        isCut: median > most,
        value: format(median),
      }))
    }
    return rows
      .filter(({ ratio, low }) => ratio !== 1 || low !== 1)
      .map(({ name, ratio, low, high }) => ({
        name: labelOf(title, name),
        kind: kindOf(name),
        size: ratio,
        range: [low, high],
        value: ratio.toFixed(3),
      }))
  })
}

function drawRow(row, y, scale) {
  const x = MARGIN + LABELS
  const end = x + row.size * scale
  const middle = y + BAR / 2
  const parts = [
    `<text x="${x - 8}" y="${middle}" class="label">${escaped(row.name)}</text>`,
    `<rect x="${x}" y="${y}" width="${(end - x).toFixed(1)}" height="${BAR}" rx="2" class="${row.kind}"/>`,
  ]
  if (row.isCut) {
    parts.push(
      `<path d="M${end - 14} ${y - 2}l6 ${BAR + 4}M${end - 9} ${y - 2}l6 ${BAR + 4}" class="cut"/>`,
    )
  }
  let textX = end
  if (row.range) {
    const [low, high] = row.range.map((ratio) => x + ratio * scale)
    textX = Math.max(end, high)
    parts.push(
      `<path d="M${low.toFixed(1)} ${middle}H${high.toFixed(1)}m0 -3v6M${low.toFixed(1)} ${middle - 3}v6" class="range"/>`,
    )
  }
  parts.push(
    `<text x="${(textX + 6).toFixed(1)}" y="${middle}" class="value">${row.value}</text>`,
  )
  return parts.join('')
}

const STYLE = `
text{font:12px system-ui,sans-serif;fill:#1f2328;dominant-baseline:central}
.title{font-weight:600;font-size:13px}.label{text-anchor:end}
.page{fill:#fff}.ours{fill:#0a69da}.other{fill:#9aa4af}
.range{stroke:#1f2328;fill:none}.cut{stroke:#fff;stroke-width:2;fill:none}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}
.ours{fill:#4493f8}.other{fill:#6e7681}.range{stroke:#e6edf3}.cut{stroke:#0d1117}}`

export function drawChart(results) {
  const parts = []
  let y = MARGIN
  for (const panel of PANELS) {
    const rows = rowsOf(panel, results)
    if (rows.length === 0) continue
    const longest = Math.max(
      ...rows.map(({ size, range }) => Math.max(size, range?.[1] ?? 0)),
    )
    parts.push(
      `<text x="${MARGIN}" y="${y + 6}" class="title">${escaped(panel.caption)}</text>`,
    )
    y += ROW + 4
    for (const row of rows) {
      parts.push(drawRow(row, y, BARS / longest))
      y += ROW
    }
    y += ROW
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-label="The figures of docs/performance.md as bars">`,
    `<style>${STYLE}</style>`,
    `<rect width="${WIDTH}" height="${y}" rx="6" class="page"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}
