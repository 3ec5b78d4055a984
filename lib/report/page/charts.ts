/** The charts of one connection, one below the other on one time axis. */

import uPlot from 'uplot'
import type { Connection, SeriesName } from './data.js'
import { button, element } from './dom.js'
import { bytes, count, instant, plural, rate, rtt } from './format.js'

interface Line {
  readonly name: SeriesName
  readonly label: string
  /** Colour and dashes, named in page.css. */
  readonly look: 'first' | 'second' | 'third' | 'bars'
  /** The scale need not reach it: it would press the other lines flat. */
  readonly mayLeave?: boolean
}

interface Chart {
  readonly title: string
  readonly format: (value: number | null | undefined) => string
  /** Lines between samples, or levels that hold for the interval before one. */
  readonly of: 'samples' | 'intervals'
  /** Between ticks; where there are none, as uPlot has them. */
  readonly steps?: readonly number[]
  readonly lines: readonly Line[]
}

export function chartsOf(connection: Connection): readonly Chart[] {
  const { outIs, inIs, retransmitUnit, series } = connection
  // Who only receives has no round trip of its own but that of the handshake.
  const isReceiver = (connection.bytesIn ?? 0) > (connection.bytesOut ?? 0)
  const received: Line[] =
    isReceiver && series.rcvRttUs
      ? [
          {
            name: 'rcvRttUs',
            label: 'as the receiver estimates it',
            look: 'third',
          },
        ]
      : []
  const isWithoutLoss = series.retransmitted?.every((each) => !each)
  const charts: Chart[] = [
    {
      title: 'Round-trip time',
      format: rtt,
      of: 'samples',
      lines: [
        { name: 'rttUs', label: 'smoothed', look: 'first' },
        { name: 'minRttUs', label: 'smallest', look: 'second' },
        ...received,
      ],
    },
    {
      title: 'Windows and bytes in flight',
      format: bytes,
      steps: POWERS_OF_TWO,
      of: 'samples',
      lines: [
        { name: 'cwndBytes', label: 'congestion window', look: 'first' },
        { name: 'bytesInFlight', label: 'in flight', look: 'second' },
        {
          name: 'sndWndBytes',
          label: "peer's window",
          look: 'third',
          mayLeave: true,
        },
      ],
    },
    {
      title: 'Throughput',
      format: rate,
      steps: POWERS_OF_TWO,
      of: 'intervals',
      lines: [
        { name: 'bytesOutPerSec', label: outIs, look: 'first' },
        { name: 'bytesInPerSec', label: inIs, look: 'second' },
      ],
    },
    {
      title: `Retransmissions, ${retransmitUnit} per interval`,
      ...(retransmitUnit === 'bytes'
        ? { format: bytes, steps: POWERS_OF_TWO }
        : { format: count, steps: WHOLE }),
      of: 'intervals',
      lines: [{ name: 'retransmitted', label: 'retransmitted', look: 'bars' }],
    },
  ]
  return isWithoutLoss ? charts.slice(0, -1) : charts
}

const HEIGHT = 148
const DASHES = { first: [], second: [6, 3], third: [2, 3], bars: [] }
const FONT = '12px system-ui, sans-serif'
const WHOLE = [1, 2, 5]
  .flatMap((each) => [each, each * 1e1, each * 1e2])
  .concat(1e3, 1e4, 1e5, 1e6)
  .sort((a, b) => a - b)
const POWERS_OF_TWO = Array.from({ length: 66 }, (_, power) => 2 ** power)
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const TIME_STEPS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 20, 30].map((each) => each * SECOND),
  ...[1, 2, 5, 10, 20, 30].map((each) => each * MINUTE),
  ...[1, 2, 3, 6, 12, 24, 48, 96, 240].map((each) => each * HOUR),
]

/** At the largest zoom there are so many samples to the width. */
const FEWEST = 4

export interface Charts {
  readonly root: HTMLElement
  /** Moves the cursor to this sample in all charts. */
  readonly moveTo: (index: number) => void
  readonly destroy: () => void
}

export function drawCharts(connection: Connection): Charts {
  const { timesMs, series, isStartKnown, losses, gaps } = connection
  const last = timesMs.length - 1
  const endMs = timesMs[last] ?? 0
  const atMs = (index: number): number => timesMs[index] ?? 0
  const startMs = (index: number): number =>
    index > 0 ? atMs(index - 1) : isStartKnown ? 0 : atMs(0)
  const charts = chartsOf(connection)
    .map((chart) => ({
      ...chart,
      lines: chart.lines.filter(({ name }) => series[name]),
    }))
    .filter(({ lines }) => lines.length > 0)

  const all: readonly [number, number] = [startMs(0), endMs]
  let view = all
  let index: number | undefined
  /** While we place the cursor ourselves. */
  let isPlacing = false

  const readout = element(
    'p',
    { class: 'readout', 'aria-live': 'polite', 'aria-atomic': 'true' },
    HINT,
  )
  const whole = button('Show all', () => zoom(all))
  whole.hidden = true
  const bar = element('div', { class: 'bar' }, readout, whole)
  const plots: { plot: uPlot; slider: HTMLElement }[] = []
  const showing: (() => void)[] = []
  const figures = charts.map((chart) => {
    const values = chart.lines.map(() => element('span', { class: 'value' }))
    showing.push(() => {
      chart.lines.forEach(({ name }, line) => {
        const value = values[line] as HTMLElement
        value.textContent =
          index === undefined ? '' : chart.format(series[name]?.[index])
      })
    })
    const slider = element('div', {
      class: 'chart',
      role: 'slider',
      tabindex: '0',
      'aria-label': `${chart.title}, over time`,
      'aria-valuemin': '0',
      'aria-valuemax': String(endMs),
      'aria-valuenow': '0',
      'aria-valuetext': instant(0),
      'aria-describedby': 'keys',
    })
    slider.addEventListener('keydown', onKey)
    return { chart, values, slider }
  })

  const root = element(
    'div',
    { class: 'charts' },
    bar,
    ...figures.map(({ chart, values, slider }) => {
      const far = beyond(chart)
      return element(
        'figure',
        {},
        element(
          'figcaption',
          {},
          element('h3', {}, chart.title),
          element(
            'ul',
            { class: 'legend' },
            ...chart.lines.map(({ label, look, mayLeave }, line) =>
              element(
                'li',
                {},
                element('span', { class: `swatch ${look}` }),
                label,
                values[line] as HTMLElement,
                mayLeave && far !== undefined
                  ? element(
                      'small',
                      {},
                      ` (leaves the chart, up to ${chart.format(far)})`,
                    )
                  : null,
              ),
            ),
          ),
        ),
        slider,
      )
    }),
  )

  function largest(lines: readonly Line[]): number {
    return lines
      .flatMap(({ name }) => series[name] ?? [])
      .reduce<number>((most, each) => Math.max(most, each ?? 0), 0)
  }

  /** How far a line goes that leaves the chart, if one does. */
  function beyond({ lines }: Chart): number | undefined {
    const far = largest(lines.filter(({ mayLeave }) => mayLeave))
    const near = largest(lines.filter(({ mayLeave }) => !mayLeave))
    return near > 0 && far > 2 * near ? far : undefined
  }

  function rangeOf({ lines, steps }: Chart): uPlot.Range.Function {
    const far = largest(lines.filter(({ mayLeave }) => mayLeave))
    return (_, __, most) => {
      const near = most ?? 0
      const top = near > 0 ? Math.max(near, Math.min(far, 2 * near)) : far
      return [0, top > 0 ? top * (steps === WHOLE ? 1.2 : 1.08) : 1]
    }
  }

  function optionsOf(chart: Chart, isLast: boolean): uPlot.Options {
    const isNarrow = root.clientWidth < 500
    const axis: uPlot.Axis = {
      stroke: () => color('muted'),
      font: FONT,
      grid: { stroke: () => color('line'), width: 1 },
      ticks: { show: false },
    }
    return {
      width: root.clientWidth,
      height: HEIGHT + (isLast ? 20 : 0),
      padding: [10, 14, 0, 0],
      legend: { show: false },
      scales: {
        x: {
          time: false,
          min: view[0],
          max: view[1],
          range: (_, min, max) => [min, max],
        },
        y: { range: rangeOf(chart) },
      },
      axes: [
        {
          ...axis,
          size: isLast ? 30 : 10,
          space: 84,
          incrs: TIME_STEPS,
          values: isLast
            ? (_, splits) => splits.map((ms) => (ms === 0 ? '0' : instant(ms)))
            : (_, splits) => splits.map(() => ''),
        },
        {
          ...axis,
          size: isNarrow ? 62 : 76,
          space: 28,
          ...(chart.steps && { incrs: [...chart.steps] }),
          values: (_, splits) => splits.map((value) => chart.format(value)),
        },
      ],
      series: [{}, ...chart.lines.map((line) => lineOf(chart, line))],
      cursor: {
        y: false,
        move: (plot, left, top) =>
          left < 0
            ? [left, top]
            : [plot.valToPos(atMs(plot.posToIdx(left)), 'x'), top],
        drag: { x: true, y: false, setScale: false },
        bind: {
          dblclick: () => () => {
            zoom(all)
            return null
          },
          // The cursor stays where it was, for the keyboard to go on from there.
          mouseleave: () => null,
        },
      },
      hooks: {
        drawClear: [drawLosses],
        setCursor: [
          (plot) => {
            const { idx } = plot.cursor
            if (!isPlacing && typeof idx === 'number') show(idx)
          },
        ],
        setSelect: [
          (plot) => {
            const { left, width } = plot.select
            if (width < 3) return
            const ends = [left, left + width] as const
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
            const [from, to] = ends.map((each) => plot.posToVal(each, 'x'))
            zoom([from as number, to as number])
          },
        ],
      },
    }
  }

  function lineOf({ of }: Chart, { look, mayLeave }: Line): uPlot.Series {
    const isBars = look === 'bars'
    return {
      stroke: () => color(look),
      width: isBars ? 1 : 2,
      dash: DASHES[look],
      auto: !mayLeave,
      points: { show: false },
      ...(isBars && { fill: () => color(look) }),
      ...(of === 'intervals'
        ? { paths: isBars ? drawBars : drawLevels }
        : { gaps: addGaps }),
    }
  }

  /** Where samples are missing nothing is known: no line is drawn. */
  function addGaps(
    plot: uPlot,
    _: number,
    from: number,
    to: number,
    nulls: uPlot.Series.Gaps,
  ): uPlot.Series.Gaps {
    const missing = gaps
      .filter((each) => each > from && each <= to)
      .map(
        (each): uPlot.Series.Gap => [
          plot.valToPos(startMs(each), 'x', true),
          plot.valToPos(atMs(each), 'x', true),
        ],
      )
    return [...nulls, ...missing].sort((a, b) => a[0] - b[0])
  }

  function drawLevels(
    plot: uPlot,
    line: number,
    from: number,
    to: number,
  ): uPlot.Series.Paths {
    const stroke = new Path2D()
    let isDrawn = false
    // The interval of the sample after the last visible one begins in view.
    for (let i = from; i <= Math.min(to + 1, last); i++) {
      const value = plot.data[line]?.[i]
      if (typeof value !== 'number') {
        isDrawn = false
        continue
      }
      const y = plot.valToPos(value, 'y', true)
      const left = plot.valToPos(startMs(i), 'x', true)
      if (isDrawn) stroke.lineTo(left, y)
      else stroke.moveTo(left, y)
      stroke.lineTo(plot.valToPos(atMs(i), 'x', true), y)
      isDrawn = true
    }
    return { stroke, fill: null, clip: null, flags: 1 }
  }

  function drawBars(
    plot: uPlot,
    line: number,
    from: number,
    to: number,
  ): uPlot.Series.Paths {
    const fill = new Path2D()
    const bottom = plot.valToPos(0, 'y', true)
    for (let i = from; i <= Math.min(to + 1, last); i++) {
      const value = plot.data[line]?.[i]
      if (!value) continue
      const [left, width] = spanOf(plot, i, i)
      const top = plot.valToPos(value, 'y', true)
      const gap = width > 4 * uPlot.pxRatio ? uPlot.pxRatio : 0
      fill.rect(left, top, width - gap, bottom - top)
    }
    return { stroke: null, fill, clip: null, flags: 1 }
  }

  /** However short it was, it can be seen. */
  function spanOf(plot: uPlot, from: number, to: number): [number, number] {
    const left = plot.valToPos(startMs(from), 'x', true)
    const right = plot.valToPos(atMs(to), 'x', true)
    return [left, Math.max(right - left, 2 * uPlot.pxRatio)]
  }

  /** Behind every chart: when something was lost, and when it took a timeout. */
  function drawLosses(plot: uPlot): void {
    const { ctx, bbox } = plot
    ctx.save()
    ctx.beginPath()
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
    ctx.clip()
    const fill = (from: number, to: number, style: string | CanvasPattern) => {
      const [left, width] = spanOf(plot, from, to)
      ctx.fillStyle = style
      ctx.fillRect(left, bbox.top, width, bbox.height)
    }
    const hatch = hatching(ctx)
    for (const { first, last, timedOut } of losses) {
      fill(first, last, color('loss'))
      for (const each of timedOut) {
        fill(each, each, color('timeout'))
        if (hatch) fill(each, each, hatch)
      }
    }
    ctx.restore()
  }

  function onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const from = index ?? 0
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: from - 1,
      ArrowDown: from - 1,
      ArrowRight: index === undefined ? 0 : from + 1,
      ArrowUp: index === undefined ? 0 : from + 1,
      PageUp: from + 10,
      PageDown: from - 10,
      Home: 0,
      End: last,
    }
    const zooms: Readonly<Record<string, () => void>> = {
      '+': () => zoomAt(from, 0.5),
      '=': () => zoomAt(from, 0.5),
      '-': () => zoomAt(from, 2),
      '0': () => zoom(all),
      Escape: () => zoom(all),
    }
    const move = moves[event.key]
    if (move !== undefined) moveTo(move)
    else if (zooms[event.key]) zooms[event.key]?.()
    else return
    event.preventDefault()
  }

  function moveTo(wanted: number): void {
    const next = Math.max(0, Math.min(wanted, last))
    const ms = atMs(next)
    const [from, to] = view
    if (ms < from) zoom([ms, ms + to - from])
    else if (ms > to) zoom([ms - (to - from), ms])
    show(next)
  }

  function zoomAt(center: number, by: number): void {
    const ms = atMs(center)
    const [from, to] = view
    zoom([ms - (ms - from) * by, ms + (to - ms) * by])
  }

  function zoom([from, to]: readonly [number, number]): void {
    const least = Math.min(
      (FEWEST * endMs) / Math.max(last, 1),
      all[1] - all[0],
    )
    if (to - from < least) return
    view = [Math.max(from, all[0]), Math.min(to, all[1])]
    whole.hidden = view[0] === all[0] && view[1] === all[1]
    const [min, max] = view
    placing(() => {
      for (const { plot } of plots) {
        plot.batch(() => plot.setScale('x', { min, max }))
      }
    })
  }

  /** Changes the plots, and puts the cursor back on its sample. */
  function placing(change: () => void): void {
    isPlacing = true
    change()
    if (index !== undefined) {
      const ms = atMs(index)
      for (const { plot } of plots) {
        const left = plot.valToPos(ms, 'x')
        const isInView = ms >= view[0] && ms <= view[1]
        plot.setCursor({ left: isInView ? left : -10, top: 0 }, false)
      }
    }
    isPlacing = false
  }

  function show(next: number): void {
    if (next === index) return
    index = next
    placing(() => {})
    for (const { slider } of plots) {
      slider.setAttribute('aria-valuenow', String(atMs(next)))
      slider.setAttribute('aria-valuetext', instant(atMs(next)))
    }
    for (const each of showing) each()
    readout.replaceChildren(
      element('strong', {}, instant(atMs(next))),
      happened(next),
      element(
        'span',
        { class: 'visually-hidden' },
        ...charts.flatMap(({ title, lines, format }) => [
          `${title}: `,
          lines
            .map(
              ({ label, name }) => `${label} ${format(series[name]?.[next])}`,
            )
            .join(', '),
          '. ',
        ]),
      ),
    )
  }

  function happened(at: number): HTMLElement | string {
    const loss = losses.find(({ first, last }) => first <= at && at <= last)
    if (!loss) return ' '
    const again = series.retransmitted?.[at]
    const late = series.timeouts?.[at]
    const what = [
      again ? lost(again, connection) : null,
      late ? plural(late, connection.timeoutsAre) : null,
    ].filter((each) => each !== null)
    const isSilent = !late && loss.timedOut.includes(at)
    return element(
      'span',
      { class: 'happened' },
      what.join(', ') ||
        (isSilent ? 'waiting for the peer' : 'in loss recovery'),
    )
  }

  const redraw = (): void => {
    for (const { plot } of plots) plot.redraw(false)
  }
  const resize = (): void => {
    const width = root.clientWidth
    if (width === 0) return
    placing(() => {
      for (const { plot } of plots) {
        if (plot.width === width) continue
        plot.batch(() => plot.setSize({ width, height: plot.height }))
      }
    })
  }
  const media = ['(prefers-color-scheme: dark)', 'print'].map((each) =>
    matchMedia(each),
  )
  const observer = new ResizeObserver(resize)
  let isOver = false

  // uPlot measures: it wants to be in the page.
  queueMicrotask(() => {
    if (isOver) return
    figures.forEach(({ chart, slider }, at) => {
      const data = [timesMs, ...chart.lines.map(({ name }) => series[name])]
      const options = optionsOf(chart, at === figures.length - 1)
      const plot = new uPlot(options, data as uPlot.AlignedData, slider)
      plots.push({ plot, slider })
    })
    observer.observe(root)
    for (const each of media) each.addEventListener('change', redraw)
  })

  return {
    root,
    moveTo,
    destroy() {
      isOver = true
      observer.disconnect()
      for (const each of media) each.removeEventListener('change', redraw)
      for (const { plot } of plots) plot.destroy()
    },
  }
}

const HINT = 'Point at a chart, or focus one and use the arrow keys.'

export function lost(amount: number, { retransmitUnit }: Connection): string {
  const what =
    retransmitUnit === 'bytes' ? bytes(amount) : plural(amount, 'segments')
  return `${what} retransmitted`
}

function color(name: string): string {
  return getComputedStyle(document.documentElement)
    .getPropertyValue(`--${name}`)
    .trim()
}

/** Not by colour alone. */
function hatching(ctx: CanvasRenderingContext2D): CanvasPattern | null {
  const size = 6 * uPlot.pxRatio
  const tile = element('canvas')
  tile.width = size
  tile.height = size
  const brush = tile.getContext('2d')
  if (!brush) return null
  brush.strokeStyle = color('hatch')
  brush.lineWidth = uPlot.pxRatio
  for (const shift of [-size, 0, size]) {
    brush.moveTo(shift, size)
    brush.lineTo(shift + size, 0)
  }
  brush.stroke()
  return ctx.createPattern(tile, 'repeat')
}
