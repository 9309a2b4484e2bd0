import { expect, test } from 'vitest'
import { listeningCache } from './listening-cache.ts'

const ttl = '1m'

test('this file is compiled with TC39 decorators', () => {
  const seen: unknown[][] = []
  const probe = (...args: unknown[]): any => void seen.push(args)
  class Probed {
    @probe
    async method() {}
  }
  expect(seen).toEqual([[Probed.prototype.method, expect.objectContaining({ kind: 'method', name: 'method' })]])
})

test('private methods are cached under their key', async () => {
  const { Cached, stored } = listeningCache()
  class Vault {
    runs = 0
    @Cached({ key: 'vault:{0}', ttl })
    async #open(id: number) {
      this.runs++
      return id
    }
    @Cached({ key: 'vaults', ttl })
    static async #all() {
      return ['vault']
    }
    open(id: number) {
      return this.#open(id)
    }
    static all() {
      return Vault.#all()
    }
  }
  const vault = new Vault()
  await vault.open(1)
  await vault.open(1)
  await Vault.all()
  expect(vault.runs).toBe(1)
  expect(stored()).toEqual(['vault:1', 'vaults'])
})

test('private methods have to give a key', () => {
  const { Cached } = listeningCache()
  const declare = () => {
    class Vault {
      @Cached({ ttl })
      async #open() {}
      open = () => this.#open()
    }
    return Vault
  }
  expect(declare).toThrow(/^@Cached on #open: nothing here has a name/)
})

test('methods of classes without a name are called uncached, and that is said once', async () => {
  const { Cached, stored, events, notices } = listeningCache()
  const make = () =>
    class {
      @Cached({ ttl })
      async get(id: number) {
        return id
      }
      @Cached({ key: 'anonymous', ttl })
      async keyed(id: number) {
        return id
      }
    }
  const service = new (make())()
  await expect(service.get(1)).resolves.toBe(1)
  await expect(service.get(1)).resolves.toBe(1)
  await service.keyed(1)
  expect(stored()).toEqual(['anonymous:1'])
  expect(notices()).toEqual([
    'calls of get are not cached, since no class with a name of its own owns get, so give it a key',
  ])
  expect(events).toContainEqual({ type: 'bypass', name: 'get', reason: 'unkeyable' })
})

test('of two classes of one name the second is called uncached, and that is said once', async () => {
  const { Cached, stored, notices } = listeningCache()
  const first = (() => {
    class Service {
      @Cached({ ttl })
      async get(_id: number) {
        return 'first'
      }
    }
    return new Service()
  })()
  const second = (() => {
    class Service {
      @Cached({ ttl })
      async get(_id: number) {
        return 'second'
      }
    }
    return new Service()
  })()
  await expect(first.get(1)).resolves.toBe('first')
  await expect(second.get(1)).resolves.toBe('second')
  await expect(second.get(1)).resolves.toBe('second')
  await expect(first.get(1)).resolves.toBe('first')
  expect(stored()).toEqual(['Service.get:1'])
  expect(notices()).toEqual([expect.stringContaining("two cached functions would have keys named 'Service.get'")])
})

test('a method that is called without its object is called uncached', async () => {
  const { Cached, stored, notices } = listeningCache()
  class Service {
    @Cached({ ttl })
    async get(this: void, id: number) {
      return id
    }
  }
  const { get } = new Service()
  await expect(get(1)).resolves.toBe(1)
  expect(stored()).toEqual([])
  expect(notices()).toEqual([expect.stringContaining('get was called without its object')])
})

test('where decorators of others have wrapped two methods of one name, neither is taken for the other', async () => {
  const { Cached, stored, notices } = listeningCache()
  const Traced = (method: any): any =>
    function (this: unknown, ...args: unknown[]) {
      return method.apply(this, args)
    }
  class Base {
    @Traced
    @Cached({ ttl })
    async get(id: number) {
      return `base ${id}`
    }
  }
  class Sub extends Base {
    @Traced
    @Cached({ ttl })
    override async get(id: number) {
      return `sub of ${await super.get(id)}`
    }
  }
  await expect(new Sub().get(1)).resolves.toBe('sub of base 1')
  await expect(new Base().get(1)).resolves.toBe('base 1')
  await expect(new Base().get(1)).resolves.toBe('base 1')
  expect(stored()).toEqual(['Base.get:1'])
  expect(notices()).toEqual([expect.stringContaining('no class with a name of its own owns get')])
})

test('a method that was lent to another class keeps its values apart', async () => {
  const { Cached, stored } = listeningCache()
  class Lender {
    readonly word: string = 'lender'
    @Cached({ ttl })
    async get(_id: number) {
      return this.word
    }
  }
  class Borrower {
    readonly word = 'borrower'
    declare get: Lender['get']
  }
  Borrower.prototype.get = Lender.prototype.get
  await expect(new Lender().get(1)).resolves.toBe('lender')
  await expect(new Borrower().get(1)).resolves.toBe('borrower')
  expect(stored()).toEqual(['Lender.get:1', 'Borrower.get:1'])
})
