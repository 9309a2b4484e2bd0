import { expect, test } from 'vitest'
import { listeningCache } from '../listening-cache.ts'

const { Cached, CacheInvalidate, CacheUpdate } = listeningCache()

// What the compiler refuses already, for those who do not ask it.
const decorators: [string, any][] = [
  ['@Cached', Cached({ key: 'k', ttl: '1m' })],
  ['@CacheInvalidate', CacheInvalidate({ key: 'k' })],
]

const places: [string, string, (decorator: any) => unknown][] = [
  [
    'a getter',
    'not on a getter',
    (decorator) => {
      class Refused {
        @decorator
        get value() {
          return 1
        }
      }
      return Refused
    },
  ],
  [
    'a setter',
    'not on a (getter or )?setter',
    (decorator) => {
      class Refused {
        @decorator
        set value(_value: number) {}
      }
      return Refused
    },
  ],
  [
    'a field',
    'not on a field',
    (decorator) => {
      class Refused {
        @decorator
        value = 1
      }
      return Refused
    },
  ],
  [
    'a static field',
    'not on a field',
    (decorator) => {
      class Refused {
        @decorator
        static value = async () => 1
        other = 1
      }
      return Refused
    },
  ],
  [
    'an accessor',
    'not on (an accessor|a getter or setter)',
    (decorator) => {
      class Refused {
        @decorator
        accessor value = 1
      }
      return Refused
    },
  ],
  [
    'a class',
    'not on a class',
    (decorator) => {
      @decorator
      class Refused {}
      return Refused
    },
  ],
  [
    'a generator',
    'a generator \\(values\\): collect its items and return an array',
    (decorator) => {
      class Refused {
        @decorator
        *values() {
          yield 1
        }
      }
      return Refused
    },
  ],
  [
    'an async generator',
    'a generator \\(values\\): collect its items and return an array',
    (decorator) => {
      class Refused {
        @decorator
        async *values() {
          yield 1
        }
      }
      return Refused
    },
  ],
]

for (const [name, decorator] of decorators) {
  test.each(places)(`${name} refuses %s`, (_place, message, declare) => {
    expect(() => declare(decorator)).toThrow(new RegExp(`^${name}.*${message}`))
    expect(() => declare(decorator)).toThrow(expect.objectContaining({ name: 'CacheConfigError' }))
  })
}

test('a method may be called class, and may return a promise without being async', async () => {
  class School {
    @Cached({ key: 'school', ttl: '1m' })
    class(id: number) {
      return Promise.resolve(id)
    }
  }
  await expect(new School().class(1)).resolves.toBe(1)
})

test('methods named by a symbol have to give a key', () => {
  const name = Symbol('load')
  const declare = () => {
    class Symbolic {
      @Cached({ ttl: '1m' })
      async [name]() {}
    }
    return Symbolic
  }
  expect(declare).toThrow(/^@Cached on Symbol\(load\): nothing here has a name to make a key of/)
})

test('options that would do nothing are refused', () => {
  const decorated = (decorator: any) => () => {
    class Refused {
      @decorator
      async run() {}
    }
    return Refused
  }
  for (const option of ['bypass', 'refreshAhead', 'errorTtl', 'softTimeout', 'hardTimeout']) {
    const update = CacheUpdate({ key: 'k', ttl: '1m', [option]: '1s' } as never)
    expect(decorated(update)).toThrow(`@CacheUpdate on run has no option '${option}'; it has key, ttl, jitter`)
  }
  const before = CacheInvalidate({ key: 'k', before: 'no' } as never)
  expect(decorated(before)).toThrow("before must be a boolean, got 'no'")
})
