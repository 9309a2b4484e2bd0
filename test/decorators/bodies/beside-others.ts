import 'reflect-metadata'
import { expect, test } from 'vitest'
import { listeningCache } from '../listening-cache.ts'

const cache = listeningCache()
const { Cached, CacheInvalidate, stored } = cache
const ttl = '1m'

/** Puts a function around the method, as tracing and logging decorators do, in either mode. */
function Around(log: string[], word: string): any {
  const wrap = (method: Function) =>
    function (this: unknown, ...args: unknown[]) {
      log.push(word)
      return method.apply(this, args)
    }
  return (method: unknown, _context: unknown, descriptor?: PropertyDescriptor) => {
    if (!descriptor) return wrap(method as Function)
    descriptor.value = wrap(descriptor.value)
    return descriptor
  }
}

/** Attaches metadata to the method itself, as Nest's `SetMetadata` and `@Get()` do. */
function Mark(key: string, value: unknown): any {
  return (method: unknown, _context: unknown, descriptor?: PropertyDescriptor) => {
    Reflect.defineMetadata(key, value, descriptor ? descriptor.value : (method as object))
    return descriptor
  }
}

test('wrappers above and below: one runs at each call, the other at each load', async () => {
  const log: string[] = []
  class Traced {
    @Around(log, 'above')
    @Cached({ ttl })
    @Around(log, 'below')
    async get(id: number) {
      return id
    }
  }
  await new Traced().get(1)
  await new Traced().get(1)
  expect(log).toEqual(['above', 'below', 'above'])
  expect(stored()).toContain('Traced.get:1')
})

test('@CacheInvalidate and @Cached on one method', async () => {
  await cache.set('list', 'old', { ttl })
  let runs = 0
  class Both {
    @CacheInvalidate({ key: 'list' })
    @Cached({ ttl })
    async above(id: number) {
      runs++
      return id
    }
    @Cached({ ttl })
    @CacheInvalidate({ key: 'list' })
    async below(id: number) {
      runs++
      return id
    }
  }
  const both = new Both()
  await both.above(1)
  await expect(cache.get('list')).resolves.toBeUndefined()
  await cache.set('list', 'old', { ttl })
  await both.above(1)
  await expect(cache.get('list')).resolves.toBeUndefined()

  await both.below(1)
  await cache.set('list', 'old', { ttl })
  await both.below(1)
  await expect(cache.get('list')).resolves.toBe('old')
  expect(runs).toBe(2)
  expect(stored()).toEqual(expect.arrayContaining(['Both.above:1', 'Both.below:1']))
})

test('@CacheInvalidate above @Cached, overridden, with super', async () => {
  class Base {
    @CacheInvalidate({ key: 'list' })
    @Cached({ ttl })
    async load(id: number) {
      return `base ${id}`
    }
  }
  class Sub extends Base {
    @CacheInvalidate({ key: 'list' })
    @Cached({ ttl })
    override async load(id: number) {
      return `sub of ${await super.load(id)}`
    }
  }
  await expect(new Sub().load(1)).resolves.toBe('sub of base 1')
  await expect(new Base().load(1)).resolves.toBe('base 1')
  expect(stored()).toEqual(expect.arrayContaining(['Sub.load:1', 'Base.load:1']))
  expect(cache.notices()).toEqual([])
})

test('two caches on one method', async () => {
  const near = listeningCache()
  let runs = 0
  class Twice {
    @near.Cached({ ttl: '1s' })
    @Cached({ ttl: '1h' })
    async get(id: number) {
      runs++
      return id
    }
  }
  await new Twice().get(1)
  await near.invalidate('Twice.get:1')
  await new Twice().get(1)
  expect(runs).toBe(1)
  expect(near.stored()).toEqual(['Twice.get:1', 'Twice.get:1'])
})

test('metadata set on the method before and after is there', () => {
  class Marked {
    @Mark('above', 1)
    @Cached({ key: 'marked', ttl })
    @CacheInvalidate({ key: 'other' })
    @Mark('below', 2)
    async get() {}
  }
  expect(Reflect.getMetadata('above', Marked.prototype.get)).toBe(1)
  expect(Reflect.getMetadata('below', Marked.prototype.get)).toBe(2)
})

test('what others have attached to the method as properties is there', () => {
  const Tag = ((method: any, _context: unknown, descriptor?: PropertyDescriptor) => {
    const target = descriptor ? descriptor.value : method
    target.tag = 'kept'
    return descriptor
  }) as any
  class Tagged {
    @Cached({ key: 'tagged', ttl })
    @Tag
    async get() {}
  }
  expect((Tagged.prototype.get as any).tag).toBe('kept')
})
