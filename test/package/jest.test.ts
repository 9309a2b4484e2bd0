import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, inject, test } from 'vitest'
import { fencedBlocks, nameOf } from '../support/code-blocks.ts'
import { root, run, serviceEnvironment } from './run.ts'

// Jest has contexts, globals and fake timers of its own, and no `import()` where it runs CommonJS.

const { serviceWithJest } = inject('packed')
const page = 'docs/testing.md'

/** What the page does not show. */
const more = `
import { cached, createCache } from 'cachewell'
import { useTestCache } from 'cachewell/testing'

test('a cache in memory keeps what it is given', async () => {
  let runs = 0
  const cache = createCache({ url: 'memory:', prefix: 'jest', logger: false })
  const read = cache.cached(async () => ({ at: new Date(5), runs: ++runs }), { key: 'read', ttl: '1m' })
  expect([await read(), await read()]).toEqual([{ at: new Date(5), runs: 1 }, { at: new Date(5), runs: 1 }])
  await cache.close()
})

test('fake timers do not hold it up', async () => {
  jest.useFakeTimers()
  const cache = useTestCache()
  let runs = 0
  const read = cached(async (id) => ({ id, runs: ++runs }), { key: 'timers', ttl: '1m' })
  expect([await read(1), await read(1)]).toEqual([{ id: 1, runs: 1 }, { id: 1, runs: 1 }])
  await cache.clock.advance('2m')
  expect((await read(1)).runs).toBe(2)
  cache.restore()
  jest.useRealTimers()
})
`

test.each([
  ['required', 'commonjs', ts.ModuleKind.CommonJS, ''],
  ['imported', 'module', ts.ModuleKind.ESNext, '--experimental-vm-modules'],
] as const)('the examples for Jest pass where the package is %s', async (_how, type, module, flags) => {
  const folder = join(serviceWithJest, type)
  await mkdir(folder, { recursive: true })
  const write = (name: string, source: string) => {
    const compilerOptions = { module, target: ts.ScriptTarget.ES2022, rewriteRelativeImportExtensions: true }
    const { outputText } = ts.transpileModule(source, { compilerOptions })
    return writeFile(join(folder, name.replace(/\.ts$/, '.js')), outputText)
  }
  const config = { testMatch: ['**/*.jest.test.js'], transform: {} }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'tests', private: true, type, jest: config }))
  for (const block of fencedBlocks((await readFile(join(root, page), 'utf8')).split('\n'), page, 1)) {
    const name = nameOf(block)
    if (name === 'users.ts' || name === 'users.jest.test.ts') await write(name, block.code)
  }
  const globals = type === 'module' ? "import { jest } from '@jest/globals'\n" : ''
  await write('more.jest.test.ts', globals + more)

  const jest = join(serviceWithJest, 'node_modules/jest/bin/jest.js')
  const env = serviceEnvironment({ NODE_OPTIONS: flags, CI: 'true' })
  const { stderr } = await run(process.execPath, [jest, '--rootDir', folder], { cwd: folder, env })
  expect(stderr).toMatch(/Tests: +4 passed, 4 total/)
})
