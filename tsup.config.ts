import { readFile } from 'node:fs/promises'
import MagicString from 'magic-string'
import { defineConfig, type Options } from 'tsup'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]
type TsupPlugin = NonNullable<Options['plugins']>[number]

/** Of `src`: the entry, and what else other entries share with what calls need of Redis. */
const REACHED = ['index.ts', 'redis/coalesce.ts', 'redis/journal.ts', 'redis/replay.ts']

/**
 * Puts all that importing the package loads into one chunk. esbuild makes a chunk of the modules that the same entries
 * reach, and what is loaded later reaches some of these: they would become two, which compress worse than one, and each of
 * which takes a millisecond to find and to open. What a first call loads is kept together for the same reason.
 */
export const inOneChunk: Plugin = {
  name: 'in-one-chunk',
  setup(build) {
    build.initialOptions.logOverride = { ...build.initialOptions.logOverride, 'ignored-bare-import': 'silent' }
    build.onLoad({ filter: /[\\/]src[\\/]core(?:-on-redis)?\.ts$/ }, async ({ path }) => ({
      // It is reached, and nothing more: a package without side effects is not imported for them.
      contents: [await readFile(path, 'utf8'), ...REACHED.map((module) => `import './${module}'`)].join('\n'),
      loader: 'ts',
    }))
  },
}

/**
 * Jest runs what is required in a context that has no `import()`, and most programs that require us need none: what is loaded
 * later is required, too, then.
 */
export const requiredLater: TsupPlugin = {
  name: 'required-later',
  renderChunk(code, { path }) {
    if (this.format !== 'cjs') return undefined
    const required = new MagicString(code)
    required.replace(/\bimport\(('[^']+'|"[^"]+")\)/g, 'Promise.resolve().then(()=>require($1))')
    return { code: required.toString(), map: required.generateMap({ source: path, hires: 'boundary' }).toString() }
  },
}

export default defineConfig({
  // Each edge is a subpath of its own, beside the package itself.
  entry: { index: 'src/index.ts', testing: 'src/testing/index.ts' },
  format: ['esm', 'cjs'],
  target: 'node20',
  platform: 'node',
  dts: true,
  clean: true,
  sourcemap: true,
  // Without it each CJS entry would carry its own copy of the module state.
  splitting: true,
  treeshake: true,
  // Less to read and to compile at the start. Names stay as they are: stacks are read where there are no source maps, too.
  esbuildOptions(options) {
    options.minifyWhitespace = true
    options.minifySyntax = true
  },
  external: ['ioredis'],
  esbuildPlugins: [inOneChunk],
  plugins: [requiredLater],
})
