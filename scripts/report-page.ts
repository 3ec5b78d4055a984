/**
 * What runs inside the HTML report, lib/report/page with uPlot, as two strings.
 * lib/report/html.ts imports them as a module that no file holds; the plugins are
 * the bundler's (tsup.config.ts) and the tests' (vitest.config.ts).
 */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { buildSync } from 'esbuild'
import type { Options } from 'tsup'
import type { ViteUserConfig } from 'vitest/config'

const MODULE = 'virtual:report-page'
const name = 'report-page'

type EsbuildPlugin = NonNullable<Options['esbuildPlugins']>[number]
type VitePlugin = NonNullable<ViteUserConfig['plugins']>[number]

/** The source of the module. */
function source(): string {
  // From the root: the bundler bundles its own configuration, this file included.
  const folder = path.resolve('lib/report/page')
  const { outputFiles } = buildSync({
    entryPoints: [path.join(folder, 'main.ts'), path.join(folder, 'page.css')],
    // Never written there.
    outdir: folder,
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    legalComments: 'none',
    banner: { js: licence(), css: licence() },
  })
  const [script, style] = ['.js', '.css'].map(
    (end) => outputFiles.find((each) => each.path.endsWith(end))?.text,
  )
  return `export const SCRIPT = ${JSON.stringify(script)}
export const STYLE = ${JSON.stringify(style)}`
}

/** Of uPlot: it wants to be part of all copies. */
function licence(): string {
  const main = createRequire(import.meta.url).resolve('uplot')
  const text = readFileSync(path.join(main, '../../LICENSE'), 'utf8')
  return `/*! uPlot, https://github.com/leeoniya/uPlot\n\n${text.trim()}\n*/`
}

export const forEsbuild: EsbuildPlugin = {
  name,
  setup(build) {
    build.onResolve({ filter: new RegExp(`^${MODULE}$`) }, () => ({
      path: MODULE,
      namespace: name,
    }))
    build.onLoad({ filter: /.*/, namespace: name }, () => ({
      contents: source(),
      loader: 'js',
    }))
  },
}

export const forVite: VitePlugin = {
  name,
  resolveId: (id: string) => (id === MODULE ? `\0${MODULE}` : undefined),
  load: (id: string) => (id === `\0${MODULE}` ? source() : undefined),
}
