import { afterEach, expect, test, vi } from 'vitest'

const { getBuiltinModule } = process
const EMPTY = '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU'

afterEach(() => {
  process.getBuiltinModule = getBuiltinModule
})

test('is SHA-256', async () => {
  const { digest } = await import('../src/digest.ts')
  expect(digest('')).toBe(EMPTY)
})

test('is the same where a builtin cannot be loaded at once, as before Node 20.16', async () => {
  process.getBuiltinModule = undefined as never
  vi.resetModules()
  const { digest } = await import('../src/digest.ts')
  await vi.waitFor(() => expect(digest('')).toBe(EMPTY))
})
