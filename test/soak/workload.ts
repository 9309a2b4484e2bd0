import { setTimeout as delay } from 'node:timers/promises'
import {
  type Cache,
  type CachedFunction,
  createCache,
  type InvalidationMode,
  LoadTimeoutError,
  loadSignal,
} from 'cachewell'
import { now } from '../history/history.ts'
import type { Random } from '../history/random.ts'
import { sleep } from '../support/real-time.ts'
import { Freshness, type Value } from './freshness.ts'
import { allKeys, type Group, groups, hasTags, keyName, keysTagged, slow, tagsOf } from './groups.ts'
import type { Problems } from './problems.ts'

type Reader = CachedFunction<(k: number) => Promise<Value>>

/** What loads throw on purpose. */
class LoaderError extends Error {}

interface Pending {
  readonly what: string
  readonly since: number
}

const SLOTS = 8
const DIRECT_KEYS = 40
const MOST_FILLER = 2_000
/** Whoever waits for another process gives up after 10 s, and may then have to begin again. */
const MOST_MS = 30_000

/** How often what is done, once in so many. */
const OPERATIONS = {
  burst: 100,
  removeKey: 5,
  removePattern: 0.5,
  removeTag: 3,
  refresh: 2,
  peek: 2,
  put: 2,
  setDirectly: 3,
  setManyDirectly: 1,
  getMany: 5,
  removeDirectly: 1,
  increment: 3,
}

/** All that a service does with one cache, at random, and whether what it gets is right. */
export class Workload {
  readonly counts: Record<string, number> = {
    calls: 0,
    loads: 0,
    removals: 0,
    deferred: 0,
    replayed: 0,
    'slowest ms': 0,
  }
  readonly #cache: Cache
  readonly #freshness = new Freshness()
  readonly #readers: ReadonlyMap<Group, Reader>
  readonly #pending = new Set<Pending>()
  #working: Promise<unknown> | undefined
  #stopping = false
  #versions = 0

  constructor(
    readonly name: string,
    url: string,
    private readonly by: number,
    private readonly random: Random,
    private readonly problems: Problems,
  ) {
    this.#cache = createCache({ url, prefix: 'soak', logger: false })
    this.#cache.on((event) => {
      if (event.type === 'replay') this.#count('replayed', event.count)
    })
    this.#readers = new Map([...groups, slow].map((group) => [group, this.#readerOf(group)]))
  }

  start(): void {
    this.#working = Promise.all([...Array.from({ length: SLOTS }, () => this.#slot()), this.#slowSlot()])
  }

  /** Resolves when everything that has begun has ended. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#working
  }

  close(): Promise<void> {
    return this.#cache.close()
  }

  stats(): Record<string, number> {
    const { hits, misses, stores, troubles } = this.#cache.stats()
    return { ...this.counts, hits, misses, stores, troubles }
  }

  /** What was asked for so long ago that nobody can be waiting for a Redis any more. */
  overdue(): string[] {
    return [...this.#pending].filter(({ since }) => now() - since > MOST_MS * 1e6).map(({ what }) => what)
  }

  /** Whether everything is as it should be while Redis is well: throws what is not. */
  async probe(): Promise<void> {
    const probed = this.#cache.cached(async (k: number) => this.#value(`probe:${k}`, now(), 'load'), {
      key: (k: number) => ['probe', this.by, k],
      ttl: '1m',
      tags: [`probe-${this.by}`],
    })
    // In a cluster they lie on all masters.
    const keys = Array.from({ length: 20 }, (_, k) => k)
    const first = await Promise.all(keys.map((k) => probed(k)))
    const isSame = (again: readonly Value[]) => again.every(({ version }, k) => version === first[k]?.version)
    expect('calls to be cached', isSame(await Promise.all(keys.map((k) => probed(k)))))
    expect('an invalidation not to be deferred', !(await probed.invalidate(0)).deferred)
    expect('a pattern not to be deferred', !(await this.#cache.invalidate(`probe:${this.by}:*`)).deferred)
    expect('a tag not to be deferred', !(await this.#cache.invalidateTags(`probe-${this.by}`)).deferred)
    const set = this.#value('probe', now(), 'set')
    expect('a set to be stored', await this.#cache.set(['probe', this.by], set, { ttl: '1m' }))
    expect('it to be read', ((await this.#cache.get(['probe', this.by])) as Value | undefined)?.version === set.version)
    expect('counting', (await this.#cache.increment(['probes', this.by], 1, { ttl: '1m' })) !== undefined)
  }

  async #slot(): Promise<void> {
    while (!this.#stopping) {
      await this.#operation()
      await sleep(this.random.between(5, 40))
    }
  }

  async #slowSlot(): Promise<void> {
    while (!this.#stopping) {
      const k = this.random.low(slow.keys)
      await this.#read(slow, k)
      if (this.random.chance(0.3)) await this.#removeTag(slow, k)
      await sleep(this.random.between(0, 100))
    }
  }

  async #operation(): Promise<void> {
    const { random } = this
    const group = groups[Math.floor(random.between(0, groups.length))] as Group
    const k = random.low(group.keys)
    switch (random.pick(OPERATIONS)) {
      case 'burst':
        return this.#burst()
      case 'removeKey':
        return this.#removeKey(group, k)
      case 'removePattern':
        return this.#removePattern(group)
      case 'removeTag':
        return hasTags(group) ? this.#removeTag(group, k) : this.#removeKey(group, k)
      case 'refresh':
        return this.#read(group, k, 'refresh')
      case 'peek':
        return this.#read(group, k, 'peek')
      case 'put':
        return this.#put(group, k)
      case 'setDirectly':
        return this.#setDirectly([k])
      case 'setManyDirectly':
        return this.#setDirectly([k, k + 1, k + 2])
      case 'getMany':
        return this.#getMany(k)
      case 'removeDirectly':
        return this.#removeDirectly(k)
      case 'increment':
        return this.#increment(k)
    }
  }

  /** Several reads at once, of hot keys most of all. */
  async #burst(): Promise<void> {
    const { random } = this
    const reads = Array.from({ length: Math.ceil(random.between(0, 8)) }, () => {
      const group = groups[Math.floor(random.between(0, groups.length))] as Group
      return this.#read(group, random.low(group.keys))
    })
    await Promise.all(reads)
  }

  async #read(group: Group, k: number, via: 'call' | 'refresh' | 'peek' = 'call'): Promise<void> {
    const reader = this.#reader(group)
    const key = keyName(group, k)
    const oldest = this.#freshness.oldest(key)
    const isOwn = (error: unknown) =>
      error instanceof LoaderError || (group.options.hardTimeout !== undefined && error instanceof LoadTimeoutError)
    const value = await this.#call(`${via} ${key}`, () => (via === 'call' ? reader(k) : reader[via](k)), isOwn)
    if (value !== undefined) this.#judge(key, oldest, value)
  }

  #removeKey(group: Group, k: number): Promise<void> {
    const key = keyName(group, k)
    const mode = this.#mode()
    const reader = this.#reader(group)
    const member = mode === 'expire' ? reader.expire : reader.invalidate
    const byMember = this.random.chance(0.5)
    return this.#remove(key, this.#ends(group, mode, [key]), () =>
      byMember ? member(k) : this.#cache.invalidate([group.name, k], { mode }),
    )
  }

  #removePattern(group: Group): Promise<void> {
    const mode = this.#mode()
    const pattern = `${group.name}:*`
    return this.#remove(pattern, this.#ends(group, mode, allKeys(group)), () =>
      this.#cache.invalidate(pattern, { mode }),
    )
  }

  #removeTag(group: Group, k: number): Promise<void> {
    const mode = this.#mode()
    const tag = tagsOf(group.name, k)[this.random.chance(0.2) ? 0 : 1]
    const keys = this.#ends(group, mode, keysTagged(group, tag))
    return this.#remove(`#${tag}`, keys, () => this.#cache.invalidateTags([tag], { mode }))
  }

  #mode(): InvalidationMode {
    return this.random.chance(0.3) ? 'expire' : 'remove'
  }

  /** What has only expired is served where a function that fails may fall back on it: it has not ended. */
  #ends(group: Group, mode: InvalidationMode, keys: readonly string[]): readonly string[] {
    return mode === 'expire' && group.options.staleIfError !== undefined ? [] : keys
  }

  async #remove(
    target: string,
    keys: readonly string[],
    remove: () => Promise<{ readonly deferred: boolean }>,
  ): Promise<void> {
    const calledAt = now()
    const result = await this.#call(`removal of ${target}`, remove)
    this.#count('removals')
    if (result?.deferred) this.#count('deferred')
    // Deferred or not: what is still to be removed is not served to the process that has asked for it.
    if (result) this.#freshness.invalidated(keys, calledAt)
  }

  async #put(group: Group, k: number): Promise<void> {
    const value = this.#value(keyName(group, k), now(), 'set')
    const stored = await this.#call(`set ${value.key}`, () => this.#reader(group).set([k], value))
    if (stored) this.#freshness.wasSet(value.version, now())
  }

  async #setDirectly(numbers: readonly number[]): Promise<void> {
    const items = numbers.map((k) => [this.#directKey(k), this.#value(this.#directName(k), now(), 'set')] as const)
    const [first] = items as [(typeof items)[0]]
    const options = { ttl: '20s', tags: [`direct-${this.by}`] }
    const stored = await this.#call('set', () =>
      items.length === 1 ? this.#cache.set(...first, options) : this.#cache.setMany(items, options),
    )
    if (stored) for (const [, { version }] of items) this.#freshness.wasSet(version, now())
  }

  async #getMany(from: number): Promise<void> {
    const wanted = Array.from({ length: 5 }, (_, i) => from + i)
    const oldest = wanted.map((k) => this.#freshness.oldest(this.#directName(k)))
    const values = await this.#call('getMany', () => this.#cache.getMany(wanted.map((k) => this.#directKey(k))))
    values?.forEach((value: unknown, i) => {
      if (value !== undefined) this.#judge(this.#directName(wanted[i] as number), oldest[i] as number, value as Value)
    })
  }

  #removeDirectly(k: number): Promise<void> {
    const [name, key] = [this.#directName(k), this.#directKey(k)]
    if (this.random.chance(0.5)) return this.#remove(name, [name], () => this.#cache.invalidate(key))
    const all = Array.from({ length: DIRECT_KEYS }, (_, i) => this.#directName(i))
    const tag = `direct-${this.by}`
    return this.#remove(`#${tag}`, all, () => this.#cache.invalidateTags(tag))
  }

  async #increment(k: number): Promise<void> {
    const count = await this.#call('increment', () => this.#cache.increment(['count', k], 1, { ttl: '20s' }))
    if (count !== undefined && !(Number.isSafeInteger(count) && count > 0)) {
      this.problems.add('wrong value', `a counter is ${count}`)
    }
  }

  /** Nobody else's: whether a value is right can be told of one's own sets only. */
  #directKey(k: number): (string | number)[] {
    return ['direct', this.by, k % DIRECT_KEYS]
  }

  #directName(k: number): string {
    return this.#directKey(k).join(':')
  }

  #judge(key: string, oldest: number, value: Value): void {
    const fault = this.#freshness.fault(key, oldest, value)
    if (fault) this.problems.add(fault.rule, `${this.name}: ${fault.text}`)
  }

  /** Whatever is asked of the cache: it throws nothing that is not its caller's own, and it ends. */
  async #call<T>(
    what: string,
    work: () => Promise<T>,
    isOwn: (error: unknown) => boolean = () => false,
  ): Promise<T | undefined> {
    const pending = { what: `${this.name}: ${what}`, since: now() }
    this.#pending.add(pending)
    this.#count('calls')
    try {
      return await work()
    } catch (error) {
      if (!isOwn(error)) this.problems.add('failed call', `${pending.what}: ${error}`)
      return undefined
    } finally {
      this.#pending.delete(pending)
      this.counts['slowest ms'] = Math.max(this.counts['slowest ms'] ?? 0, Math.round((now() - pending.since) / 1e6))
    }
  }

  #count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by
  }

  #reader(group: Group): Reader {
    return this.#readers.get(group) as Reader
  }

  #readerOf(group: Group): Reader {
    const load = (k: number) => this.#load(group, k)
    return this.#cache.cached(load, { ...group.options, key: (k: number) => [group.name, k] })
  }

  async #load(group: Group, k: number): Promise<Value> {
    this.#count('loads')
    const began = now()
    const { random } = this
    try {
      await delay(random.between(...group.loads), undefined, { signal: loadSignal() })
    } catch {
      throw new LoaderError('nobody waits any more')
    }
    // One in the other, so that there are loads that others are part of; in one order only, so that no two wait for
    // each other in a circle.
    const next = groups[groups.indexOf(group) + 1]
    if (group !== slow && next && random.chance(0.02)) await this.#read(next, random.low(next.keys))
    if (random.chance(group.failing)) throw new LoaderError(`no ${keyName(group, k)}`)
    return this.#value(keyName(group, k), began, 'load')
  }

  #value(key: string, began: number, from: Value['from']): Value {
    const version = `${this.by}-${++this.#versions}`
    return { key, version, began, from, filler: 'x'.repeat(this.random.low(MOST_FILLER)) }
  }
}

function expect(what: string, holds: boolean): void {
  if (!holds) throw new Error(`expected ${what}`)
}
