import { defineConfig } from 'tsup'

export default defineConfig({
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node20',
  platform: 'node',
  dts: true,
  clean: true,
  sourcemap: true,
  // Without it each CJS entry would carry its own copy of the module state.
  splitting: true,
  treeshake: true,
  external: ['ioredis'],
})
