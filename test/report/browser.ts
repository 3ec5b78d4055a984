/** Opens reports in headless Chromium, and watches what goes wrong there. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  type Browser,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'

const CHROMIUM = '/usr/bin/chromium'

/** Why no report can be opened here, for the name of a skipped test. */
export const chromiumMissing: string | undefined = existsSync(CHROMIUM)
  ? undefined
  : `needs ${CHROMIUM}`

const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Opened {
  readonly page: Page
  /** Console messages, errors, dialogs, windows, and requests for anything else. */
  readonly complaints: readonly string[]
}

interface OpenOptions extends BrowserContextOptions {
  /** What runs in the page before its own script. */
  readonly init?: string
}

/** A browser for the tests of the block that this is called in. */
export function useBrowser(): (
  html: string,
  options?: OpenOptions,
) => Promise<Opened> {
  let browser: Browser
  let folder: string
  let serial = 0
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'report-'))
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS })
  })
  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true })
  })
  return async (html, { init, ...options } = {}) => {
    const file = path.join(folder, `${++serial}.html`)
    writeFileSync(file, html)
    const url = pathToFileURL(file).href
    const context = await browser.newContext(options)
    if (init !== undefined) await context.addInitScript(init)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('request', (request) => {
      if (request.url() !== url) complaints.push(`request: ${request.url()}`)
    })
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('popup', () => complaints.push('a window'))
    await page.goto(url)
    return { page, complaints }
  }
}
