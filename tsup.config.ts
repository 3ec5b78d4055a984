import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'lib/index.ts', cli: 'lib/cli/main.ts' },
  format: ['esm', 'cjs'],
  target: 'node20',
  // __dirname in the ESM build; import.meta.url must not be used, its stand-in in
  // the CommonJS build breaks in a folder whose name holds a "#".
  shims: true,
  removeNodeProtocol: false,
  clean: true,
  // tsup passes baseUrl to the compiler, which TypeScript 6 calls deprecated.
  dts: {
    entry: 'lib/index.ts',
    compilerOptions: { ignoreDeprecations: '6.0' },
  },
})
