import { defineConfig } from 'vitest/config'
import { forVite } from './scripts/report-page.js'

export default defineConfig({
  plugins: [forVite],
  test: {
    include: ['test/**/*.test.ts'],
    // Real sockets, child processes and network namespaces.
    testTimeout: 30_000,
    typecheck: { enabled: true, include: ['test/types/**/*.test-d.ts'] },
  },
})
