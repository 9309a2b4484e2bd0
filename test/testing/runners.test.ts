import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../package/run.ts'
import { fencedBlocks, nameOf } from '../support/code-blocks.ts'

// The examples of docs/testing.md, as the runners run them that they are for. Jest's is run here by vitest with its globals, and
// by Jest itself with the package (test/package/jest.test.ts).

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = 'docs/testing.md'
const paths = { cachewell: [join(root, 'src/index.ts')], 'cachewell/testing': [join(root, 'src/testing/index.ts')] }
const aliases = { 'cachewell/testing': paths['cachewell/testing'][0], cachewell: paths.cachewell[0] }
const config = `export default { resolve: { alias: ${JSON.stringify(aliases)} }, test: { globals: true } }`

/** What fails, for what runners make of it. */
const failing = `
import { useTestCache } from 'cachewell/testing'

test('fails', async () => {
  const cache = useTestCache()
  const read = cache.cached(async () => 1, { key: 'number', ttl: '5m' })
  await read()
  cache.assertHit(() => read())
})
`

let project: string
let unnamed: string[]

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'cachewell-runners-'))
  const blocks = fencedBlocks((await readFile(join(root, page), 'utf8')).split('\n'), page, 1)
  const named = blocks.map((block, i) => ({ name: nameOf(block) ?? `block-${i}.ts`, code: block.code }))
  unnamed = named.map(({ name }) => name).filter((name) => name.startsWith('block-'))
  const files = {
    'package.json': JSON.stringify({ name: 'service', private: true, type: 'module' }),
    'tsconfig.json': JSON.stringify({ compilerOptions: { target: 'ES2022', module: 'NodeNext', paths } }),
    'vitest.config.mjs': config,
    'failing.vitest.test.ts': failing,
    'failing.node.test.ts': `import { test } from 'node:test'\n${failing}`,
    'blocks.ts': unnamed.map((name) => `await import('./${name}')\n`).join(''),
    ...Object.fromEntries(named.map(({ name, code }) => [name, code])),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(project, name), text)
  await symlink(join(root, 'node_modules'), join(project, 'node_modules'), 'junction')
})
afterAll(() => rm(project, { recursive: true, force: true }))

const node = (...args: string[]) => run(process.execPath, args, { cwd: project, env: environment() })
const vitest = (name: string) => node('node_modules/vitest/vitest.mjs', 'run', '--root', project, name)
const tsx = (...args: string[]) => node('--import', 'tsx', ...args)

/** Without what tells a process that a runner has started it. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS, NODE_TEST_CONTEXT, VITEST, VITEST_POOL_ID, VITEST_WORKER_ID, ...env } = process.env
  return { ...env, NO_COLOR: '1' }
}

describe('vitest', () => {
  test.each([
    ['users.vitest.test.ts', 3],
    ['users.jest.test.ts', 2],
  ])('%s passes', async (name, count) => {
    expect((await vitest(name)).stdout).toMatch(new RegExp(`Tests +${count} passed`))
  })

  test('shows what was recorded', async () => {
    await expect(vitest('failing.vitest.test.ts')).rejects.toThrow(
      /expected a call of number to be a hit, but none was\s+recorded of number:\s+miss +number \(absent\)/,
    )
  })
})

describe('node:test', () => {
  test('users.node.test.ts passes', async () => {
    const { stdout } = await tsx('--test', '--test-reporter', 'tap', 'users.node.test.ts')
    expect(stdout).toMatch(/# pass 1\n# fail 0/)
  })

  test('shows what was recorded', async () => {
    await expect(tsx('--test', '--test-reporter', 'spec', 'failing.node.test.ts')).rejects.toThrow(
      /expected a call of number to be a hit, but none was\s+recorded of number:\s+miss +number \(absent\)/,
    )
  })
})

test('the other examples do what they say', async () => {
  expect(unnamed.length).toBeGreaterThan(2)
  expect((await tsx('blocks.ts')).stderr).toBe('')
})
