import { spawnSync } from 'node:child_process'
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { buildSync } from 'esbuild'
import { Watchdog } from '../support/watchdog.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Build extends Disposable {
  /** Of the ES module. */
  readonly url: string
  /** A program or module of ours, as JavaScript beside the build: nothing but Node has a part in how it runs. */
  program(source: URL): URL
}

/** `src` as it would be published, in a folder that goes away: measured is what users install, and of this very moment. */
export function buildCachewell(): Build {
  const folder = mkdtempSync(join(tmpdir(), 'cachewell-bench-'))
  const watchdog = new Watchdog(folder) // It may be that nobody comes to dispose of it.
  const remove = () => watchdog.close()
  // From where ioredis is found, which is not part of the build.
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const tsup = join(root, 'node_modules/.bin/tsup')
  const args = ['--no-dts', '--format', 'esm', '--silent', '--out-dir', join(folder, 'dist')]
  const { status, error, stdout, stderr } = spawnSync(tsup, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) {
    remove()
    throw new Error(`cachewell could not be built: ${error?.message ?? stderr + stdout}`)
  }
  const program = (source: URL): URL => {
    const name = basename(fileURLToPath(source), '.ts')
    const outfile = join(folder, 'programs', basename(dirname(fileURLToPath(source))), `${name}.js`)
    const options = { bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external' } as const
    buildSync({ entryPoints: [fileURLToPath(source)], outfile, ...options, logLevel: 'error' })
    return pathToFileURL(outfile)
  }
  return { url: pathToFileURL(join(folder, 'dist/index.js')).href, program, [Symbol.dispose]: remove }
}
