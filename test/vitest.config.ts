import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('..', import.meta.url))

export default defineConfig({
  root,
  // The longer name first: an alias is also that of what begins with it.
  resolve: { alias: { 'cachewell/testing': `${root}src/testing/index.ts`, cachewell: `${root}src/index.ts` } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/package/**', '**/node_modules/**'],
    // Most tests wait more than they compute.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
})
