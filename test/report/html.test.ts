// The file itself, before any browser sees it.

import { expect, test } from 'vitest'
import { reportHtml } from '../../lib/report/html.js'

test('it carries the licence of what is bundled', () => {
  const html = reportHtml([])
  for (const element of ['script', 'style']) {
    const start = html.indexOf(`<${element}>/*! uplot`)
    expect(start, element).toBeGreaterThan(0)
    expect(html.slice(start, start + 1300)).toContain('Permission is hereby')
    expect(html.slice(start, start + 1300)).toContain('Leon Sorokin')
  }
})
