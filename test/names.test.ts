import { afterEach, describe, expect, test, vi } from 'vitest'
import { CacheConfigError } from '../src/errors.ts'
import { Names } from '../src/names.ts'

afterEach(() => vi.unstubAllEnvs())

describe('names', () => {
  test('belong to one function; another that would use one is told what to write', () => {
    const names = new Names()
    const [one, other] = [() => {}, () => {}]
    names.claim('Users.find', one)
    names.claim('Users.find', one)
    names.claim('Users.list', other)
    expect(() => names.claim('Users.find', other)).toThrow(CacheConfigError)
    expect(() => names.claim('Users.find', other)).toThrow("give one of them a key, as in key: 'users.find'")
  })

  test('are given anew while developing, where modules are evaluated again and again', () => {
    vi.stubEnv('NODE_ENV', 'development')
    const names = new Names()
    const [one, other] = [() => {}, () => {}]
    names.claim('find', one)
    names.claim('find', other)
    vi.stubEnv('NODE_ENV', 'production')
    names.claim('find', other)
    expect(() => names.claim('find', one)).toThrow(CacheConfigError)
  })
})
