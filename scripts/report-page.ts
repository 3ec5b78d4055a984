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

/** The source of the module, for the file that imports it. */
function sourceFor(importer: string): string {
  // (Where this file lies can't be asked: it is bundled into the configurations.)
  const folder = path.join(path.dirname(importer), 'page')
  const licence = licenceOf('uplot', folder)
  const { outputFiles } = buildSync({
    entryPoints: [path.join(folder, 'main.ts'), path.join(folder, 'page.css')],
    // Nothing is written there.
    outdir: folder,
    write: false,
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    legalComments: 'none',
    banner: { js: licence, css: licence },
  })
  const [script, style] = ['.js', '.css'].map(
    (end) => outputFiles.find((each) => each.path.endsWith(end))?.text,
  )
  return `export const SCRIPT = ${JSON.stringify(script)}
export const STYLE = ${JSON.stringify(style)}`
}

/** It wants to be part of all copies. */
function licenceOf(dependency: string, folder: string): string {
  const main = createRequire(path.join(folder, '_')).resolve(dependency)
  const text = readFileSync(path.join(main, '../../LICENSE'), 'utf8')
  return `/*! ${dependency}\n\n${text.trim()}\n*/`
}

export const forEsbuild: EsbuildPlugin = {
  name,
  setup(build) {
    build.onResolve({ filter: new RegExp(`^${MODULE}$`) }, ({ importer }) => ({
      // It is written into the bundle, which is to tell nothing of this machine.
      path: MODULE,
      namespace: name,
      pluginData: importer,
    }))
    build.onLoad({ filter: /.*/, namespace: name }, ({ pluginData }) => ({
      contents: sourceFor(pluginData),
      loader: 'js',
    }))
  },
}

export const forVite: VitePlugin = {
  name,
  resolveId: (id: string, importer: string | undefined) =>
    id === MODULE ? `\0${MODULE}:${importer}` : undefined,
  load(id: string) {
    const [, importer] = id.split(`\0${MODULE}:`)
    return importer === undefined ? undefined : sourceFor(importer)
  },
}
