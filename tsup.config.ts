import { defineConfig, type Options } from 'tsup'
import { forEsbuild } from './scripts/report-page.js'

const common: Options = {
  target: 'node20',
  // __dirname in the ESM build; import.meta.url must not be used, its stand-in in
  // the CommonJS build breaks in a folder whose name holds a "#".
  shims: true,
  removeNodeProtocol: false,
  esbuildPlugins: [forEsbuild],
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
    },
    format: 'esm',
    clean: true,
  },
  {
    ...common,
    entry: { ...library.entry, recorder: 'lib/cli/recorder.ts' },
    format: 'cjs',
  },
  {
    ...common,
    ...library,
    format: ['esm', 'cjs'],
    // tsup passes baseUrl to the compiler, which TypeScript 6 calls deprecated.
    dts: { only: true, compilerOptions: { ignoreDeprecations: '6.0' } },
  },
])
