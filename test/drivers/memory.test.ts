import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Draft, Driver, State } from '../../src/drivers/driver.ts'
import { memoryDriver } from '../../src/drivers/memory.ts'
import { entryHead, newId } from '../../src/entry.ts'
import { HandClock } from '../../src/testing/hand-clock.ts'

const RULES = { serializer: undefined, maxValueBytes: 1e6 }

function setUp(limits: { maxItems?: number; maxBytes?: number } = {}) {
  const clock = new HandClock()
  const driver = memoryDriver({ maxItems: 100, maxBytes: 1e6, isolation: 'clone', ...limits }, clock, 'test')
  const draft = (value: unknown, ttlMs = 1_000, id = 'value-id-0000000'): Draft => ({
    id,
    body: driver.packing.pack(value, RULES),
    ttlMs,
    keepMs: ttlMs,
    stamps: [],
    loadMs: 5,
    version: 'v',
  })
  const read = async (key: string): Promise<State> => (await driver.readMany([key]))[0] as State
  const value = async (key: string) => {
    const state = await read(key)
    return state.kind === 'value' ? driver.packing.unpack(state.body, RULES) : state.kind
  }
  return { clock, driver, draft, read, value }
}

/** It takes as much of the bytes as a value. */
const LONG_KEY = 'long'.repeat(200)

const lease = (driver: Driver, token = 'token', key = 'k', over?: string) =>
  driver.acquire(key, { token, leaseMs: 500, over })

describe('the memory driver', () => {
  test('grants a lease once, stores under it, and gives the value to the next', async () => {
    const { driver, draft, read, value } = setUp()
    expect(await value('k')).toBe('absent')
    expect(await lease(driver, 'one')).toBe('granted')
    expect(await value('k')).toBe('lease')
    expect(await lease(driver, 'two')).toBe('leased')
    expect(await driver.commit('k', entryHead('lease', 'two'), draft(2))).toBe(false)
    expect(await driver.commit('k', entryHead('lease', 'one'), draft({ a: 1 }))).toBe(true)
    expect(await value('k')).toEqual({ a: 1 })
    expect(await lease(driver, 'three')).toBe('value')
    expect(await read('k')).toMatchObject({
      header: {
        id: 'value-id-0000000',
        version: 'v',
        loadMs: 5,
        createdAt: driver.time(),
        hardExpiresAt: driver.time() + 1_000,
      },
    })
  })

  test('a removal kills the load under way', async () => {
    const { driver, draft, value } = setUp()
    await lease(driver)
    expect(await driver.remove(['k', 'other'])).toBe(1)
    expect(await driver.commit('k', entryHead('lease', 'token'), draft(1))).toBe(false)
    expect(await driver.renew('k', 'token', 500)).toBe(false)
    expect(await driver.release('k', 'token', 500)).toBe(false)
    expect(await value('k')).toBe('absent')
  })

  test('a lease ends by itself, unless it is renewed', async () => {
    const { clock, driver, draft, value } = setUp()
    await lease(driver)
    clock.advance(499)
    expect(await driver.renew('k', 'token', 500)).toBe(true)
    expect(await driver.renew('k', 'other', 500)).toBe(false)
    clock.advance(499)
    expect(await value('k')).toBe('lease')
    clock.advance(1)
    expect(await value('k')).toBe('absent')
    expect(await driver.renew('k', 'token', 500)).toBe(false)
    expect(await driver.commit('k', entryHead('lease', 'token'), draft(1))).toBe(false)
  })

  test('a lease is given back, or leaves a pass marker that another lease may replace', async () => {
    const { clock, driver, read, value } = setUp()
    await lease(driver)
    expect(await driver.release('k', 'other')).toBe(false)
    expect(await driver.release('k', 'token')).toBe(true)
    expect(await value('k')).toBe('absent')
    await lease(driver)
    expect(await driver.release('k', 'token', 100)).toBe(true)
    expect(await value('k')).toBe('pass')
    expect(await lease(driver, 'next')).toBe('granted')
    expect(await read('k')).toMatchObject({ kind: 'lease', header: { optimistic: true } })
    await driver.release('k', 'next', 100)
    clock.advance(100)
    expect(await value('k')).toBe('absent')
  })

  test('a value is replaced only by a lease over just this value', async () => {
    const { driver, draft, value } = setUp()
    await driver.put([{ key: 'k', draft: draft(1) }])
    expect(await lease(driver, 'a', 'k', entryHead('value', 'another-value-00'))).toBe('value')
    expect(await value('k')).toBe(1)
    expect(await lease(driver, 'a', 'k', entryHead('value', 'value-id-0000000'))).toBe('granted')
    expect(await lease(driver, 'b', 'k', entryHead('value', 'value-id-0000000'))).toBe('leased')
  })

  test('a value that is refreshed is replaced only while it stands', async () => {
    const { driver, draft, value } = setUp()
    await driver.put([{ key: 'k', draft: draft(1) }])
    const head = entryHead('value', 'value-id-0000000')
    expect(await driver.commit('k', head, draft(2, 1_000, 'value-id-0000001'))).toBe(true)
    expect(await driver.commit('k', head, draft(3))).toBe(false)
    expect(await value('k')).toBe(2)
  })

  test('a value expires by the monotonic clock, however the wall clock is set', async () => {
    const { clock, driver, draft, value } = setUp()
    await driver.put([{ key: 'k', draft: draft(1, 1_000) }])
    clock.wallOffset += 1e9
    clock.advance(999)
    expect(await value('k')).toBe(1)
    clock.wallOffset -= 2e9
    clock.advance(1)
    expect(await value('k')).toBe('absent')
    expect(await driver.remove(['k'])).toBe(0)
    expect(await lease(driver)).toBe('granted')
  })

  test('counts, with a ttl from the first count on', async () => {
    const { clock, driver, value } = setUp()
    expect(await driver.increment('n', 2, 1_000)).toBe(2)
    clock.advance(600)
    expect(await driver.increment('n', -5, 1_000)).toBe(-3)
    expect(await driver.readMany(['n'])).toEqual([{ kind: 'counter', value: -3 }])
    expect(await lease(driver, 'a', 'n')).toBe('foreign')
    clock.advance(400)
    expect(await value('n')).toBe('absent')
    expect(await driver.increment('n', 1, 1_000)).toBe(1)
  })

  test('does not count what is no counter', async () => {
    const { driver, draft, value } = setUp()
    await driver.put([{ key: 'k', draft: draft(1) }])
    await expect(driver.increment('k', 1, 1_000)).rejects.toMatchObject({ code: 'WRONGTYPE', local: true })
    expect(await value('k')).toBe(1)
  })

  test('scans by glob, in batches, while keys come and go', async () => {
    const { driver, draft } = setUp({ maxItems: 10_000, maxBytes: 1e9 })
    for (let i = 0; i < 2_500; i++)
      await driver.put([
        { key: `a:${i}`, draft: draft(i) },
        { key: `b:${i}`, draft: draft(i) },
      ])
    const found: string[] = []
    for await (const keys of driver.scan('a:*')) {
      expect(keys.length).toBeLessThanOrEqual(1_000)
      found.push(...keys)
      await driver.remove(keys)
      await driver.put([{ key: `c:${found.length}`, draft: draft(1) }])
    }
    expect(new Set(found).size).toBe(2_500)
    expect(found.every((name) => name.startsWith('a:'))).toBe(true)
    for await (const keys of driver.scan('a:*')) expect(keys).toEqual([])
  })

  test('put says how many are kept', async () => {
    const { driver, draft, value } = setUp({ maxBytes: 2_000 })
    const items = [
      { key: 'small', draft: draft(1) },
      { key: LONG_KEY, draft: draft('x'.repeat(500)) },
    ]
    expect(await driver.put(items)).toBe(1)
    expect([await value('small'), await value(LONG_KEY)]).toEqual([1, 'absent'])
  })

  test('a load whose result finds no room has not stored it', async () => {
    const { driver, draft, value } = setUp({ maxBytes: 2_000 })
    expect(await lease(driver, 'token', LONG_KEY)).toBe('granted')
    expect(await driver.commit(LONG_KEY, entryHead('lease', 'token'), draft('x'.repeat(500)))).toBe(false)
    expect(await value(LONG_KEY)).toBe('absent')
  })

  test('a value that alone would not fit is too large', () => {
    const { draft } = setUp({ maxBytes: 2_000 })
    expect(() => draft('x'.repeat(3_000))).toThrow('the value is larger than memory.maxBytes (2000 bytes)')
  })

  test('a lease is granted and kept where everything else is warm', async () => {
    const { driver, draft, value } = setUp({ maxItems: 3 })
    for (const key of ['a', 'b', 'c']) await driver.put([{ key, draft: draft(1) }])
    for (let i = 0; i < 10; i++) {
      for (const key of ['a', 'b', 'c']) await value(key)
      expect(await lease(driver, 'token', `new${i}`)).toBe('granted')
      expect(await driver.commit(`new${i}`, entryHead('lease', 'token'), draft(i))).toBe(true)
      expect(await value(`new${i}`)).toBe(i)
    }
  })

  test('forgets everything when it is closed', async () => {
    const { driver, draft, value } = setUp()
    await driver.put([{ key: 'k', draft: draft(1) }])
    expect(await driver.close()).toBe(0)
    expect(await value('k')).toBe('absent')
  })

  test('does what a simple model of it does', async () => {
    const keys = fc.constantFrom('a', 'b', 'c')
    const tokens = fc.constantFrom('t1', 't2')
    const step = fc.oneof(
      fc.tuple(fc.constant('acquire' as const), keys, tokens),
      fc.tuple(fc.constant('commit' as const), keys, tokens),
      fc.tuple(fc.constant('renew' as const), keys, tokens),
      fc.tuple(fc.constant('release' as const), keys, tokens),
      fc.tuple(fc.constant('pass' as const), keys, tokens),
      fc.tuple(fc.constant('remove' as const), keys, tokens),
      fc.tuple(fc.constant('put' as const), keys, tokens),
      fc.tuple(fc.constant('wait' as const), keys, tokens),
    )
    type Slot = { readonly kind: 'lease' | 'value' | 'pass'; readonly by: string; readonly until: number }
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, driver, draft, value } = setUp()
        const model = new Map<string, Slot>()
        let now = 0
        for (const [what, key, by] of steps) {
          for (const [name, slot] of model) if (slot.until <= now) model.delete(name)
          const slot = model.get(key)
          const mine = slot?.kind === 'lease' && slot.by === by
          if (what === 'wait') {
            clock.advance(200)
            now += 200
          } else if (what === 'acquire') {
            const expected = slot?.kind === 'value' ? 'value' : slot?.kind === 'lease' ? 'leased' : 'granted'
            expect(await lease(driver, by, key)).toBe(expected)
            if (expected === 'granted') model.set(key, { kind: 'lease', by, until: now + 500 })
          } else if (what === 'commit') {
            expect(await driver.commit(key, entryHead('lease', by), draft(by, 700))).toBe(mine)
            if (mine) model.set(key, { kind: 'value', by, until: now + 700 })
          } else if (what === 'renew') {
            expect(await driver.renew(key, by, 500)).toBe(mine)
            if (mine) model.set(key, { ...slot, until: now + 500 })
          } else if (what === 'release') {
            expect(await driver.release(key, by)).toBe(mine)
            if (mine) model.delete(key)
          } else if (what === 'pass') {
            expect(await driver.release(key, by, 300)).toBe(mine)
            if (mine) model.set(key, { kind: 'pass', by, until: now + 300 })
          } else if (what === 'remove') {
            expect(await driver.remove([key])).toBe(slot ? 1 : 0)
            model.delete(key)
          } else {
            await driver.put([{ key, draft: draft(by, 700) }])
            model.set(key, { kind: 'value', by, until: now + 700 })
          }
          for (const name of ['a', 'b', 'c']) {
            const known = model.get(name)
            const expected = !known || known.until <= now ? 'absent' : known.kind === 'value' ? known.by : known.kind
            expect(await value(name)).toBe(expected)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})

// By the system's clock, which is asked for roughly: what it tells may be a little older than the driver.
test('only what may be served without another look is found as a plain hit, from the very beginning on', async () => {
  for (let i = 0; i < 200; i++) {
    const driver = memoryDriver({ maxItems: 100, maxBytes: 1e6, isolation: 'clone' }, systemClock, 'test')
    const draft = (value: unknown): Draft => ({
      ...{ id: newId(), body: driver.packing.pack(value, RULES), ttlMs: 60_000, keepMs: 120_000 },
      ...{ stamps: [], loadMs: 5, version: 'v' },
    })
    await driver.put([
      { key: 'test::plain', draft: draft(1) },
      { key: 'test::tagged', draft: { ...draft(2), stamps: [['tag', 'stamp']] } },
      { key: 'test::ended', draft: draft(3) },
    ])
    await driver.invalidate({ key: 'test::ended', mode: 'expire' })
    const found = ['plain', 'tagged', 'ended'].map((key) => driver.find?.(key, 'v')?.size)
    expect(found).toEqual([expect.any(Number), undefined, undefined])
  }
})
