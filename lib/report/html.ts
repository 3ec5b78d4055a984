/**
 * The HTML report: one file that needs no network and runs no script but its own,
 * whatever the records hold.
 */

import { createHash } from 'node:crypto'
import { SCRIPT, STYLE } from 'virtual:report-page'
import { type ReportConnection, reportData } from './data.js'

export type { ReportConnection } from './data.js'

export interface ReportOptions {
  readonly title?: string
}

const hash = (content: string): string =>
  `'sha256-${createHash('sha256').update(content).digest('base64')}'`

const POLICY = [
  "default-src 'none'",
  `script-src ${hash(SCRIPT)}`,
  `style-src ${hash(STYLE)}`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

/** The page that shows these connections, to be written to a file as UTF-8. */
export function reportHtml(
  connections: readonly ReportConnection[],
  { title = 'TCP connections' }: ReportOptions = {},
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapedHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<noscript><p>This report draws its charts with JavaScript, which is turned off here.</p></noscript>
</main>
<script type="application/json" id="data">${escapedJson(reportData(connections, title))}</script>
<script>${SCRIPT}</script>
</body>
</html>
`
}

function escapedHtml(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`)
}

/** JSON in which nothing can end, or comment out, the element around it. */
function escapedJson(value: object): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
