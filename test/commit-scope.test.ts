import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Cache, commitScope, createCache } from '../src/index.ts'

describe('commitScope', () => {
  let cache: Cache
  let loads: number
  beforeEach(() => {
    cache = createCache({ url: 'memory:', logger: false })
    loads = 0
  })
  afterEach(() => cache.close())
  const declare = () =>
    cache.cached(async (id: number) => `${id} ${++loads}`, { key: 'read', ttl: '1m', tags: ['reads'] })

  it('neither reads nor stores inside', async () => {
    const read = declare()
    expect(await read(1)).toBe('1 1')
    await commitScope(async () => {
      expect(await read(1)).toBe('1 2')
      expect(await read(2)).toBe('2 3')
      expect(await read.peek(1)).toBeUndefined()
      expect(await cache.get('read:1')).toBeUndefined()
      expect(await read.refresh(1)).toBe('1 4')
    })
    expect(await read(1)).toBe('1 1')
    expect(await read.peek(2)).toBeUndefined()
  })

  it('ends with the work: what was begun in it and goes on is in none any more', async () => {
    const read = declare()
    await cache.set('other', 1, { ttl: '1m' })
    for (const failing of [false, true]) {
      let goOn!: () => void
      const committed = new Promise<void>((resolve) => {
        goOn = resolve
      })
      let later: Promise<void> | undefined
      const work = commitScope(async () => {
        later = (async () => {
          await read.invalidate(1) // Within, still.
          await committed
          expect(await cache.invalidate('other')).toEqual({ removed: 1, deferred: false })
          expect(await read(1)).toBe(await read(1))
          expect(await cache.set('other', 1, { ttl: '1m' })).toBe(true)
        })()
        if (failing) throw new Error('rolled back')
      })
      await (failing ? expect(work).rejects.toThrow('rolled back') : work)
      goOn()
      await later
    }
    // Of another one it is as it was of this one: a scope within one that has ended is a scope.
    expect(await read(1)).toBe(await read(1))
  })

  it('holds what is invalidated and set until the work has succeeded', async () => {
    const read = declare()
    await read(1)
    await read(2)
    await cache.set('other', 1, { ttl: '1m' })
    const result = await commitScope(async () => {
      expect(await read.invalidate(1)).toEqual({ removed: 0, deferred: true })
      expect(await cache.invalidate('oth*')).toMatchObject({ deferred: true })
      expect(await read.set([3], 'set')).toBe(false)
      await commitScope(async () => {
        await cache.set('nested', 1, { ttl: '1m' })
      })
      return 'done'
    })
    expect(result).toBe('done')
    expect([await read.peek(1), await read.peek(2), await read.peek(3)]).toEqual([undefined, '2 2', 'set'])
    expect(await cache.getMany(['other', 'nested'])).toEqual([undefined, 1])
  })

  it('drops it when the work throws', async () => {
    const read = declare()
    await read(1)
    const failing = commitScope(async () => {
      await cache.invalidateTags('reads')
      await cache.invalidate('*')
      throw new Error('rolled back')
    })
    await expect(failing).rejects.toThrow('rolled back')
    expect(await read.peek(1)).toBe('1 1')
  })

  it('belongs to its own chain of calls only', async () => {
    const read = declare()
    let leave!: () => void
    const left = new Promise<void>((resolve) => {
      leave = resolve
    })
    const scope = commitScope(async () => {
      await cache.invalidate('*')
      await left
    })
    expect([await read(1), await read(1)]).toEqual(['1 1', '1 1'])
    leave()
    await scope
    expect(await read(1)).toBe('1 2')
  })

  it('holds all that a method makes invalid, although nobody waits for it', async () => {
    const read = declare()
    class Reads {
      @cache.CacheInvalidate({ key: 'read:1' })
      async byKey(): Promise<void> {}
      @cache.CacheInvalidate({ pattern: 'read:*' })
      async byPattern(): Promise<void> {}
      @cache.CacheInvalidate({ tags: ['reads'] })
      async byTag(): Promise<void> {}
      @cache.CacheInvalidate({ tags: ['reads'], before: true })
      async byTagBefore(): Promise<void> {}
    }
    const reads = new Reads()
    for (const name of ['byTag', 'byTagBefore', 'byPattern', 'byKey'] as const) {
      await read(1)
      await commitScope(async () => {
        void reads[name]()
      })
      expect([name, await read.peek(1)]).toEqual([name, undefined])
    }
  })
})

describe('@CacheUpdate', () => {
  it('stores its result in the place of the entry, with its tags, and not when it fails', async () => {
    const cache = createCache({ url: 'memory:', logger: false })
    const names = new Map([[1, 'one']])
    let loads = 0
    class Users {
      @cache.Cached({ key: 'user', ttl: '1m' })
      async find(id: number) {
        loads++
        return { id, name: names.get(id) }
      }
      @cache.CacheUpdate({ key: 'user:{0}', ttl: '1m', tags: ['users'] })
      async rename(id: number, name: string) {
        if (name === '') throw new Error('a name is needed')
        names.set(id, name)
        return { id, name }
      }
    }
    const users = new Users()
    expect(await users.rename(1, 'uno')).toEqual({ id: 1, name: 'uno' })
    expect(await users.find(1)).toEqual({ id: 1, name: 'uno' })
    expect(loads).toBe(0)
    await users.rename(1, 'un')
    expect(await users.find(1)).toEqual({ id: 1, name: 'un' })
    await expect(users.rename(1, '')).rejects.toThrow('a name is needed')
    expect(await users.find(1)).toEqual({ id: 1, name: 'un' })
    expect(loads).toBe(0)
    await cache.invalidateTags('users')
    expect(await users.find(1)).toEqual({ id: 1, name: 'un' })
    expect(loads).toBe(1)
    await cache.close()
  })

  it('leaves nothing when something was loaded or invalidated while it ran', async () => {
    const cache = createCache({ url: 'memory:', logger: false })
    let during: () => Promise<unknown> = async () => {}
    class Users {
      @cache.CacheUpdate({ key: 'user:{0}', ttl: '1m' })
      async rename(id: number) {
        await during()
        return { id, name: 'mine' }
      }
    }
    const users = new Users()
    during = () => cache.set('user:1', 'what another has loaded', { ttl: '1m' })
    await users.rename(1)
    expect(await cache.get('user:1')).toBeUndefined()
    during = () => cache.invalidate('user:1')
    await users.rename(1)
    expect(await cache.get('user:1')).toBeUndefined()
    await cache.close()
  })

  it('needs the key of the entry', () => {
    const cache = createCache({ url: 'memory:', logger: false })
    const declare = () => {
      class Users {
        @cache.CacheUpdate({ ttl: '1m' } as unknown as { key: string; ttl: string })
        async rename(id: number) {
          return id
        }
      }
      return Users
    }
    expect(declare).toThrow('needs the key of the entry')
  })
})
