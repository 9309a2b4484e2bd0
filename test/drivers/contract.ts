import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Driver, State } from '../../src/drivers/driver.ts'
import { entryHead, newId } from '../../src/entry.ts'
import type { PackRules, Serializer } from '../../src/packing.ts'
import { fateOf } from '../../src/stamps.ts'
import { testWhere } from '../support/test-where.ts'
import { until } from '../support/until.ts'

/** What tests do behind a driver's back. */
export interface Backdoor {
  write(key: string, bytes: string | Buffer): Promise<unknown>
  writeHash(key: string): Promise<unknown>
  writeList(key: string): Promise<unknown>
  read(key: string): Promise<Buffer | null>
  /** Milliseconds until it expires; -1 never, -2 not there. */
  ttl(key: string): Promise<number>
}

export interface Opened {
  readonly driver: Driver
  /** `undefined` where there is nothing behind the driver. */
  readonly backdoor?: Backdoor
  close?(): Promise<unknown>
}

const PLAIN: PackRules = { serializer: undefined, maxValueBytes: 1_000_000 }
const LEASE_MS = 5_000

/**
 * What every driver that keeps something has to do.
 *
 * @param faithful - false for the mock, which reads patterns as faulty regular expressions and adds to what is no number
 * @param outside - false for memory, which nobody else can write to
 */
export function describeContract(
  name: string,
  open: () => Promise<Opened>,
  { faithful = true, outside = true } = {},
): void {
  describe(`the contract of drivers: ${name}`, () => {
    let opened: Opened
    let driver: Driver
    beforeAll(async () => {
      opened = await open()
      driver = opened.driver
    })
    afterAll(async () => {
      expect(await opened?.driver.close()).toBe(0)
      await opened?.close?.()
    })

    let scopes = 0
    /** Keys of one test, apart from those of all others. */
    const newScope = () => {
      const scope = `contract::${++scopes}:`
      return (key: string | number) => scope + key
    }
    const newKey = () => newScope()('key')
    const draftOf = (value: unknown, { ttlMs = 60_000, version = '', rules = PLAIN } = {}) => ({
      id: newId(),
      body: driver.packing.pack(value, rules),
      ttlMs,
      keepMs: ttlMs,
      loadMs: 7,
      version,
      stamps: [],
    })
    const put = (key: string, value: unknown, options?: Parameters<typeof draftOf>[1]) =>
      driver.put([{ key, draft: draftOf(value, options) }])
    const stateOf = async (key: string) => (await driver.readMany([key]))[0] as State
    const unpacked = (state: State | undefined, rules = PLAIN) =>
      state?.kind === 'value' ? driver.packing.unpack(state.body, rules) : state?.kind
    const valueAt = async (key: string, rules = PLAIN) => unpacked(await stateOf(key), rules)
    const acquire = (key: string, token: string, over?: string) =>
      driver.acquire(key, { token, leaseMs: LEASE_MS, over })
    const lease = async (key: string) => {
      const token = newId()
      expect(await acquire(key, token)).toBe('granted')
      return token
    }
    const commit = (key: string, token: string, value: unknown) =>
      driver.commit(key, entryHead('lease', token), draftOf(value))
    const scanned = async (glob: string) => {
      const found = new Set<string>()
      for await (const keys of driver.scan(glob)) for (const key of keys) found.add(key)
      return [...found].sort()
    }

    describe('readMany', () => {
      test('answers in order, absent keys and repeated ones too', async () => {
        const key = newScope()
        await put(key('a'), 'A')
        await put(key('b'), { b: [1] })
        const states = await driver.readMany([key('b'), key('none'), key('a'), key('b')])
        expect(states.map((state) => unpacked(state))).toEqual([{ b: [1] }, 'absent', 'A', { b: [1] }])
        expect(await driver.readMany([key('none')])).toEqual([{ kind: 'absent' }])
      })

      test('answers many', async () => {
        const key = newScope()
        const numbers = Array.from({ length: 1_500 }, (_, i) => i)
        const items = numbers.filter((i) => i % 3 === 0).map((i) => ({ key: key(i), draft: draftOf(i) }))
        expect(await driver.put(items)).toBe(500)
        const states = await driver.readMany(numbers.map(key))
        expect(states.map((state) => unpacked(state))).toEqual(numbers.map((i) => (i % 3 === 0 ? i : 'absent')))
      })

      test('says when a value was made, how long it is good for and what made it', async () => {
        const key = newKey()
        const before = driver.time()
        await put(key, 1, { version: 'v2' })
        const state = await stateOf(key)
        if (state.kind !== 'value') throw new Error(`found ${state.kind}`)
        const { createdAt, hardExpiresAt, loadMs, version } = state.header
        expect(createdAt).toBeGreaterThanOrEqual(Math.floor(before))
        expect(createdAt).toBeLessThanOrEqual(Math.ceil(driver.time()))
        expect(Math.round(hardExpiresAt - createdAt)).toBe(60_000)
        expect({ loadMs, version }).toEqual({ loadMs: 7, version: 'v2' })
      })

      testWhere(outside)('a bad key does not harm its neighbours', async () => {
        const backdoor = opened.backdoor as Backdoor
        const key = newScope()
        await put(key('good'), 'good')
        const whole = (await backdoor.read(key('good'))) as Buffer
        await backdoor.writeHash(key('hash'))
        await backdoor.writeList(key('list'))
        await backdoor.write(key('garbage'), Buffer.from([0xff, 0, 10, 0x80]))
        await backdoor.write(key('future'), `cw2 V ${newId()} something that only a later version can read\n{}`)
        await backdoor.write(key('cut'), whole.subarray(0, -2))
        await backdoor.write(key('empty'), '')
        const names = ['good', 'hash', 'list', 'garbage', 'future', 'cut', 'empty', 'none', 'good']
        const states = await driver.readMany(names.map(key))
        expect(unpacked(states[0])).toBe('good')
        expect(unpacked(states[8])).toBe('good')
        expect(states[7]).toEqual({ kind: 'absent' })
        // MGET calls a hash absent; acquire is there to tell.
        for (const i of [1, 2]) expect(states[i]?.kind).toMatch(/absent|foreign/)
        for (const i of [3, 4, 6]) expect(states[i]).toEqual({ kind: 'foreign' })
        expect(states[5]?.kind).toBe('value')
        expect(() => unpacked(states[5])).toThrow('cannot be read')
      })
    })

    describe('acquire', () => {
      test('is granted once, until the load is stored', async () => {
        const key = newKey()
        const token = await lease(key)
        expect(await acquire(key, newId())).toBe('leased')
        expect((await stateOf(key)).kind).toBe('lease')
        expect(await commit(key, token, 'loaded')).toBe(true)
        expect(await acquire(key, newId())).toBe('value')
        expect(await valueAt(key)).toBe('loaded')
      })

      test('is granted to one of many', async () => {
        const key = newKey()
        const answers = await Promise.all(Array.from({ length: 50 }, () => acquire(key, newId())))
        expect(answers.filter((answer) => answer === 'granted')).toHaveLength(1)
        expect(answers.filter((answer) => answer === 'leased')).toHaveLength(49)
      })

      test('is granted over the value that is named, and over no other', async () => {
        const key = newKey()
        const old = draftOf('old')
        await driver.put([{ key, draft: old }])
        expect(await acquire(key, newId(), entryHead('value', newId()))).toBe('value')
        expect(await valueAt(key)).toBe('old')
        expect(await acquire(key, newId(), entryHead('value', old.id))).toBe('granted')
        expect((await stateOf(key)).kind).toBe('lease')
        expect(await acquire(key, newId(), entryHead('value', old.id))).toBe('leased')
      })

      test('is granted over a pass marker, and says so in the lease', async () => {
        const key = newKey()
        const token = await lease(key)
        expect(await driver.release(key, token, 60_000)).toBe(true)
        expect((await stateOf(key)).kind).toBe('pass')
        expect(await acquire(key, newId())).toBe('granted')
        expect(await stateOf(key)).toMatchObject({ kind: 'lease', header: { optimistic: true } })
      })

      test('leaves a counter alone', async () => {
        const key = newKey()
        await driver.increment(key, 3, 60_000)
        expect(await acquire(key, newId())).toBe('foreign')
        expect(await stateOf(key)).toEqual({ kind: 'counter', value: 3 })
      })

      testWhere(outside)('leaves alone what is not ours', async () => {
        const backdoor = opened.backdoor as Backdoor
        const key = newScope()
        await backdoor.writeHash(key('hash'))
        await backdoor.writeList(key('list'))
        await backdoor.write(key('text'), 'hello')
        await backdoor.write(key('empty'), '')
        await backdoor.write(key('future'), `cw2 V ${newId()} later\n{}`)
        for (const name of ['hash', 'list', 'text', 'empty', 'future']) {
          expect(await acquire(key(name), newId()), name).toBe('foreign')
        }
        expect(String(await backdoor.read(key('text')))).toBe('hello')
      })
    })

    describe('commit is a compare-and-set', () => {
      test('that a removal defeats', async () => {
        const key = newKey()
        const token = await lease(key)
        expect(await driver.remove([key])).toBe(1)
        expect(await commit(key, token, 'old')).toBe(false)
        expect(await valueAt(key)).toBe('absent')
      })

      test('that a removal found by a scan defeats', async () => {
        const key = newScope()
        const token = await lease(key('x'))
        for await (const keys of driver.scan(key('*'))) await driver.remove(keys)
        expect(await commit(key('x'), token, 'old')).toBe(false)
        expect(await valueAt(key('x'))).toBe('absent')
      })

      test('that a put defeats', async () => {
        const key = newKey()
        const token = await lease(key)
        await put(key, 'put')
        expect(await commit(key, token, 'old')).toBe(false)
        expect(await valueAt(key)).toBe('put')
      })

      test('that the lease of another load defeats', async () => {
        const key = newKey()
        const first = await lease(key)
        await driver.remove([key])
        const second = await lease(key)
        expect(await commit(key, first, 'first')).toBe(false)
        expect(await commit(key, second, 'second')).toBe(true)
        expect(await commit(key, first, 'first')).toBe(false)
        expect(await valueAt(key)).toBe('second')
      })

      test('over a value: that very value must still stand', async () => {
        const key = newKey()
        const old = draftOf('old')
        await driver.put([{ key, draft: old }])
        const head = entryHead('value', old.id)
        expect(await driver.commit(key, head, draftOf('fresh'))).toBe(true)
        expect(await driver.commit(key, head, draftOf('late'))).toBe(false)
        expect(await valueAt(key)).toBe('fresh')
      })

      testWhere(outside)('over something foreign: never', async () => {
        const backdoor = opened.backdoor as Backdoor
        const key = newKey()
        const token = await lease(key)
        await backdoor.writeHash(key)
        expect(await commit(key, token, 'value')).toBe(false)
        expect(await backdoor.ttl(key)).toBe(-1)
      })
    })

    test('a lease expires, unless it is renewed; only its holder can renew it', async () => {
      const key = newScope()
      const [kept, left] = [newId(), newId()]
      await driver.acquire(key('kept'), { token: kept, leaseMs: 150 })
      await driver.acquire(key('left'), { token: left, leaseMs: 150 })
      expect(await driver.renew(key('kept'), newId(), 60_000)).toBe(false)
      expect(await driver.renew(key('kept'), kept, 60_000)).toBe(true)
      await until(async () => (await stateOf(key('left'))).kind === 'absent')
      expect(await driver.renew(key('left'), left, 60_000)).toBe(false)
      expect(await commit(key('left'), left, 1)).toBe(false)
      expect((await stateOf(key('kept'))).kind).toBe('lease')
      expect(await commit(key('kept'), kept, 1)).toBe(true)
      expect(await driver.renew(key('kept'), kept, 60_000)).toBe(false)
    })

    test('a lease is given back by its holder alone', async () => {
      const key = newKey()
      const token = await lease(key)
      expect(await driver.release(key, newId())).toBe(false)
      expect(await driver.release(key, newId(), 1_000)).toBe(false)
      expect((await stateOf(key)).kind).toBe('lease')
      expect(await driver.release(key, token)).toBe(true)
      expect((await stateOf(key)).kind).toBe('absent')
      expect(await driver.release(key, token)).toBe(false)
    })

    test('a pass marker takes the place of a lease, for its time', async () => {
      const key = newKey()
      const token = await lease(key)
      expect(await driver.release(key, token, 150)).toBe(true)
      expect((await stateOf(key)).kind).toBe('pass')
      expect(await commit(key, token, 'late')).toBe(false)
      await until(async () => (await stateOf(key)).kind === 'absent')
    })

    test('put replaces whatever of ours stands there', async () => {
      const key = newScope()
      await put(key('value'), 'old')
      await lease(key('lease'))
      await driver.release(key('pass'), await lease(key('pass')), 60_000)
      const names = ['value', 'lease', 'pass', 'none']
      expect(await driver.put(names.map((name) => ({ key: key(name), draft: draftOf(name) })))).toBe(4)
      for (const name of names) expect(await valueAt(key(name))).toBe(name)
      expect(await driver.put([])).toBe(0)
    })

    test('remove counts what was there', async () => {
      const key = newScope()
      await put(key('a'), 1)
      await put(key('b'), 2)
      expect(await driver.remove([key('a'), key('none'), key('b'), key('a')])).toBe(2)
      expect(await driver.remove([key('a')])).toBe(0)
      expect(await driver.remove([])).toBe(0)
      expect((await driver.readMany([key('a'), key('b')])).map(({ kind }) => kind)).toEqual(['absent', 'absent'])
    })

    test('what has expired is not there', async () => {
      const key = newKey()
      await put(key, 'short', { ttlMs: 100 })
      await until(async () => (await stateOf(key)).kind === 'absent')
      expect(await driver.remove([key])).toBe(0)
      expect(await acquire(key, newId())).toBe('granted')
    })

    describe('scan', () => {
      test('finds what matches, with thousands around it', async () => {
        const key = newScope()
        const keys = Array.from({ length: 2_500 }, (_, i) => key(`${i % 5 === 0 ? 'hit' : 'other'}:${i}`))
        await driver.put(keys.map((name) => ({ key: name, draft: draftOf(1) })))
        expect(await scanned(key('hit:*'))).toEqual(keys.filter((name) => name.includes('hit')).sort())
        expect(await scanned(key('*'))).toHaveLength(2_500)
        expect(await scanned(key('none*'))).toEqual([])
      })

      const names = ['a', 'b', 'ab', 'a*', 'a?', '[ab]', 'a\\b', 'a]', 'a-b', '^a', 'A', 'a:b', 'a::b', '{a}']
      testWhere(faithful).each([
        ['*', names],
        ['?', ['a', 'b', 'A']],
        ['[ab]', ['a', 'b']],
        ['[^a]', ['b', 'A']],
        ['[a-b]', ['a', 'b']],
        ['[b-a]', ['a', 'b']],
        ['\\[ab\\]', ['[ab]']],
        ['\\[ab]', ['[ab]']],
        ['a\\*', ['a*']],
        ['a\\?', ['a?']],
        ['a\\\\b', ['a\\b']],
        ['a]', ['a]']],
        ['a[]', []],
        ['[', []],
        ['[a', ['a']],
        ['^a', ['^a']],
        ['a:*', ['a:b', 'a::b']],
        ['{a}', ['{a}']],
        ['{a,b}', []],
        ['a**b', ['ab', 'a\\b', 'a-b', 'a:b', 'a::b']],
        ['', []],
      ])('reads the pattern %j as Redis does', async (glob, expected) => {
        const key = newScope()
        await driver.put(names.map((name) => ({ key: key(name), draft: draftOf(1) })))
        expect(await scanned(key(glob))).toEqual(expected.map(key).sort())
      })

      test.each(['app', 'app:x', 'app2', 'a.p', 'a+p', 'a$p', 'a/p', 'a@p', 'a-p', 'a_p'])(
        'a prefix like %j is itself only',
        async (prefix) => {
          const scope = newScope()
          const others = ['app', 'app:x', 'app2', 'a.p', 'a+p', 'a$p', 'a/p', 'a@p', 'a-p', 'a_p', 'axp', 'aapp']
          await driver.put(others.map((other) => ({ key: scope(`${other}::key`), draft: draftOf(1) })))
          expect(await scanned(scope(`${prefix}::*`))).toEqual([scope(`${prefix}::key`)])
        },
      )
    })

    describe('increment', () => {
      test('counts, up and down, from nothing', async () => {
        const key = newKey()
        expect(await driver.increment(key, 5, 60_000)).toBe(5)
        expect(await driver.increment(key, -7, 60_000)).toBe(-2)
        expect(await driver.increment(key, 0, 60_000)).toBe(-2)
        expect(await stateOf(key)).toEqual({ kind: 'counter', value: -2 })
      })

      test('loses none of many', async () => {
        const key = newKey()
        const counts = await Promise.all(Array.from({ length: 200 }, () => driver.increment(key, 1, 60_000)))
        expect(new Set(counts).size).toBe(200)
        expect(await driver.increment(key, 0, 60_000)).toBe(200)
      })

      test('the time to live begins with the counter and is not put off', async () => {
        const key = newKey()
        await driver.increment(key, 1, 300)
        await driver.increment(key, 1, 60_000)
        await until(async () => (await stateOf(key)).kind === 'absent')
        expect(await driver.increment(key, 1, 60_000)).toBe(1)
      })

      testWhere(outside)('a counter that somebody else has made gets one, too', async () => {
        const backdoor = opened.backdoor as Backdoor
        const key = newKey()
        await backdoor.write(key, '41')
        expect(await driver.increment(key, 1, 60_000)).toBe(42)
        expect(await backdoor.ttl(key)).toBeGreaterThan(50_000)
      })

      testWhere(faithful)('does not touch a value', async () => {
        const key = newScope()
        await put(key('value'), 5)
        const token = await lease(key('lease'))
        await expect(driver.increment(key('value'), 1, 60_000)).rejects.toMatchObject({ local: true })
        await expect(driver.increment(key('lease'), 1, 60_000)).rejects.toMatchObject({ local: true })
        expect(await valueAt(key('value'))).toBe(5)
        expect(await commit(key('lease'), token, 'loaded')).toBe(true)
      })
    })

    test('stamps are made once, stand until they are changed, and are never the same again', async () => {
      const key = newScope()
      const keys = [key('one'), key('two')]
      const made = await driver.stamps(keys, 60_000)
      expect(made.map((stamp) => stamp.made)).toEqual([true, true])
      expect(new Set(made.map(({ id }) => id)).size).toBe(2)
      const found = await driver.stamps(keys, 60_000)
      expect(found.map(({ id, changedAt }) => [id, changedAt])).toEqual(
        made.map(({ id, changedAt }) => [id, changedAt]),
      )
      expect(found.map((stamp) => stamp.made)).toEqual([false, false])
      expect(found.every(({ now, changedAt }) => now >= changedAt)).toBe(true)
      expect(await stateOf(key('one'))).toEqual({
        kind: 'stamp',
        stamp: { id: made[0]?.id, changedAt: made[0]?.changedAt },
      })
      await driver.restamp(key('one'))
      const [one, two] = await driver.stamps(keys, 60_000)
      expect(one?.id).not.toBe(made[0]?.id)
      expect(one?.made).toBe(false)
      expect(two?.id).toBe(made[1]?.id)
      await driver.remove(keys)
      expect((await stateOf(key('one'))).kind).toBe('absent')
    })

    test('a stamp that expires keeps the first half of its id, and a removal leaves nothing of it', async () => {
      const key = newKey()
      const idNow = async () => (await driver.stamps([key], 60_000))[0]?.id ?? ''
      const first = await idNow()
      await driver.restamp(key, 'expire')
      const second = await idNow()
      await driver.restamp(key, 'expire')
      const third = await idNow()
      await driver.restamp(key)
      const fourth = await idNow()
      expect(new Set([first, second, third, fourth]).size).toBe(4)
      expect([second, third].map((id) => fateOf(first, id))).toEqual(['expired', 'expired'])
      expect([first, second, third].map((id) => fateOf(id, fourth))).toEqual(['removed', 'removed', 'removed'])
      await driver.remove([key])
      await driver.restamp(key, 'expire')
      expect(fateOf(fourth, await idNow())).toBe('removed')
    })

    test('what has expired is left as it is for whoever falls back on it, and no load before it can store', async () => {
      const key = newScope()
      const value = { ...draftOf('kept', { ttlMs: 60_000 }), keepMs: 120_000 }
      await driver.put([{ key: key('value'), draft: value }])
      await put(key('bare'), 'without staleIfError')
      const token = await lease(key('lease'))
      const keys = [key('value'), key('bare'), key('lease'), key('nothing')]
      const before = await stateOf(key('value'))
      expect(await driver.remove(keys, 'expire')).toBe(3)
      const state = await stateOf(key('value'))
      if (state.kind !== 'value' || before.kind !== 'value') throw new Error(`${state.kind} and ${before.kind}`)
      const { header } = state
      expect(unpacked(state)).toBe('kept')
      expect(header).toEqual({ ...before.header, id: header.id, expired: true, softExpiresAt: header.softExpiresAt })
      expect(header.id).not.toBe(before.header.id)
      expect(header.softExpiresAt).toBeLessThan(driver.time() + 1_000)
      expect((await driver.readMany(keys)).map(({ kind }) => kind)).toEqual(['value', 'absent', 'absent', 'absent'])
      expect(await driver.commit(key('value'), entryHead('value', before.header.id), draftOf('renewed'))).toBe(false)
      expect(await commit(key('lease'), token, 'loaded')).toBe(false)
      // Once more: it stays as stale as it was.
      await driver.remove([key('value')], 'expire')
      const again = await stateOf(key('value'))
      expect(again.kind === 'value' && again.header.softExpiresAt).toBe(header.softExpiresAt)
      expect(await driver.commit(key('value'), entryHead('value', header.id), draftOf('renewed'))).toBe(false)
    })

    test('an entry keeps the stamps that it notes, and lasts longer than its ttl where it is to', async () => {
      const key = newKey()
      const stamps = [['org%3A1', 'stamp-of-org-1--']] as const
      await driver.put([{ key, draft: { ...draftOf('kept', { ttlMs: 30 }), keepMs: 60_000, stamps } }])
      await new Promise((resolve) => setTimeout(resolve, 60))
      const state = await stateOf(key)
      expect(state.kind === 'value' && state.header.stamps).toEqual(stamps)
      expect(state.kind === 'value' && state.header.softExpiresAt).toBeLessThan(driver.time())
    })

    test('one is elected, the others learn whether it is busy or has failed', async () => {
      const key = newKey()
      const [token, other] = [newId(), newId()]
      expect(await driver.elect(key, token, LEASE_MS)).toBe('elected')
      expect(await driver.elect(key, other, LEASE_MS)).toBe('busy')
      await driver.resign(key, other)
      expect(await driver.elect(key, other, LEASE_MS)).toBe('busy')
      await driver.resign(key, token, 60_000)
      expect(await driver.elect(key, other, LEASE_MS)).toBe('failed')
      await driver.remove([key])
      expect(await driver.elect(key, other, LEASE_MS)).toBe('elected')
      await driver.resign(key, other)
      expect(await driver.elect(key, token, LEASE_MS)).toBe('elected')
    })

    test('a watch is over when its time is, or sooner', async () => {
      const key = newKey()
      const watch = driver.watch(key)
      await watch.wait(20, systemClock)
      const woken = watch.wait(5_000, systemClock)
      const began = performance.now()
      // Where the store tells nothing, or not yet, time has to do.
      const changing = setInterval(() => void put(key, 'changed'), 50)
      await Promise.race([woken, new Promise((resolve) => setTimeout(resolve, faithful ? 4_000 : 100))])
      clearInterval(changing)
      watch.end(watch)
      expect(performance.now() - began).toBeLessThan(3_500)
    })

    test('a serializer of bytes gets back the bytes that it gave, whichever they are', async () => {
      const key = newKey()
      const bytes = Uint8Array.from({ length: 512 }, (_, i) => i % 256)
      const serializer: Serializer = { serialize: () => bytes, deserialize: (data) => Uint8Array.from(data as Buffer) }
      const rules = { ...PLAIN, serializer }
      await put(key, 'anything', { rules })
      expect(await valueAt(key, rules)).toEqual(bytes)
      const state = await stateOf(key)
      expect(() => unpacked(state, PLAIN)).toThrow('cannot be read')
    })

    test('a value that is to be compressed comes back as it was, among others that are not', async () => {
      const key = newScope()
      const value = { text: 'ä'.repeat(5_000), at: new Date(5) }
      const draft = () => ({ ...draftOf(value), compression: { above: 1_000, algorithm: 'gzip', level: 1 } as const })
      expect(await driver.put([{ key: key('put'), draft: draft() }])).toBe(1)
      const token = await lease(key('committed'))
      expect(await driver.commit(key('committed'), entryHead('lease', token), draft())).toBe(true)
      await put(key('plain'), 'plain')
      const states = await driver.readMany([key('put'), key('plain'), key('none'), key('committed')])
      expect(states.map((state) => unpacked(state))).toEqual([value, 'plain', 'absent', value])
      const { body } = draft()
      for (const i of [0, 3]) expect(states[i]).toMatchObject({ body: { size: body.size } })
    })

    test('what JSON cannot say comes back as it was', async () => {
      const key = newKey()
      const value = {
        at: new Date(5),
        map: new Map([[{ a: 1 }, new Set([1n, Number.NaN])]]),
        none: undefined,
        text: 'ä\u2028\ud83d\ude00\0',
        __proto__: { inherited: true },
      }
      const plain = { ...value }
      await put(key, plain)
      expect(await valueAt(key)).toEqual(plain)
    })
  })
}
