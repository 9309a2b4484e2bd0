import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import MagicString from 'magic-string'
import { defineConfig, type Options } from 'tsup'

type Plugin = NonNullable<Options['esbuildPlugins']>[number]
type TsupPlugin = NonNullable<Options['plugins']>[number]

/** Each edge is a subpath of its own, beside the package itself. */
const ENTRIES = { index: 'src/index.ts', testing: 'src/testing/index.ts' }

/** Of `src`: what is loaded later, and what has been loaded by then. */
const REACHED = { 'core.ts': ['index.ts'], 'explain.ts': ['core.ts'], 'warm.ts': ['core.ts'] }

/**
 * Puts all that importing the package loads into one chunk, and all that a first call loads into another. esbuild makes a
 * chunk of the modules that the same entries reach, and what is loaded later reaches some of these: they would become
 * several, which compress worse than one, and each of which takes a millisecond to find and to open.
 */
export const inOneChunk: Plugin = {
  name: 'in-one-chunk',
  setup(build) {
    build.initialOptions.logOverride = { ...build.initialOptions.logOverride, 'ignored-bare-import': 'silent' }
    for (const [module, reached] of Object.entries(REACHED)) {
      build.onLoad({ filter: new RegExp(`[\\\\/]src[\\\\/]${module}$`) }, async ({ path }) => ({
        // They are reached, and nothing more: a package without side effects is not imported for them.
        contents: [await readFile(path, 'utf8'), ...reached.map((module) => `import './${module}'`)].join('\n'),
        loader: 'ts',
      }))
    }
  },
}

/**
 * What is loaded later, and reached by other entries as well, is a file that only exports what stands in a chunk: to find and
 * to open it takes another millisecond of a first call. The chunk is imported in its place.
 */
export const withoutHops: Plugin = {
  name: 'without-hops',
  setup(build) {
    build.onEnd(({ outputFiles = [], metafile }) => {
      const outputs = Object.entries(metafile?.outputs ?? {})
      for (const [path, { entryPoint, exports, imports, inputs }] of outputs) {
        const isHop = Object.keys(inputs).length === 0 && !Object.values(ENTRIES).includes(entryPoint ?? '')
        const target = imports.find((one) =>
          exports.every((name) => metafile?.outputs[one.path]?.exports.includes(name)),
        )
        if (!isHop || target === undefined || exports.length === 0) continue
        const [hop, chunk] = [basename(path), basename(target.path)]
        for (const file of outputFiles) {
          if (file.text.includes(hop)) file.contents = Buffer.from(file.text.replaceAll(hop, chunk))
        }
        for (const gone of [hop, `${hop}.map`]) {
          const at = outputFiles.findIndex((file) => basename(file.path) === gone)
          if (at >= 0) outputFiles.splice(at, 1)
        }
      }
    })
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
  entry: ENTRIES,
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
  esbuildOptions(options, { format }) {
    if (format === 'cjs') options.define = { ...options.define, 'import.meta.url': '__filename' }
    // All of one length: where one stands in the place of another, source maps stay right.
    options.chunkNames = 'part-[hash]'
    options.minifyWhitespace = true
    options.minifySyntax = true
  },
  external: ['ioredis'],
  esbuildPlugins: [inOneChunk, withoutHops],
  plugins: [requiredLater],
})
