import { copyFile, cp, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { describeRedis } from '../support/redis-available.ts'
import { RedisServer } from '../support/redis-server.ts'
import { type Compilation, compile, fixture, strictOptions } from './compile.ts'
import { run, serviceEnvironment } from './run.ts'
import { absent, freshPrefix, memory, smoke } from './smoke.ts'

const { directory, service, serviceOnIoredis6, alone, nodes } = inject('packed')
const here = process.execPath
const versions = Object.entries(nodes)

const strict = { ...strictOptions, fixtures: ['smoke.ts'] } as const
const nestish = {
  ...({ fixtures: ['nest.ts'], type: 'commonjs' } as const),
  ...{ experimentalDecorators: true, emitDecoratorMetadata: true },
  ...{ importHelpers: true, strict: false, skipLibCheck: true, removeComments: true, sourceMap: true },
}

/** How programs come to the package, and the programs: compiled by the first test that asks for one. */
const programs = {
  import: () => programOf('esm', { ...strict, type: 'module' }),
  require: () => programOf('cjs', { ...strict, type: 'commonjs' }),
  // Its module resolution knows no `exports` in package.json.
  'require, as Nest 10 does': () => programOf('nest-10', { ...nestish, module: 'commonjs', target: 'es2021' }),
  'require, as Nest 11 does': () => {
    const stricter = { strictNullChecks: true, isolatedModules: true }
    return programOf('nest-11', { ...nestish, module: 'nodenext', target: 'es2023', ...stricter })
  },
}
const kinds = Object.keys(programs) as (keyof typeof programs)[]
const plain = ['import', 'require'] as const
const onEveryNode = versions.flatMap(([major, node]) => plain.map((kind) => [kind, major, node] as const))

const compiled = new Map<string, Promise<string>>()

function programOf(name: string, options: Compilation): Promise<string> {
  const known = compiled.get(name)
  if (known) return known
  const program = compile(join(service, name), options).then((out) =>
    join(out, (options.fixtures[0] as string).replace(/\.ts$/, '.js')),
  )
  compiled.set(name, program)
  return program
}

test.each(versions)('Node %s is what it says', async (major, node) => {
  expect((await run(node, ['-p', 'process.versions.node'])).stdout).toMatch(new RegExp(`^${major}\\.`))
})

describe('in memory', () => {
  test.each(kinds)('%s', async (kind) => {
    await smoke(here, await programs[kind](), memory)
  })

  test.each(onEveryNode)('%s, on Node %s', async (kind, _major, node) => {
    await smoke(node, await programs[kind](), memory)
  })
})

describeRedis('in Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await RedisServer.start()
  })
  afterAll(() => server?.[Symbol.asyncDispose]())

  test.each(kinds)('%s', async (kind) => {
    await smoke(here, await programs[kind](), server)
  })

  test.each(plain)('%s, where every version of Node finds what another has stored', async (kind) => {
    const store = { url: server.url, sharedPrefix: freshPrefix() }
    const outputs: string[] = []
    for (const [, node] of versions) outputs.push((await smoke(node, await programs[kind](), store)).stdout)
    const runs = outputs.map((stdout) => /"sharedRuns":(\d+)/.exec(stdout)?.[1])
    expect(runs).toEqual(['1', ...versions.slice(1).map(() => '0')])
  })

  test('with ioredis 6', async () => {
    const out = await compile(join(serviceOnIoredis6, 'esm'), { ...strict, type: 'module' })
    await smoke(here, join(out, 'smoke.js'), server)
  })
})

describe('with a Redis that is not there', () => {
  test.each(kinds)('%s', async (kind) => {
    const { stdout, stderr } = await smoke(here, await programs[kind](), absent())
    expect(stdout + stderr).toContain('cannot reach Redis')
  })

  test.each(onEveryNode)('%s, on Node %s', async (kind, _major, node) => {
    const { ms } = await smoke(node, await programs[kind](), absent())
    expect(ms).toBeLessThan(5_000)
  })
})

describe('two copies of the package in one process', () => {
  test.each(versions)('share the default cache, on Node %s', async (_major, node) => {
    await runFixture(service, ['both.mjs'], node)
  })
})

describe('cachewell/testing', () => {
  const fixtures = ['testing.ts'] as const
  const ways: Record<string, () => Promise<string>> = {
    import: () => programOf('testing-esm', { ...strict, fixtures, type: 'module' }),
    require: () => programOf('testing-cjs', { ...strict, fixtures, type: 'commonjs' }),
    'require, as Nest 10 does': () =>
      programOf('testing-nest-10', { ...nestish, fixtures, module: 'commonjs', target: 'es2021' }),
  }

  test.each(Object.keys(ways))('%s', async (way) => {
    await run(here, [(await ways[way]?.()) as string], { env: serviceEnvironment(), timeoutMs: 15_000 })
  })

  test.each(versions)('stands in for the default of all copies, without ioredis, on Node %s', async (_major, node) => {
    await runFixture(alone, ['testing.mjs'], node)
  })
})

describe('ioredis is not loaded before it is needed', () => {
  test.each(['cold-import.mjs', 'cold-require.cjs'])('%s', async (name) => {
    await runFixture(service, [name, 'cold.cjs'], here)
  })
})

describe('what a first call loads', () => {
  test.each(['unloaded-import.mjs', 'unloaded-require.cjs'])(
    'is not needed before, and can be missing: %s',
    async (name) => {
      const own = join(directory, name.replace(/\W/g, '-'))
      await cp(alone, own, { recursive: true })
      await runFixture(own, [name, 'unloaded.cjs'], here)
    },
  )
})

describe('without ioredis', () => {
  test('memory works, and what is to be in Redis goes to the function', async () => {
    await runFixture(alone, ['alone.mjs'], here)
  })

  test('the types need none but those of the language', async () => {
    const options = { target: 'es2022', lib: ['es2022'], module: 'es2022', moduleResolution: 'bundler' }
    const strictest = { ...options, types: [], strict: true, skipLibCheck: false }
    await compile(join(alone, 'bare'), { ...strictest, fixtures: ['bare.ts'], type: 'module' })
  })
})

/** Runs the first of the fixtures; the others stand beside it. */
async function runFixture(project: string, names: readonly string[], node: string) {
  const folder = join(project, 'fixtures')
  await mkdir(folder, { recursive: true })
  for (const name of names) await copyFile(fixture(name), join(folder, name))
  return run(node, [join(folder, names[0] as string)], { env: serviceEnvironment(), timeoutMs: 15_000 })
}
