import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NoTenantError } from '../src/errors.ts'
import { literalPattern, matches, spelledPattern } from '../src/glob.ts'
import { directKey } from '../src/invalidator.ts'
import { stampKey, tagsIn } from '../src/stamp-key.ts'
import { SHARED, tenantOf, tenantPart } from '../src/tenant.ts'
import { HOSTILE, hostileString } from './plain-data.ts'

const NAMES = [
  ...HOSTILE.filter((name) => name !== ''),
  ...[
    'acme',
    'acme:',
    'acme:eu',
    'acme^',
    '^acme',
    '^acme:',
    '^',
    '*',
    '?',
    '[a-z]',
    '\\',
    '\\^',
    '%5E',
    '{acme}',
    '::',
  ],
  ...[
    '1',
    "'1",
    'null',
    'undefined',
    'true',
    ' ',
    'é',
    'e\u0301',
    '租户',
    '😀',
    '\ud83d',
    '\ude00',
    '\0',
    '\n',
    '~',
    'a~b',
  ],
  ...[`${'x'.repeat(300)}a`, `${'x'.repeat(300)}b`, 'x'.repeat(120), '*'.repeat(500)],
]
const name = fc.oneof(fc.constantFrom(...NAMES), hostileString).filter((text) => text !== '')
const key = fc.oneof(
  fc.constantFrom(...NAMES),
  hostileString.filter((text) => text !== ''),
  fc.array(hostileString, { minLength: 1, maxLength: 3 }),
)
/** Of a tenant, of nobody's, or of a cache without tenants. */
const space = fc.oneof({ weight: 4, arbitrary: name.map(tenantPart) }, fc.constantFrom(SHARED, ''))
const keyIn = (part: string, of: string | readonly string[]) => `app::${part}${directKey(of, 'test')}`

describe('what keys of a tenant begin with', () => {
  test('is another for every name', () => {
    expect(new Set(NAMES.map(tenantPart)).size).toBe(new Set(NAMES).size)
    fc.assert(fc.property(name, name, (some, other) => (tenantPart(some) === tenantPart(other)) === (some === other)))
  })

  test('is printable, bounded, and ends at its first colon', () => {
    const check = (text: string) => {
      expect(tenantPart(text)).toMatch(/^\^[!-)+->@-Z_`a-z|~]+:$/)
      expect(tenantPart(text).indexOf(':')).toBe(tenantPart(text).length - 1)
      expect(tenantPart(text).length).toBeLessThanOrEqual(202)
    }
    NAMES.forEach(check)
    fc.assert(fc.property(name, check))
  })

  test('is the same for a number and its digits', () => {
    expect(tenantPart(42)).toBe(tenantPart('42'))
    expect(tenantPart(42n)).toBe(tenantPart('42'))
  })

  test.each([[undefined], [null], [''], [Number.NaN], [Number.POSITIVE_INFINITY], [1.5], [true], [{}], [['acme']]])(
    'there is none for %o',
    (tenant) => {
      expect(() => tenantPart(tenant)).toThrow(NoTenantError)
    },
  )
})

test('no two pairs of tenant and key share a key of the store, whichever way the key is given', () => {
  fc.assert(
    fc.property(space, key, space, key, (someSpace, someKey, otherSpace, otherKey) => {
      const shared = keyIn(someSpace, someKey) === keyIn(otherSpace, otherKey)
      const sameKey = directKey(someKey, 'test') === directKey(otherKey, 'test')
      return shared === (someSpace === otherSpace && sameKey)
    }),
    { numRuns: 3_000 },
  )
})

test('no pattern of a tenant matches a key of another, of nobody, or of a cache without tenants', () => {
  const pattern = fc.oneof(fc.constantFrom('*', '**', '?*', '[^a]*', '^*', '\\', '[', '[^', '*:*', '..'), hostileString)
  fc.assert(
    fc.property(space, pattern, space, key, (someSpace, glob, otherSpace, otherKey) => {
      if (someSpace === otherSpace || someSpace === '') return true
      return !matches(literalPattern(`app::${someSpace}`) + spelledPattern(glob), keyIn(otherSpace, otherKey))
    }),
    { numRuns: 3_000 },
  )
})

test('a pattern for all of a tenant matches each of its keys', () => {
  fc.assert(fc.property(space, key, (part, one) => matches(`${literalPattern(`app::${part}`)}*`, keyIn(part, one))))
})

test('a tag of one tenant is not that of another, and no key is one', () => {
  const tag = hostileString.filter((text) => text !== '')
  fc.assert(
    fc.property(name, tag, name, tag, (some, someTag, other, otherTag) => {
      const at = (tenant: string, one: string) => tagsIn(tenantPart(tenant), [directKey([one], 'test')])[0] as string
      const [one, two] = [stampKey('app', at(some, someTag)), stampKey('app', at(other, otherTag))]
      return (one === two) === (some === other && someTag === otherTag) && !one.startsWith('app::')
    }),
  )
})

describe('a resolver', () => {
  test('is asked each time', () => {
    let asked = 0
    const tenant = tenantOf(() => `t${++asked}`)
    expect([tenant(), tenant()]).toEqual(['^t1:', '^t2:'])
  })

  test('that throws, or answers with something else, means that there is no tenant, and says why', () => {
    const fails = (resolve: () => unknown) => () => tenantOf(resolve as () => string)()
    expect(fails(() => undefined)).toThrow('there is no tenant')
    expect(fails(async () => 'acme')).toThrow('has to answer at once')
    expect(fails(async () => Promise.reject(new Error('unheard')))).toThrow('has to answer at once')
    expect(fails(() => ({ id: 'secret' }))).toThrow('a word or a whole number, not of type object')
    expect(
      fails(() => {
        throw new Error('no request')
      }),
    ).toThrow(new NoTenantError('the option tenant threw: no request'))
  })
})
