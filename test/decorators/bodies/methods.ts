import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test, vi } from 'vitest'
import { listeningCache } from '../listening-cache.ts'

const { Cached, stored, events, notices } = listeningCache()
const ttl = '1m'

test('a method keeps its `this`, which is not part of the key', async () => {
  class Greeter {
    constructor(readonly word: string) {}
    @Cached({ key: 'greeting', ttl })
    async greet(name: string) {
      return `${this.word}, ${name}`
    }
  }
  await expect(new Greeter('Hello').greet('Ada')).resolves.toBe('Hello, Ada')
  await expect(new Greeter('Bye').greet('Ada')).resolves.toBe('Hello, Ada')
  await expect(new Greeter('Bye').greet('Bob')).resolves.toBe('Bye, Bob')
})

test('a method keeps its name, its length and its place', () => {
  class Kept {
    @Cached({ key: 'kept', ttl })
    async get(_id: number, _page?: number) {
      return 1
    }
  }
  expect(Kept.prototype.get.name).toBe('get')
  expect(Kept.prototype.get.length).toBe(2)
  expect(Object.keys(Kept.prototype)).toEqual([])
})

test('the key begins with the names of the class and of the method', async () => {
  class Implied {
    @Cached({ ttl })
    async get(id: number) {
      return { id }
    }
    @Cached({ ttl })
    static async all() {
      return ['all']
    }
  }
  await new Implied().get(1)
  await Implied.all()
  expect(stored().slice(-2)).toEqual(['Implied.get:1', 'Implied.all'])
})

test('methods of one name in two classes do not meet', async () => {
  class Users {
    @Cached({ ttl })
    async get(_id: number) {
      return 'user'
    }
  }
  class Orders {
    @Cached({ ttl })
    async get(_id: number) {
      return 'order'
    }
  }
  await expect(new Users().get(1)).resolves.toBe('user')
  await expect(new Orders().get(1)).resolves.toBe('order')
  await expect(new Users().get(1)).resolves.toBe('user')
})

test('an inherited method shares its entries, an overridden one has its own', async () => {
  const run = vi.fn()
  class Base {
    @Cached({ ttl })
    async get(id: number) {
      run('Base', id)
      return 'base'
    }
    @Cached({ ttl })
    static async make(id: number) {
      run('Base.make', id)
      return 'made'
    }
  }
  class Inheriting extends Base {}
  class Overriding extends Base {
    @Cached({ ttl })
    override async get(id: number) {
      run('Overriding', id)
      return 'overriding'
    }
  }
  await expect(new Base().get(1)).resolves.toBe('base')
  await expect(new Inheriting().get(1)).resolves.toBe('base')
  await expect(new Overriding().get(1)).resolves.toBe('overriding')
  await Base.make(1)
  await Inheriting.make(1)
  expect(run.mock.calls).toEqual([
    ['Base', 1],
    ['Overriding', 1],
    ['Base.make', 1],
  ])
})

test('a method that is overridden without a decorator is not cached', async () => {
  const run = vi.fn()
  class Base {
    @Cached({ ttl })
    async find(_id: number) {
      return 'base'
    }
  }
  class Plain extends Base {
    override async find(id: number) {
      run()
      return `plain ${await super.find(id)}`
    }
  }
  await expect(new Plain().find(1)).resolves.toBe('plain base')
  await expect(new Plain().find(1)).resolves.toBe('plain base')
  expect(run).toHaveBeenCalledTimes(2)
  expect(stored()).toContain('Base.find:1')
})

test('an override may call super, both cached', async () => {
  const run = vi.fn()
  class Parent {
    @Cached({ ttl })
    async load(id: number) {
      run('Parent')
      return `parent ${id}`
    }
  }
  class Child extends Parent {
    @Cached({ ttl })
    override async load(id: number) {
      run('Child')
      return `child of ${await super.load(id)}`
    }
  }
  await expect(new Child().load(1)).resolves.toBe('child of parent 1')
  await expect(new Child().load(1)).resolves.toBe('child of parent 1')
  await expect(new Parent().load(1)).resolves.toBe('parent 1')
  expect(run.mock.calls.flat()).toEqual(['Child', 'Parent'])
})

test('an override that calls super with the same key does not wait for itself', async () => {
  class Parent {
    @Cached({ key: 'same', ttl })
    async load(id: number) {
      return `parent ${id}`
    }
  }
  class Child extends Parent {
    @Cached({ key: 'same', ttl })
    override async load(id: number): Promise<string> {
      return `child of ${await super.load(id)}`
    }
  }
  await expect(new Child().load(1)).resolves.toBe('child of parent 1')
  await expect(Promise.all([new Child().load(2), new Child().load(2)])).resolves.toEqual([
    'child of parent 2',
    'child of parent 2',
  ])
})

test('a method may call itself', async () => {
  class Recursive {
    @Cached({ ttl })
    async sum(n: number): Promise<number> {
      return n === 0 ? 0 : n + (await this.sum(n - 1))
    }
  }
  await expect(new Recursive().sum(10)).resolves.toBe(55)
})

test('a method named by a symbol is cached under its key', async () => {
  const load = Symbol('load')
  class Symbolic {
    runs = 0
    @Cached({ key: 'symbolic', ttl })
    async [load](id: number) {
      this.runs++
      return id
    }
  }
  const service = new Symbolic()
  await service[load](1)
  await service[load](1)
  expect(service.runs).toBe(1)
  expect(service[load].name).toBe('[load]')
})

test('a class with a static member called `name` is found by its other name, or says so', async () => {
  const declare = () => {
    class Named {
      static async name() {
        return 'not the name of the class'
      }
      @Cached({ ttl })
      async lookup(id: number) {
        return id
      }
    }
    return Named
  }
  let message = ''
  try {
    await new (declare())().lookup(1)
    message = notices().join()
  } catch (error) {
    message = (error as Error).message
  }
  expect(message).toMatch(/class (with a|has no) name of its own/)
  expect(stored().join()).not.toContain('lookup')
})

test('many instances leave nothing behind', async () => {
  class RequestScoped {
    readonly ballast = new Array(1_000).fill(0)
    @Cached({ ttl })
    async answer() {
      return 42
    }
  }
  setFlagsFromString('--expose-gc')
  const gc: () => void = runInNewContext('gc')
  const instances: WeakRef<RequestScoped>[] = []
  const request = async () => {
    const instance = new RequestScoped()
    instances.push(new WeakRef(instance))
    await instance.answer()
  }
  for (let i = 0; i < 50; i++) await request()
  for (let i = 0; i < 10 && instances.some((one) => one.deref()); i++) {
    await new Promise((resolve) => setImmediate(resolve))
    gc()
  }
  expect(instances.filter((one) => one.deref())).toEqual([])
  expect(events.filter((event) => event.type === 'hit' && event.name === 'RequestScoped.answer')).toHaveLength(49)
})

test('a service behind a proxy is cached as without', async () => {
  let runs = 0
  class Target {
    @Cached({ ttl })
    async get(id: number) {
      runs++
      return id
    }
  }
  const plain = new Proxy(new Target(), {})
  const binding = new Proxy(new Target(), {
    get: (target, name, receiver) => {
      const value = Reflect.get(target, name, receiver)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const derived: Target = Object.create(new Target())
  await plain.get(1)
  await binding.get(1)
  await derived.get(1)
  const bound = new Target()
  bound.get = bound.get.bind(bound)
  await bound.get(1)
  expect(runs).toBe(1)
})

test('fake timers do not stop a cached call', async () => {
  class Timed {
    runs = 0
    @Cached({ ttl })
    async get(id: number) {
      this.runs++
      return id
    }
  }
  const service = new Timed()
  vi.useFakeTimers()
  try {
    await service.get(1)
    await service.get(1)
    await Promise.all([service.get(2), service.get(2)])
  } finally {
    vi.useRealTimers()
  }
  expect(service.runs).toBe(2)
})

test('what the method throws is thrown', async () => {
  const failure = new Error('no such user')
  class Failing {
    @Cached({ ttl })
    async rejects() {
      throw failure
    }
    @Cached({ ttl })
    throws(): Promise<never> {
      throw failure
    }
  }
  await expect(new Failing().rejects()).rejects.toBe(failure)
  await expect(new Failing().throws()).rejects.toBe(failure)
})
