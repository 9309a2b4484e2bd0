import 'reflect-metadata'
import { describe, expect, test } from 'vitest'
import { requireAsync, wrapperFor } from '../src/wrap.ts'

describe('wrapperFor', () => {
  const wrap = (original: Function) => wrapperFor(original, function (this: unknown) {})

  test('takes over name, length and properties as they are', () => {
    const mark = Symbol('mark')
    const named = async (_a: number, _b: number) => {}
    const original = Object.assign(named, { tag: 1, [mark]: 2 })
    Object.defineProperty(original, 'hidden', { value: 3, enumerable: false })
    const wrapper = wrap(original) as typeof original & { hidden: number }
    expect([wrapper.name, wrapper.length, wrapper.tag, wrapper[mark], wrapper.hidden]).toEqual(['named', 2, 1, 2, 3])
    expect(Object.keys(wrapper)).toEqual(['tag'])
  })

  test('wraps functions of all kinds', () => {
    // A sloppy function has `caller` and `arguments` of its own, which no other may be given.
    const sloppy = new Function('a', 'return a')
    expect(() => wrap(sloppy)).not.toThrow()
    expect(() => wrap(Object.freeze(async () => {}))).not.toThrow()
    expect(() => wrap(async () => {})).not.toThrow()
    expect(wrap(sloppy.bind(null)).name).toBe('bound anonymous')
  })

  test('takes over metadata, as a copy', () => {
    const original = async () => {}
    Reflect.defineMetadata('path', '/', original)
    const wrapper = wrap(original)
    Reflect.defineMetadata('path', '/other', wrapper)
    expect(Reflect.getMetadata('path', original)).toBe('/')
    expect(Reflect.getMetadata('path', wrap(original))).toBe('/')
  })
})

test.each<[string, unknown, boolean]>([
  ['an async function', async () => {}, true],
  ['a function', () => {}, true],
  ['a method named class', { class() {} }.class, true],
  ['an async method named class', { async class() {} }.class, true],
  ['a class', class {}, false],
  ['a class that extends', class extends Map {}, false],
  ['a generator', function* () {}, false],
  ['an async generator', async function* () {}, false],
  ['an object', {}, false],
  ['nothing', undefined, false],
])('%s is wrapped or refused', (_what, fn, wrapped) => {
  const check = () => requireAsync(fn, 'cached()')
  if (wrapped) expect(check).not.toThrow()
  else expect(check).toThrow('cached() works on functions that return a promise')
})

test('what is refused is named where it has a name', () => {
  const messageFor = (fn: unknown) => {
    try {
      requireAsync(fn, 'cached()')
    } catch (error) {
      return (error as Error).message
    }
  }
  const classes = [class Users {}, class {}]
  expect(classes.map(messageFor)).toEqual([
    'cached() works on functions that return a promise, not on a class (Users)',
    'cached() works on functions that return a promise, not on a class',
  ])
})
