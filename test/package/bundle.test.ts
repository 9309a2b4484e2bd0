import { copyFile, mkdir } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { type BuildOptions, build, type Format } from 'esbuild'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { fixture } from './compile.ts'
import { absent, memory, smoke } from './smoke.ts'

const { directory, service, nodes } = inject('packed')

// ioredis is CommonJS and requires builtins; in an ES module esbuild leaves that to a `require` of the bundle's own.
const requireInEsm = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

describe.each([
  { format: 'esm', ioredis: 'external' },
  { format: 'esm', ioredis: 'inside' },
  { format: 'esm', ioredis: 'in a chunk' },
  { format: 'cjs', ioredis: 'external' },
  { format: 'cjs', ioredis: 'inside' },
] as const)('a bundle in $format with ioredis $ioredis', ({ format, ioredis }) => {
  let program: string
  beforeAll(async () => {
    program = await bundle(format, ioredis)
  })

  test.each(Object.entries(nodes))('keeps in memory, on Node %s', async (_major, node) => {
    await smoke(node, program, memory)
  })

  test('works with a Redis that is not there', async () => {
    await smoke(process.execPath, program, absent())
  })

  describeRedis('on a server', () => {
    test('keeps in Redis', async () => {
      await using server = await RedisServer.start()
      await smoke(process.execPath, program, server)
    })
  })
})

/** Of the program as its source stands; what is to be found outside stands beside it, else nothing does. */
async function bundle(format: Format, ioredis: 'external' | 'inside' | 'in a chunk'): Promise<string> {
  const isOutside = ioredis === 'external'
  const source = join(service, 'bundled')
  await mkdir(source, { recursive: true })
  await copyFile(fixture('smoke.ts'), join(source, 'smoke.ts'))
  const outdir = join(isOutside ? source : directory, `${format} ${ioredis}`)
  const extension = format === 'esm' ? '.mjs' : '.cjs'
  const options = {
    ...{ entryPoints: [join(source, 'smoke.ts')], absWorkingDir: service, outdir },
    ...{ bundle: true, format, platform: 'node', target: 'node20', external: isOutside ? ['ioredis'] : [] },
    ...{ splitting: ioredis === 'in a chunk', outExtension: { '.js': extension } },
    // Names get lost here, as they do in the bundle of a function in a cloud.
    minify: ioredis === 'inside',
    banner: { js: format === 'esm' && !isOutside ? requireInEsm : '' },
    logLevel: 'silent',
    metafile: true,
  } satisfies BuildOptions
  const { metafile, warnings } = await build(options)
  expect(warnings).toEqual([])
  const left = Object.values(metafile.outputs).flatMap(({ imports }) => imports.filter(({ external }) => external))
  const packages = new Set(left.map(({ path }) => path).filter((path) => !isBuiltin(path)))
  packages.delete('supports-color') // ioredis' logger tries to require it, and does without.
  expect([...packages]).toEqual(isOutside ? ['ioredis'] : [])
  return join(outdir, `smoke${extension}`)
}
