import { beforeEach, expect, test, vi } from 'vitest'
import { loadIoredis } from '../../src/redis/load-ioredis.ts'

const required = vi.hoisted(() => ({ find: (): unknown => undefined }))
const imported = vi.hoisted(() => ({ isNamed: true }))

vi.mock('node:module', async (original) => ({
  ...(await original<typeof import('node:module')>()),
  createRequire: () => () => required.find(),
}))

vi.mock('ioredis', async (original) => {
  const ioredis = await original<typeof import('ioredis')>()
  return {
    default: ioredis,
    get Redis() {
      return imported.isNamed ? ioredis.Redis : undefined
    },
  }
})

class Found {}

beforeEach(() => {
  imported.isNamed = true
  required.find = () => ({ Redis: Found })
})

test('ioredis is required where it can be', async () => {
  expect((await loadIoredis()).Redis).toBe(Found)
})

test.each<[string, () => unknown]>([
  [
    'there is none to require',
    () => {
      throw new Error("Cannot find module 'ioredis'")
    },
  ],
  // ioredis 4 exported the class itself.
  ['what is there is too old', () => class Old {}],
])('and is imported where %s', async (_where, find) => {
  required.find = find
  expect((await loadIoredis()).Redis).toBe((await import('ioredis')).Redis)
})

test('and is the default of what is imported where a bundler has made a chunk of it, which has no names', async () => {
  const { Redis } = await import('ioredis')
  required.find = () => undefined
  imported.isNamed = false
  expect((await loadIoredis()).Redis).toBe(Redis)
})
