import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { inOneChunk } from '../../tsup.config.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * In bytes, minified and compressed: the entry of src and all that it imports statically, in the chunks that are published,
 * without ioredis.
 */
export async function loadedSize(): Promise<number> {
  const outdir = mkdtempSync(join(tmpdir(), 'cachewell-size-'))
  try {
    const { metafile } = await build({
      ...{ entryPoints: [join(root, 'src/index.ts')], outdir, absWorkingDir: root, external: ['ioredis'] },
      ...{ bundle: true, splitting: true, minify: true, format: 'esm', platform: 'node', target: 'node20' },
      ...{ plugins: [inOneChunk], metafile: true },
    })
    const loaded = new Set<string>()
    const load = (output: string): void => {
      if (loaded.has(output)) return
      loaded.add(output)
      const { imports = [] } = metafile.outputs[output] ?? {}
      for (const { path, kind, external } of imports) if (kind === 'import-statement' && !external) load(path)
    }
    load(Object.keys(metafile.outputs).find((output) => metafile.outputs[output]?.entryPoint) as string)
    return [...loaded].reduce((sum, output) => sum + gzipSync(readFileSync(join(root, output))).length, 0)
  } finally {
    rmSync(outdir, { recursive: true, force: true })
  }
}
