import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CacheConfigError, UnkeyableError } from '../src/errors.ts'
import { MAX_KEY_LENGTH, secret } from '../src/key.ts'
import { keyOf, planFunction, planLiteral, planText } from '../src/key-plan.ts'
import { hostileString } from './plain-data.ts'

const any = async (..._args: unknown[]) => {}
const two = async (_a: unknown, _b: unknown) => {}
const none = async () => {}

const derive = (key: string, ...args: unknown[]) => planText(key, any).derive(undefined, args)

describe('a key without holes', () => {
  test('has the arguments appended', () => {
    expect(derive('dashboard:stats', '2026-01-01', 30)).toBe('dashboard:stats:2026-01-01:30')
    expect(derive('dashboard:stats')).toBe('dashboard:stats')
    expect(derive('a', undefined, 1, undefined)).toBe('a:undefined:1')
  })

  test('is just itself where it names an entry', () => {
    expect(planLiteral('dashboard:stats', any).derive(undefined, ['x'])).toBe('dashboard:stats')
  })

  test('is shortened when it is long', () => {
    expect(derive('a', 'x'.repeat(MAX_KEY_LENGTH))).toMatch(/^a:x{118}~[\w-]{43}$/)
  })
})

describe('a template', () => {
  test.each<[string, unknown[], string]>([
    ['user:{0}', ['a'], 'user:a'],
    ['user:{0.id}', [{ id: 7 }], 'user:7'],
    ['user:{0.id}', [{ id: '7' }], "user:'7"],
    ['user:{0.filter.from}:x', [{ filter: { from: 'now' } }], 'user:now:x'],
    ['{1}:{0}', ['a', 'b'], 'b:a'],
    ['{0}:{0.length}', ['abc'], 'abc:3'],
    ['row:{0.0}', [['x']], 'row:x'],
    ['user:{0.größe}', [{ größe: 1 }], 'user:1'],
    ['größe:{0}', [1], 'gr%C3%B6%C3%9Fe:1'],
    ['user:{0.id?}', [{}], 'user:undefined'],
    ['user:{0.id?}', [{ id: null }], 'user:null'],
    ['user:{0.id?}', [{ id: 'null' }], "user:'null"],
    ['user:{0.a.b?}', [], 'user:undefined'],
    ['user:{0}', [''], "user:'"],
    ['user:{0}', [{ id: 1 }], 'user:(id=1)'],
  ])('%s of %j', (key, args, expected) => {
    expect(derive(key, ...args)).toBe(expected)
  })

  test.each<[string, unknown[], string]>([
    ['user:{0}', [], '{0} is undefined'],
    ['user:{0}', [null], '{0} is null'],
    ['user:{0.id}', [{}], '{0.id} is undefined: where that may be, write {0.id?}'],
    ['user:{0.a.b}', [{ a: null }], '{0.a.b} is undefined'],
    ['user:{0}', [() => {}], '{0} is a function'],
    ['user:{0.toString}', [{}], '{0.toString} is a function'],
  ])('%s of %o is refused at the call', (key, args, message) => {
    expect(() => derive(key, ...args)).toThrow(UnkeyableError)
    expect(() => derive(key, ...args)).toThrow(message)
  })

  test('never gives two argument lists one key', () => {
    fc.assert(
      fc.property(hostileString, hostileString, hostileString, hostileString, (a, b, c, d) => {
        for (const key of ['{0}:{1}', 'x{0}-:{1}', '{0}:-{1}y', 'a:{0}:b:{1}']) {
          expect(derive(key, a, b) === derive(key, c, d)).toBe(a === c && b === d)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test.each(['{0}{1}', '{0}-{1}', 'a:{0}/{1}', '{0}by{1}:x', '{0}é{1}'])(
    '%s is refused, since its holes would run into each other',
    (key) => {
      expect(() => planText(key, any)).toThrow(CacheConfigError)
      expect(() => planText(key, any)).toThrow('write a colon between them, as in {0}:{1}')
    },
  )

  test.each([
    ['user:{id}', '{id}: a hole names an argument by its position, from 0, as in {0}'],
    ['user:{}', '{}: a hole names'],
    ['user:{ 0 }', '{ 0 }: a hole names'],
    ['user:{0.}', 'a hole names'],
    ['user:{0.a-b}', 'a hole names'],
    ['user:{0?.id}', 'a hole names'],
    ['user:{-1}', 'a hole names'],
    ['user:{0[id]}', 'a hole names'],
    ['user:{0', 'a brace that is not closed or not opened'],
    ['user:0}', 'a brace that is not closed or not opened'],
    ['user:}0{', 'a brace that is not closed or not opened'],
    ['user:{{0}}', 'has a brace'],
    ['', "key is an empty string: write for instance 'dashboard:stats'"],
    ['user *', 'has other characters than letters, digits and _ . : / @ + - $ in its fixed part'],
    ['user:*', 'for data, write a hole such as {0}, or a key function'],
    ['user:[a]', 'letters, digits and _ . : / @ + - $'],
    ['a~b', 'has other characters than letters, digits and _ . : / @ + - $ in its fixed part'],
    ['a%20b', 'has other characters than letters, digits and _ . : / @ + - $ in its fixed part'],
    ['a\nb', 'has other characters than letters, digits and _ . : / @ + - $ in its fixed part'],
  ])('%j is refused where it is declared, with what to write', (key, message) => {
    expect(() => planText(key, any)).toThrow(CacheConfigError)
    expect(() => planText(key, any)).toThrow(message)
    expect(() => planLiteral(key, any)).toThrow(CacheConfigError)
  })

  test('shows no data in its head', () => {
    expect(planText('user:{0}:x', any).head).toBe('user:')
    expect(planText('{0}', any).head).toBe('template')
    expect(planText('users', any).head).toBe('users')
  })
})

describe('an argument that is not there', () => {
  const refusal = 'has the hole {2}, but'

  class Service {
    async plain(_a: unknown) {}
    async [String('com()puted')](_a: unknown, _b = 1, _c = 2) {}
    static async fixed(_a: unknown, _b: unknown) {}
  }

  test.each<[string, Function]>([
    ['an arrow function', two],
    ['one without parentheses', Object.assign(async (_a: unknown) => {})],
    ['one without parameters', none],
    ['a method', new Service().plain],
    ['a static method', Service.fixed],
    // biome-ignore lint/complexity/useArrowFunction: the form is what is tested
    ['a function', async function (_a: unknown) {}],
    ['destructuring', async ({ a: _a }: { a: unknown }) => {}],
  ])('is refused for %s', (_, fn) => {
    expect(() => planText('user:{2}', fn)).toThrow(CacheConfigError)
    expect(() => planText('user:{2}', fn)).toThrow(refusal)
    expect(() => planText('user:{2.id?}', fn)).toThrow('has no argument 2')
  })

  test('the message says how many there are', () => {
    expect(() => planText('user:{2}', two)).toThrow('but two has no argument 2: it takes 2, numbered from 0')
    expect(() => planText('user:{0}', none)).toThrow('but none has no argument 0: it takes 0')
  })

  test.each<[string, Function]>([
    ['a default', async (_a: unknown, _b = 1, _c = 2) => {}],
    ['a default that calls', async (_a = String(1), _b = 1, _c = 2) => {}],
    ['a default within a pattern', async ({ a: _a = 1 } = {}, _b: unknown, _c: unknown) => {}],
    ['a rest parameter', async (_a: unknown, ..._rest: unknown[]) => {}],
    [
      'arguments',
      async function () {
        // biome-ignore lint/complexity/noArguments: it is what is tested
        return arguments[2]
      },
    ],
    ['a bound function', two.bind(undefined)],
    ['native code', Math.max],
    ['a method with a computed name', Reflect.get(Service.prototype, 'com()puted')],
    // The compiler would leave the comment out.
    ['a comment with a parenthesis', new Function('return async (a /* ) */, b = 1, c = 2) => {}')()],
    ['a quoted name', new Function("return ({ async 'f(x)'(a, b = 1, c = 2) {} })['f(x)']")()],
  ])('is not refused where it cannot be proven: %s', (_, fn) => {
    expect(planText('user:{2}', fn).derive(undefined, [1, 2, 3])).toBe('user:3')
  })

  test('is never refused wrongly for one that is there', () => {
    expect(planText('user:{1}', two).derive(undefined, ['a', 'b'])).toBe('user:b')
  })
})

describe('a key function', () => {
  const call = (returned: unknown) => planFunction((() => returned) as never, 'head').derive(undefined, [])

  test.each<[unknown, string]>([
    ['user:1', 'user:1'],
    ['user 1*', 'user%201%2A'],
    [5, '5'],
    [5n, '5n'],
    [['user', 1], 'user:1'],
    [['user', '1'], "user:'1"],
    [['a:b', 'c'], 'a%3Ab:c'],
    [['a', 'b:c'], 'a:b%3Ac'],
    [['a', { b: 1 }], 'a:(b=1)'],
    [[''], "'"],
  ])('that returns %o', (returned, key) => {
    expect(call(returned)).toBe(key)
  })

  test('may return a secret', () => {
    expect(call(secret('x'))).toMatch(/^secret\(/)
    expect(call(['session', secret('x')])).toMatch(/^session:secret\(/)
  })

  test.each<[string, unknown, string]>([
    [
      'nothing',
      undefined,
      'what the key function returned is undefined: a key is a string, or an array of at least one part',
    ],
    ['null', null, 'is null'],
    ['an empty string', '', 'is an empty string'],
    ['an empty array', [], 'is an empty array: a key is a string, or an array of at least one part'],
    [
      'a missing part',
      ['user', undefined],
      "part 1, is undefined: where that may be, return a word for it, such as 'none'",
    ],
    ['a part that is null', ['user', null], 'part 1, is null'],
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is tested
    ['a hole', ['user', , 'x'], 'part 1, is undefined'],
    ['a promise', Promise.resolve('x'), 'is a promise'],
    ['a boolean', true, 'is boolean'],
    ['an object', { id: 1 }, 'is object'],
    ['a part that is a function', ['a', () => {}], 'part 1, is a function'],
  ])('that returns %s is refused', (_, returned, message) => {
    expect(() => call(returned)).toThrow(UnkeyableError)
    expect(() => call(returned)).toThrow(message)
  })

  test('gets this and the arguments of the call', () => {
    const plan = planFunction(
      function (this: { tenant: string }, id: number) {
        return [this.tenant, id]
      } as never,
      'head',
    )
    expect(plan.derive({ tenant: 't' }, [7])).toBe('t:7')
  })

  test('parts never run into each other', () => {
    const lists = fc.array(hostileString, { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        expect(keyOf(a, 'key') === keyOf(b, 'key')).toBe(JSON.stringify(a) === JSON.stringify(b))
      }),
      { numRuns: 2_000 },
    )
  })
})
