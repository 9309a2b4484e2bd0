import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { expect, inject, test } from 'vitest'
import { root, run } from './run.ts'

const { tarball, files, alone } = inject('packed')
const unpacked = join(alone, 'node_modules/cachewell')

test('holds what is meant for users, and nothing else', () => {
  const meant = /^(?:dist\/[\w-]+\.(?:js|cjs|d\.ts|d\.cts|js\.map|cjs\.map)|docs\/[\w-]+\.(?:md|svg))$/
  const always = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json']
  const built = ['index', 'testing'].flatMap((entry) =>
    ['cjs', 'd.cts', 'd.ts', 'js'].map((ending) => `dist/${entry}.${ending}`),
  )

  expect(files.filter((file) => !meant.test(file) && !always.includes(file))).toEqual([])
  expect(files).toEqual(expect.arrayContaining([...always, ...built]))
  expect(files.some((file) => file.startsWith('docs/'))).toBe(true)
})

test('is what publint recommends', async () => {
  const bytes = await readFile(tarball)
  const content = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const { messages, pkg } = await publint({ pack: { tarball: content }, strict: true })
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([])
})

test('has types that are right for every way of importing it', async () => {
  const require = createRequire(import.meta.url)
  const attw = join(dirname(require.resolve('@arethetypeswrong/cli/package.json')), 'dist/index.js')
  const { stdout } = await run(process.execPath, [attw, tarball, '--format', 'json'])
  const { analysis, problems } = JSON.parse(stdout) as { analysis: { entrypoints: object }; problems?: object }
  expect(problems ?? {}).toEqual({})
  expect(Object.keys(analysis.entrypoints)).toEqual(expect.arrayContaining(['.', './testing']))
})

test('says nothing of the machine that it was made on', async () => {
  const contents = await Promise.all(files.map(async (file) => [file, await readFile(join(unpacked, file), 'utf8')]))
  expect(contents.filter(([, text]) => text?.includes(root.replace(/\/$/, ''))).map(([file]) => file)).toEqual([])
})

// Jest runs what is required where there is no `import()`: nothing would be cached in its tests.
test('requires what is loaded later, where it is itself required', async () => {
  const required = files.filter((file) => file.endsWith('.cjs'))
  const texts = await Promise.all(required.map((file) => readFile(join(unpacked, file), 'utf8')))
  // The core, and of it what warms and what explains.
  expect(texts.flatMap((text) => text.match(/then\(\(\)=>require\(["']\.\/part-/g) ?? [])).toHaveLength(3)
  expect(texts.flatMap((text) => text.match(/\bimport\([^)]*\)/g) ?? [])).toEqual([])
})

test('has source maps that bring the source along', async () => {
  const maps = files.filter((file) => file.endsWith('.map'))
  expect(maps.length).toBeGreaterThan(0)
  for (const file of maps) {
    const { sources, sourcesContent = [] } = JSON.parse(await readFile(join(unpacked, file), 'utf8'))
    expect(sourcesContent.length, file).toBe(sources.length)
    // A file that only exports from another has no source of its own, and is nothing to wait for.
    if (/\/part-/.test(file)) expect(sources.length, file).toBeGreaterThan(0)
  }
})
