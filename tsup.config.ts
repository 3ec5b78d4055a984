import { defineConfig, type Options } from 'tsup'
import { forEsbuild } from './scripts/report-page.js'

const common: Options = {
  target: 'node20',
  removeNodeProtocol: false,
  esbuildPlugins: [forEsbuild],
  plugins: [
    {
      // esbuild keeps those of classes, which the declarations have: a tenth of what
      // is installed. (Not those within lines: bundlers read @__PURE__.)
      name: 'without-docstrings',
      renderChunk: (code) => ({
        code: code.replaceAll(/^ *\/\*\*.*?\*\/\n/gms, ''),
      }),
    },
  ],
}

/** What others import. */
const library = {
  entry: {
    index: 'lib/index.ts',
    register: 'lib/register.ts',
    prometheus: 'lib/metrics/prometheus.ts',
    opentelemetry: 'lib/metrics/opentelemetry.ts',
  },
}

export default defineConfig([
  {
    ...common,
    entry: {
      ...library.entry,
      cli: 'lib/cli/main.ts',
      reporter: 'lib/cli/reporter.ts',
    },
    format: 'esm',
    // __dirname for the command, which is in no bundle.
    shims: true,
    clean: true,
  },
  {
    ...common,
    entry: {
      ...library.entry,
      recorder: 'lib/cli/recorder.ts',
      preload: 'lib/cli/preload.ts',
    },
    format: 'cjs',
    external: ['./recorder.cjs'],
    // For createRequire, which takes either. (tsup's own stand-in, of `shims`, makes
    // a URL that breaks in a folder whose name holds a "#".)
    define: { 'import.meta.url': '__filename' },
  },
  {
    ...common,
    ...library,
    format: ['esm', 'cjs'],
    // tsup passes baseUrl to the compiler, which TypeScript 6 calls deprecated.
    dts: { only: true, compilerOptions: { ignoreDeprecations: '6.0' } },
  },
])
