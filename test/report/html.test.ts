// The file itself, before any browser sees it.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { reportData } from '../../lib/report/data.js'
import { type ReportConnection, reportHtml } from '../../lib/report/html.js'
import { recorded } from './connections.js'

const count = (html: string, what: RegExp) => html.match(what)?.length ?? 0

test('it carries the licence of what is bundled', () => {
  const html = reportHtml([])
  for (const element of ['script', 'style']) {
    const start = html.indexOf(`<${element}>/*! uplot`)
    expect(start, element).toBeGreaterThan(0)
    expect(html.slice(start, start + 1300)).toContain('Permission is hereby')
    expect(html.slice(start, start + 1300)).toContain('Leon Sorokin')
  }
})

test('whatever a file holds, it is data: nothing ends its element', () => {
  const before = reportHtml([], { title: '' })
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('</script>', '<!--<script>', '\u2028', '"><svg onload=x>'),
  )
  const names = Object.keys(recorded()[0]?.records[0] ?? {})
  const records = fc.array(
    fc.dictionary(
      fc.constantFrom(...names, '__proto__', '</script>'),
      anything,
    ),
  )
  fc.assert(
    fc.property(records, fc.string({ unit: 'binary' }), (infos, text) => {
      const connections = [
        {
          id: text,
          records: infos,
          verdict: { limitedBy: text, confidence: text, summary: text },
        },
      ] as unknown as ReportConnection[]
      const html = reportHtml(connections, { title: text })
      for (const what of [/<\/?script/gi, /<!--/g, /<\w/g, /<\/title/g]) {
        expect(count(html, what), String(what)).toBe(count(before, what))
      }
      const [, json = ''] = /id="data">(.*)<\/script>/.exec(html) ?? []
      expect(JSON.parse(json)).toEqual(
        JSON.parse(JSON.stringify(reportData(connections, text))),
      )
    }),
  )
})
