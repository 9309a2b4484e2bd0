import { expect, test } from 'vitest'
import { listeningCache } from '../decorators/listening-cache.ts'

const ttl = '1m'

test('this file is compiled with experimentalDecorators', () => {
  const seen: unknown[][] = []
  const probe = (...args: unknown[]): any => void seen.push(args)
  class Probed {
    @probe
    async method(@probe _argument: string) {}
  }
  const descriptor = expect.objectContaining({ value: Probed.prototype.method })
  expect(seen).toEqual([
    [Probed.prototype, 'method', 0],
    [Probed.prototype, 'method', descriptor],
  ])
})

test('two classes of one name are refused where the second is declared', () => {
  const { Cached } = listeningCache()
  const first = (() => {
    class Service {
      @Cached({ ttl })
      async get(id: number) {
        return id
      }
    }
    return Service
  })()
  const declare = () => {
    class Service {
      @Cached({ ttl })
      async get(id: number) {
        return `${id}`
      }
    }
    return Service
  }
  expect(declare).toThrow("two cached functions would have keys named 'Service.get'")
  expect(first.name).toBe('Service')
})

test('a static and another method of one name are refused too', () => {
  const { Cached } = listeningCache()
  const declare = () => {
    class Service {
      @Cached({ ttl })
      async get() {}
      @Cached({ ttl })
      static async get() {
        return 'static'
      }
    }
    return Service
  }
  expect(declare).toThrow("two cached functions would have keys named 'Service.get'")
})

test('methods of classes without a name have to give a key', () => {
  const { Cached } = listeningCache()
  const anonymous = (() => class {})()
  const descriptor = { value: async () => 1 }
  expect(() => Cached({ ttl })(anonymous.prototype, 'get', descriptor)).toThrow(
    "@Cached on get: the class has no name of its own, so give a key, as in key: 'get'",
  )
  expect(() => Cached({ key: 'get', ttl })(anonymous.prototype, 'get', descriptor)).not.toThrow()
})

test.each(['_a', 'e', 'class_1', 'default', 'default_1', 'tickets_default'])(
  'a class that a compiler has called %s has to give a key too',
  (name) => {
    const { Cached } = listeningCache()
    const renamed = { [name]: class {} }[name] as new () => object
    expect(renamed.name).toBe(name)
    expect(() => Cached({ ttl })(renamed.prototype, 'get', { value: async () => 1 })).toThrow('no name of its own')
  },
)

test('a parameter is no place for a decorator', () => {
  const { Cached } = listeningCache()
  const Loose: any = Cached
  const declare = () => {
    class Service {
      async get(@Loose({ ttl }) _id: number) {}
    }
    return Service
  }
  expect(declare).toThrow('@Cached works on functions that return a promise, not on a parameter')
})

test('a method keeps its implied name when it is called without its object', async () => {
  const { Cached, stored } = listeningCache()
  class Service {
    @Cached({ ttl })
    async get(this: void, id: number) {
      return id
    }
  }
  const { get } = new Service()
  await get(1)
  expect(stored()).toEqual(['Service.get:1'])
})
