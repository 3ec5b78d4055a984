// Hostile data in the HTML report: as text, and in a real browser, where a script
// that is not the report's own would leave its mark.

import fc from 'fast-check'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { reportData } from '../../lib/report/data.js'
import { type ReportConnection, reportHtml } from '../../lib/report/html.js'
import type { TcpInfo } from '../../lib/tcp-info.js'
import { chromiumMissing, useBrowser } from '../report/browser.js'
import { anyRecord, corpus, oneRecord, text } from './arbitraries.js'
import { check, fuzz } from './property.js'
import { arePrototypesClean, oddNumbersIn } from './sound.js'

/** Tries to leave a mark: by itself, when it is loaded, or when it is touched. */
const MARK = "self.pwned='%s'"
const PAYLOADS = [
  `<script>${MARK}</script>`,
  `</script><script>${MARK}</script>`,
  `</title></style></textarea><script>${MARK}</script>`,
  `--><script>${MARK}</script><!--<script>`,
  `<img src=x onerror="${MARK}">`,
  `<svg onload="${MARK}">`,
  `"><svg/onload=${MARK}>`,
  `' onmouseover='${MARK}' x='`,
  `" autofocus onfocus="${MARK}" x="`,
  `<iframe srcdoc="<script>parent.${MARK}</script>">`,
  `<a href="javascript:${MARK}">a</a>`,
  `javascript:${MARK}`,
  `<meta http-equiv=refresh content="0;url=javascript:${MARK}">`,
  `<link rel=stylesheet href=http://192.0.2.1/%s>`,
  `<base href=http://192.0.2.1/>`,
  `<style>@import url(http://192.0.2.1/%s)</style>`,
  `<form action=http://192.0.2.1/><input autofocus>`,
  `{{constructor.constructor("${MARK}")()}}`,
  `\${${MARK}}`,
  `\\u003cscript>${MARK}\\u003c/script>`,
  `&lt;script&gt;${MARK}&lt;/script&gt;`,
  `]]><script>${MARK}</script>`,
  `"}]};${MARK};//`,
  `\u2028${MARK}\u2029`,
  `url(javascript:${MARK})`,
]

const hostile = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...PAYLOADS) },
  { weight: 1, arbitrary: text },
  {
    weight: 1,
    arbitrary: fc
      .tuple(text, fc.constantFrom(...PAYLOADS), text)
      .map((parts) => parts.join('')),
  },
)

const TEXTS = [
  ...['trigger', 'platform', 'source', 'state', 'errorCode'],
  ...['localAddress', 'remoteAddress', 'localPort', 'remotePort', 'rttUs'],
] as const

/** Records in which any text is hostile, and a number may be one. */
const records = fc.array(
  fc
    .tuple(
      fc.oneof(oneRecord, anyRecord),
      fc.array(fc.tuple(fc.constantFrom(...TEXTS), hostile), { maxLength: 5 }),
    )
    .map(
      ([info, texts]) => ({ ...info, ...Object.fromEntries(texts) }) as TcpInfo,
    ),
  { maxLength: 5 },
)

const connection = fc.record({
  id: hostile,
  records,
  verdict: fc.option(
    fc.record({
      limitedBy: hostile,
      confidence: fc.oneof(fc.constantFrom(0, 0.5, 1, Number.NaN), hostile),
      summary: hostile,
      closedBy: hostile,
      closedHow: hostile,
      retransmitRatio: fc.oneof(fc.constantFrom(undefined, 0.5), hostile),
      shares: fc.oneof(
        fc.dictionary(hostile, fc.constantFrom(0, 0.5, 1), { maxKeys: 3 }),
        hostile,
      ),
    }),
    { nil: undefined },
  ),
}) as unknown as fc.Arbitrary<ReportConnection>

/** Marks tell which set of data left them. */
const marked = (connections: ReportConnection[], name: string) =>
  connections.map((each) => replaced(each, name) as ReportConnection)

function replaced(value: unknown, name: string): unknown {
  if (typeof value === 'string') return value.replaceAll('%s', name)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map((each) => replaced(each, name))
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key.replaceAll('%s', name),
      replaced(each, name),
    ]),
  )
}

const BEGIN = '<script type="application/json" id="data">'
const EMPTY = reportHtml([], { title: '' })
const START = EMPTY.indexOf(BEGIN) + BEGIN.length
const HEAD = EMPTY.slice(0, START)
const END = EMPTY.slice(EMPTY.indexOf('</script>', START))
const [TO_TITLE, FROM_TITLE] = HEAD.split('<title></title>') as [string, string]

fuzz(
  'whatever the data are, nothing ends their element',
  fc.property(
    fc.array(connection, { maxLength: 2 }),
    hostile,
    (connections, title) => {
      const html = reportHtml(connections, { title })
      const from = html.indexOf(BEGIN) + BEGIN.length
      const head = html.slice(0, from)
      const shownTitle = head.slice(
        TO_TITLE.length + '<title>'.length,
        head.length - FROM_TITLE.length - '</title>'.length,
      )
      check(
        head === `${TO_TITLE}<title>${shownTitle}</title>${FROM_TITLE}` &&
          !/[<>"']/.test(shownTitle),
        () => `title: ${shownTitle}`,
      )
      check(html.endsWith(END), () => html.slice(-200))
      const json = html.slice(from, -END.length)
      check(!/[<>&\u2028\u2029]/.test(json), () => json)
      const data = JSON.parse(json)
      check(
        JSON.stringify(data) === JSON.stringify(reportData(connections, title)),
        () => json,
      )
      check(arePrototypesClean(), () => 'a prototype was written to')
      // (JSON makes null of what is no number.)
      for (const {
        bytesOut,
        bytesIn,
        durationMs,
        timesMs,
      } of data.connections) {
        const odd = oddNumbersIn({ bytesOut, bytesIn, durationMs, timesMs })
        check(odd.length === 0, () => odd.join())
      }
    },
  ),
  {
    runs: 300,
    // A page of 100 KB each.
    most: 300_000,
    examples: corpus<string>('texts').map(
      (each): [ReportConnection[], string] => [
        [{ id: each, records: [], verdict: undefined }],
        each,
      ],
    ),
  },
)

const SKIPPED = chromiumMissing ? ` (skipped: ${chromiumMissing})` : ''

describe.skipIf(chromiumMissing)(`in Chromium${SKIPPED}`, () => {
  const open = useBrowser()

  /** What is left of an attack: marks, dialogs, and what the page may not do. */
  async function tracesIn(
    html: string,
    use: (page: Page) => Promise<void>,
  ): Promise<string[]> {
    const { page, complaints } = await open(html)
    const traces: string[] = []
    await use(page)
    const mark = await page.evaluate('self.pwned')
    if (mark !== undefined) traces.push(`marked by ${mark}`)
    const elements = await page.evaluate(
      `document.querySelectorAll('main :is(script,img,svg,iframe,a,meta,link,base,style,form,object,embed)').length`,
    )
    if (elements !== 0) traces.push(`${elements} elements that are not ours`)
    await page.context().close()
    // (What the policy refuses is in the console.)
    return [...traces, ...complaints]
  }

  /** Every connection is looked at, sorted by each column, and searched for. */
  async function useAll(page: Page): Promise<void> {
    // (In the page, where a click takes no round trip.)
    await page.evaluate(`(async () => {
      const all = (what) => [...document.querySelectorAll(what)]
      const turn = () => new Promise((resolve) => setTimeout(resolve))
      for (const each of all('button.choose')) {
        each.click()
        each.focus()
        each.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }))
        await turn()
      }
      for (const each of all('th button, nav button, section button')) {
        each.click()
        await turn()
      }
      const filter = document.getElementById('filter')
      for (const what of ['<script', '"', '\\u2028', 'pwned', '']) {
        if (!filter) break
        filter.value = what
        filter.dispatchEvent(new Event('input'))
        await turn()
      }
    })()`)
  }

  const PER_PAGE = 25
  let pages = 0

  fuzz(
    `of ${PER_PAGE} sets of hostile data at a time, none does anything`,
    fc.asyncProperty(
      fc.array(connection, { minLength: PER_PAGE, maxLength: PER_PAGE }),
      hostile,
      async (sets, title) => {
        const connections = marked(sets, String(++pages))
        const html = reportHtml(connections, { title })
        const traces = await tracesIn(html, useAll)
        check(traces.length === 0, () => [...new Set(traces)].join('\n'))
      },
    ),
    // A page each, of some seconds.
    { runs: 2, most: 100, isSlow: true },
  )

  // What this is worth: it sees an attack that works, and one that the policy stops.
  test.each([
    ['marks', `<script>${MARK}</script>`, /^marked by/],
    ['dialogs', '<script>setTimeout(alert)</script>', /^dialog/],
    ['requests', '<img src=http://192.0.2.1/>', /^request/],
  ])('an unprotected page would be noticed: %s', async (_, payload, trace) => {
    const html = `<!doctype html><main></main>${payload}`
    const wait = (page: Page) => page.waitForTimeout(200)
    expect(await tracesIn(html, wait)).toContainEqual(
      expect.stringMatching(trace),
    )
  })

  test('a script in the page would be stopped by its policy', async () => {
    const html = EMPTY.replace('<main>', `<main><script>${MARK}</script>`)
    const traces = await tracesIn(html, async () => {})
    expect(traces).not.toContainEqual(expect.stringMatching(/^marked by/))
    expect(traces).toContainEqual(
      expect.stringMatching(/Content Security Policy/),
    )
  })
})
