// The report in a browser: no complaint, no network, usable without a mouse.

import axe from 'axe-core'
import type { Page } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { type ReportConnection, reportHtml } from '../../lib/report/html.js'
import type { TcpInfo } from '../../lib/tcp-info.js'
import type { TcpInfoVerdict } from '../../lib/verdict/index.js'
import { chromiumMissing, useBrowser } from './browser.js'
import {
  ofMacos,
  ofWindows,
  recorded,
  refused,
  veryLossy,
} from './connections.js'

const skipped = chromiumMissing ? ` (skipped: ${chromiumMissing})` : ''

const everything = () => [...recorded(), ofWindows(), ofMacos()]

/** What axe finds. */
async function violations(page: Page): Promise<string[]> {
  const results = await page.evaluate('axe.run(document)')
  return (
    results as { violations: { id: string; nodes: { html: string }[] }[] }
  ).violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html }) => `${id}: ${html}`),
  )
}

const SENDER = '10.9.2.3:44535 (our port 40889)'

const readout = (page: Page) => page.locator('[aria-live] strong')

/** How many pixels of a chart are orange, by column. */
const colored = (page: Page, index: number): Promise<number[]> =>
  page
    .locator('canvas')
    .nth(index)
    .evaluate((canvas) => {
      const { width, height } = canvas as unknown as Size
      const context = (canvas as unknown as Drawn).getContext('2d')
      const { data } = context.getImageData(0, 0, width, height)
      return Array.from({ length: width }, (_, x) => {
        let count = 0
        for (let y = 0; y < height; y++) {
          const at = (y * width + x) * 4
          const [red = 0, , blue = 0, alpha = 0] = data.slice(at, at + 4)
          if (alpha > 0 && red - blue > 60) count++
        }
        return count
      })
    })

interface Size {
  readonly width: number
  readonly height: number
}
interface Drawn {
  getContext(kind: '2d'): {
    fillStyle: string
    fillRect(...box: [number, number, number, number]): void
    getImageData(
      ...box: [number, number, number, number]
    ): Size & { readonly data: Uint8ClampedArray }
  }
}

const LINES = ['first', 'second', 'third', 'bars']

type Color = readonly [red: number, green: number, blue: number, alpha: number]

/** (In the page.) The values of these custom properties, as the canvas has them. */
function rgba(names: readonly string[]): Color[] {
  const page = globalThis as unknown as {
    document: { documentElement: object; createElement(name: 'canvas'): Drawn }
    getComputedStyle(of: object): { getPropertyValue(name: string): string }
  }
  const root = page.getComputedStyle(page.document.documentElement)
  return names.map((name) => {
    const context = page.document.createElement('canvas').getContext('2d')
    context.fillStyle = root.getPropertyValue(`--${name}`)
    context.fillRect(0, 0, 1, 1)
    const [red = 0, green = 0, blue = 0, alpha = 0] = context.getImageData(
      0,
      0,
      1,
      1,
    ).data
    return [red, green, blue, alpha / 255]
  })
}

function over(color: Color, ground: Color): Color {
  const mixed = (at: 0 | 1 | 2) =>
    color[at] * color[3] + ground[at] * (1 - color[3])
  return [mixed(0), mixed(1), mixed(2), 1]
}

/** WCAG 2.2, "contrast ratio". */
function contrast(a: Color, b: Color): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort(
    (one, other) => other - one,
  )
  return (light + 0.05) / (dark + 0.05)
}

function luminance([red, green, blue]: Color): number {
  const [r = 0, g = 0, b = 0] = [red, green, blue].map((channel) => {
    const part = channel / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

describe.skipIf(chromiumMissing)(`the report in Chromium${skipped}`, () => {
  const open = useBrowser()

  test.each([
    ['light', 1200],
    ['dark', 1200],
    ['light', 400],
    ['dark', 400],
  ] as const)(
    'has nothing to complain of, and axe neither: %s, %i pixels wide',
    async (colorScheme, width) => {
      const { page, complaints } = await open(reportHtml(everything()), {
        colorScheme,
        viewport: { width, height: 800 },
      })
      await page.locator('canvas').last().waitFor()
      await page.locator('summary').click()
      // As the browser's own tools would, past the page's policy.
      const session = await page.context().newCDPSession(page)
      await session.send('Runtime.evaluate', {
        expression: axe.source,
      })
      expect(await violations(page)).toEqual([])
      expect(complaints).toEqual([])
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth - innerWidth',
      )
      expect(overflow).toBeLessThanOrEqual(0)
    },
  )

  test('shows where the loss happened in every chart', async () => {
    const { page } = await open(reportHtml(recorded()))
    await page.locator('canvas').nth(3).waitFor()
    for (const chart of [0, 1, 2, 3]) {
      const columns = await colored(page, chart)
      const marked = columns.flatMap((count, x) => (count > 40 ? [x] : []))
      // A line of the grid may run through one.
      const bands = marked.filter((x, at) => x - (marked[at - 1] ?? 0) > 3)
      expect(bands.length, `chart ${chart}`).toBe(2)
    }
    expect(await page.locator('.losses li').allInnerTexts()).toEqual([
      expect.stringMatching(/956 ms to 1\.508 s\s+51 segments retransm/),
      expect.stringMatching(/2\.969 s to 3\.321 s\s+310 segm.*, 1 timeout/),
    ])
  })

  test.each(['light', 'dark'] as const)(
    'what is drawn stands out, also where it was lossy: %s',
    async (colorScheme) => {
      const { page } = await open(reportHtml([]), { colorScheme })
      const names = ['surface', 'loss', 'timeout', 'muted', ...LINES]
      const colors = await page.evaluate(rgba, names)
      const [surface, loss, timeout, text, ...lines] = colors
      if (!surface || !loss || !timeout || !text) throw new Error('no colour')
      const lossy = over(loss, surface)
      for (const ground of [surface, lossy, over(timeout, lossy)]) {
        for (const [at, line] of lines.entries()) {
          expect(contrast(line, ground), LINES[at]).toBeGreaterThanOrEqual(3)
        }
      }
      expect(contrast(text, surface)).toBeGreaterThanOrEqual(4.5)
      // Not text: a band beside lines and bars that say the same.
      expect(contrast(lossy, surface)).toBeGreaterThan(1.15)
    },
  )

  test('is drawn anew when the scheme changes, and for print', async () => {
    const { page, complaints } = await open(reportHtml(recorded()))
    const canvas = page.locator('canvas').first()
    await canvas.waitFor()
    const drawn = () =>
      canvas.evaluate((each) =>
        (each as unknown as { toDataURL(): string }).toDataURL(),
      )
    const light = await drawn()
    await page.emulateMedia({ colorScheme: 'dark' })
    await expect.poll(drawn).not.toBe(light)
    await page.emulateMedia({ colorScheme: 'dark', media: 'print' })
    await expect.poll(drawn).toBe(light)
    expect(complaints).toEqual([])
  })

  test('a ratio ranks above a count of what has none', async () => {
    const { page } = await open(reportHtml([refused(), veryLossy()]))
    const cells = page.locator('tbody tr td:nth-child(3)')
    expect(await cells.allInnerTexts()).toEqual([
      expect.stringMatching(/^90 ?%/),
      '6',
    ])
  })

  test('is worked with keys alone', async () => {
    const { page, complaints } = await open(reportHtml(everything()))
    const names = () => page.locator('.choose').allInnerTexts()
    const focused = () =>
      page.evaluate('document.activeElement.textContent.trim()')
    const press = async (key: string, times = 1) => {
      for (let i = 0; i < times; i++) await page.keyboard.press(key)
    }
    expect((await names())[0]).toBe('10.9.2.3:44535')

    // The table's region, the headings, the connections.
    await press('Tab', 4)
    expect(await focused()).toBe('Retransmitted')
    await press('Enter')
    const sorted = page.locator('th[aria-sort]')
    expect(await sorted.getAttribute('aria-sort')).toBe('ascending')
    // Before what has no ratio, which comes last in both directions.
    expect((await names()).slice(-2)).toEqual([
      '10.9.2.3:44535',
      '10.9.2.4:40889',
    ])
    await press('Enter')
    expect(await sorted.getAttribute('aria-sort')).toBe('descending')

    await press('Tab', 8)
    expect(await focused()).toBe('10.9.2.3:44535')
    await press('Tab')
    await press('Enter')
    expect(await page.locator('#chosen').textContent()).toBe(
      '[2001:db8::7]:443',
    )
    expect(await page.locator('[aria-pressed="true"]').count()).toBe(1)
    await press('Shift+Tab')
    await press('Enter')
    expect(await page.locator('#chosen').textContent()).toBe(SENDER)

    await page.locator('canvas').last().waitFor()
    // The other three connections, two losses, the first chart.
    await press('Tab', 6)
    await press('ArrowRight', 2)
    const slider = page.getByRole('slider').first()
    expect(await readout(page).textContent()).toBe('50 ms')
    expect(await slider.getAttribute('aria-valuetext')).toBe('50 ms')
    await press('End')
    const end = await readout(page).textContent()
    expect(end).toMatch(/^3\.\d+ s$/)
    const told = page.locator('.readout')
    expect(await told.textContent()).toContain('smoothed 40.6 ms')
    expect(await told.textContent()).toContain('congestion window 744 KiB')
    await press('ArrowLeft')
    expect(await readout(page).textContent()).not.toBe(end)

    const all = page.getByRole('button', { name: 'Show all' })
    expect(await all.isVisible()).toBe(false)
    await press('+', 2)
    expect(await all.isVisible()).toBe(true)
    await press('Home')
    expect(await readout(page).textContent()).toBe('0 ms')
    await press('0')
    expect(await all.isVisible()).toBe(false)
    expect(complaints).toEqual([])
  })

  test('is worked with a mouse alone', async () => {
    const { page, complaints } = await open(reportHtml(everything()))
    await page.getByRole('button', { name: /^Bytes out/ }).click()
    expect((await page.locator('.choose').allInnerTexts())[0]).toBe(
      '[2001:db8::7]:443',
    )
    await page.getByRole('cell', { name: 'CLOSED', exact: true }).click()
    expect(await page.locator('#chosen').textContent()).toBe(SENDER)
    await page.getByRole('button', { name: '2.969 s to' }).click()
    expect(await readout(page).textContent()).toBe('3.321 s')
    expect(await page.locator('.happened').textContent()).toMatch(
      /\d+ segments/,
    )

    const chart = page.locator('.u-over').nth(2)
    await chart.scrollIntoViewIfNeeded()
    const box = await chart.boundingBox()
    if (!box) throw new Error('no chart')
    const y = box.y + box.height / 2
    await page.mouse.move(box.x + box.width / 4, y)
    expect(await readout(page).textContent()).toMatch(/^(9\d\d ms|1\.0\d+ s)$/)
    const lines = page.locator('.u-cursor-x')
    const places = await lines.evaluateAll((all) =>
      all.map((each) => each.getBoundingClientRect().x),
    )
    expect(new Set(places).size).toBe(1)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width / 2, y, { steps: 5 })
    await page.mouse.up()
    await page.getByRole('button', { name: 'Show all' }).click()
    expect(complaints).toEqual([])
  })

  test('says what the verdict is, and where the time went', async () => {
    const { page } = await open(reportHtml(recorded()))
    const verdict = await page.locator('.verdict').textContent()
    expect(verdict).toMatch(/^This connection was limited by the application: /)
    expect(verdict).toContain('confidence: 70 %')
    expect(verdict).toMatch(
      /Where the time went: 70 % all there was to send under way, 30 % waiting for the network$/,
    )
  })

  test.each([
    [{ idle: 0.000143, network: 0.999857 }, '100 % waiting for the network'],
    [{ idle: 0.005, network: 0.995 }, '1 % idle, 99 % waiting for the network'],
    [
      { idle: 0.335, applicationWaits: 0.333, network: 0.332 },
      '34 % idle, 33 % all there was to send under way, 33 % waiting for the network',
    ],
    [
      { idle: 0.105, receiverWindow: 0.105 },
      "11 % idle, 10 % the peer's window full",
    ],
    [{ idle: 0.001 }, undefined],
  ])(
    'shares in whole per cents, together 100 at most: %j',
    async (shares, shown) => {
      const [sender] = recorded()
      const verdict = { ...sender?.verdict, shares } as TcpInfoVerdict
      const { page } = await open(
        reportHtml([{ id: 'a', records: sender?.records ?? [], verdict }]),
      )
      const text = (await page.locator('.verdict').textContent()) ?? ''
      expect(text.split('Where the time went: ')[1]).toBe(shown)
    },
  )

  test('bytes have ticks at powers of two', async () => {
    const { page } = await open(reportHtml(recorded()), {
      init: `
        window.drawn = new Set()
        const { fillText } = CanvasRenderingContext2D.prototype
        CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
          drawn.add(text)
          return fillText.call(this, text, ...at)
        }`,
    })
    await page.locator('canvas').nth(3).waitFor()
    const drawn = (await page.evaluate('[...drawn]')) as string[]
    const ticks = drawn.filter((each) => each.includes('iB'))
    expect(ticks).toEqual(['512 KiB', '1 MiB', '2 MiB/s', '4 MiB/s', '6 MiB/s'])
  })

  test('the table of three connections is seen whole', async () => {
    const { page } = await open(reportHtml(everything().slice(0, 3)), {
      viewport: { width: 1200, height: 800 },
    })
    const [more] = await page.locator('.scroll').evaluateAll((all) =>
      all.map((each) => ({
        below: each.scrollHeight - each.clientHeight,
        beside: each.scrollWidth - each.clientWidth,
      })),
    )
    expect(more).toEqual({ below: 0, beside: 0 })
  })

  test('of a receiver without loss shows no loss, but its own estimate', async () => {
    const { page, complaints } = await open(reportHtml(recorded()))
    const main = page.locator('main')
    const retransmissions = page.getByRole('slider', {
      name: /^Retransmissions/,
    })
    const estimate = page.locator('.legend', {
      hasText: 'as the receiver estimates it',
    })
    expect(await main.textContent()).toContain('Where it sent again')
    expect(await retransmissions.count()).toBe(1)
    expect(await estimate.count()).toBe(0)
    await page.locator('.choose').last().click()
    await page.locator('canvas').last().waitFor()
    expect(await page.locator('#chosen').textContent()).toBe(
      '10.9.2.4:40889 (our port 44535)',
    )
    expect(await main.textContent()).not.toMatch(/loss happened|Retransmiss/)
    expect(await retransmissions.count()).toBe(0)
    expect(await estimate.count()).toBe(1)
    expect(complaints).toEqual([])
  })

  test('says what it does not know', async () => {
    const { page } = await open(reportHtml([ofMacos()]))
    await page.locator('canvas').last().waitFor()
    const main = page.locator('main')
    expect(await main.textContent()).toContain(
      'Not in these records, so not drawn: smallest (Round-trip time); in flight (Windows and bytes in flight).',
    )
    expect(
      await page.getByRole('cell').nth(2).textContent(),
      'the smallest RTT',
    ).toBe('–')
    expect(await main.textContent()).toContain('No verdict.')
  })

  test('of one record alone there are values and no charts', async () => {
    const [sender] = recorded()
    const records = sender?.records.slice(0, 1) ?? []
    const { page, complaints } = await open(
      reportHtml([{ id: 'a', records, verdict: undefined }]),
    )
    expect(await page.locator('canvas').count()).toBe(0)
    await page.locator('summary').click()
    expect(await page.locator('details td').nth(1).textContent()).toBe(
      '40.6 ms',
    )
    expect(complaints).toEqual([])
  })

  test('says so where there is nothing', async () => {
    const { page, complaints } = await open(reportHtml([]))
    expect(await page.locator('main').textContent()).toContain(
      'No connections:',
    )
    const none = { id: 'a', records: [], verdict: undefined }
    const empty = await open(reportHtml([none]))
    expect(await empty.page.locator('main').textContent()).toContain(
      '0 records',
    )
    expect([...complaints, ...empty.complaints]).toEqual([])
  })

  test('text from a file never becomes anything else', async () => {
    const attack = `</script><script>hacked = 1</script><img src=x onerror="hacked=1"><!--<script>'"\`\u2028\u2029javascript:hacked=1 {{7*7}}`
    const [sender] = recorded()
    const hostile = (sender?.records ?? []).map((info): TcpInfo => {
      const odd = Object.entries(info).map(([name, value]) => [
        name,
        typeof value === 'string' ? attack : value,
      ])
      const members = Object.fromEntries(odd)
      return JSON.parse(
        JSON.stringify({ ...members, errorCode: attack, [attack]: attack })
          // A name that only a parser can give.
          .replace(/^\{/, '{"__proto__":{"hacked":1},'),
      )
    })
    const connection: ReportConnection = {
      id: attack,
      records: hostile,
      verdict: {
        limitedBy: attack,
        confidence: attack,
        summary: attack,
        closedBy: attack,
        closedHow: attack,
        shares: { network: attack, [attack]: 1 },
      } as unknown as TcpInfoVerdict,
    }
    const { page, complaints } = await open(
      reportHtml([connection, ...recorded()], { title: attack }),
    )
    await page.locator('canvas').last().waitFor()
    await page.locator('summary').click()
    await page.locator('.choose').nth(1).click()
    await page.locator('.choose').first().click()
    expect(await page.evaluate('typeof hacked')).toBe('undefined')
    expect(await page.evaluate('({}).hacked')).toBeUndefined()
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.locator('script').count()).toBe(2)
    expect(await page.title()).toContain('<script>')
    expect(await page.locator('h1').textContent()).toBe(attack)
    expect(complaints).toEqual([])
  })

  test('the policy holds against a script that got in all the same', async () => {
    const html = reportHtml(recorded()).replace(
      '</body>',
      '<script>hacked = 1</script><img src=x onerror="hacked=1"></body>',
    )
    const { page, complaints } = await open(html)
    await page.locator('canvas').last().waitFor()
    expect(await page.evaluate('typeof hacked')).toBe('undefined')
    expect(complaints.join()).toContain('Content Security Policy')
  })

  test('numbers that no kernel gives do not stop it', async () => {
    const numbers = [-1, 1e300, -1e300, 5e-324, 2 ** 53, 0.1]
    const connections = numbers.flatMap((value) =>
      numbers.map((step): ReportConnection => {
        const records = (recorded()[0]?.records ?? [])
          .slice(0, 5)
          .map((info, index) => {
            const odd = Object.entries(info).map(([name, member]) => [
              name,
              typeof member === 'number' ? value * (index + 1) : member,
            ])
            const members = Object.fromEntries(odd)
            return { ...members, capturedAt: step * index } as TcpInfo
          })
        return { id: `${value} ${step}`, records, verdict: undefined }
      }),
    )
    const { page, complaints } = await open(reportHtml(connections))
    const names = page.locator('.choose')
    expect(await names.count()).toBe(connections.length)
    for (let i = 0; i < connections.length; i++) await names.nth(i).click()
    expect(complaints).toEqual([])
  })

  test('a thousand connections open at once and are found', async () => {
    const [sender] = recorded()
    const connections = Array.from({ length: 1000 }, (_, index) => ({
      id: `c${index}`,
      records: (sender?.records ?? []).map((info) => ({
        ...info,
        remotePort: 10_000 + index,
      })),
      verdict: undefined,
    }))
    const html = reportHtml(connections)
    const startedAt = performance.now()
    const { page, complaints } = await open(html)
    await page.locator('canvas').last().waitFor()
    expect(performance.now() - startedAt).toBeLessThan(10_000)
    expect(await page.locator('.summary tbody tr').count()).toBe(50)
    await page.getByRole('button', { name: 'Next' }).click()
    expect(await page.locator('.pager').first().textContent()).toMatch(
      /51–100 of 1,000/,
    )
    expect(await page.locator('.choose').first().textContent()).toBe(
      '10.9.2.3:10050',
    )
    await page.getByLabel('Find').fill(':10777')
    expect(await page.locator('.choose').allInnerTexts()).toEqual([
      '10.9.2.3:10777',
    ])
    await page.locator('.choose').click()
    expect(await page.locator('#chosen').textContent()).toBe(
      '10.9.2.3:10777 (our port 40889)',
    )
    expect(complaints).toEqual([])
  })
})
