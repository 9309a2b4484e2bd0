import {
  type Cache,
  type CachedFunction,
  type CacheEvent,
  createCache,
  type InvalidationMode,
  LoadTimeoutError,
} from 'cachewell'
import { Redis } from 'ioredis'
import { late, sleep, within } from '../support/real-time.ts'
import {
  allKeys,
  aTagOf,
  type Group,
  groups,
  keyName,
  keysTagged,
  PREFIX,
  part,
  quiet,
  quietKey,
  slow,
  whole,
} from './groups.ts'
import { now, type Read, type Removal, type Value } from './history.ts'
import type { Random } from './random.ts'
import type { Recorder } from './recorder.ts'
import { type Right, rightToLoad } from './watching.ts'

type Reader = CachedFunction<(k: number) => Promise<Value>>

interface Updater {
  update(k: number): Promise<Value>
}

/** What loads throw on purpose. */
class LoaderError extends Error {}

const SLOTS = 30
/** Nobody waits for an operation for longer: else all would soon wait for keys of a process that was stopped. */
const PATIENCE_MS = 60
/** How many may still be under way that nobody waits for. */
const MAX_LEFT = 400

const OPERATIONS = {
  burst: 100,
  removeKey: 4,
  removePattern: 0.7,
  removeTag: 4,
  writeAndRemove: 4,
  refresh: 2,
  set: 1,
  update: 1,
  peek: 1,
  removeThrough: 3,
  barrier: 2,
  poll: 0,
  removeAndRead: 0,
  removeQuiet: 0,
}

/** With near copies: calls that have a chance to be served one, and what may leave one behind that has to go. */
const NEAR_OPERATIONS: typeof OPERATIONS = {
  ...OPERATIONS,
  burst: 20,
  removeThrough: 4,
  barrier: 15,
  poll: 40,
  removeAndRead: 10,
  removeQuiet: 8,
}
/** A few keys of which many processes have copies at a time. */
const SHARED = [...groups.filter(({ name }) => name === 'plain' || name === 'tagged'), whole, whole]

export interface Stores {
  readonly url: string
  readonly truthUrl: string
  /** How old near copies may be; left out: none are kept. */
  readonly nearMs: number | undefined
}

type Unhushed = 'peek' | 'barrier' | 'poll' | 'removeAndRead'
type Change = Exclude<keyof typeof OPERATIONS, 'burst' | 'refresh' | Unhushed>

/** Reads, writes and invalidations at random, of one process. */
export class Workload {
  readonly #cache: Cache
  readonly #operations: typeof OPERATIONS
  readonly #truth: Redis
  readonly #recorder: Recorder
  readonly #random: Random
  readonly #readers: ReadonlyMap<Group, Reader>
  readonly #updaters: ReadonlyMap<Group, Updater>
  readonly #left = new Set<Promise<unknown>>()
  #working: Promise<unknown> | undefined
  #stopping = false
  /** Removals for updates that were put off. */
  #putOff = 0
  /** What changes the cache and is under way. */
  readonly #changes = new Set<Promise<unknown>>()
  /** What would change it waits for this. */
  #hushed: Promise<void> | undefined
  #speak = () => {}

  constructor({ url, truthUrl, nearMs }: Stores, recorder: Recorder, random: Random) {
    const near = nearMs !== undefined && { maxStaleness: `${nearMs}ms` }
    // Longer than the bound: else a connection that says nothing is given up before the bound matters.
    const commandTimeout = near ? '750ms' : undefined
    this.#operations = near ? NEAR_OPERATIONS : OPERATIONS
    this.#cache = createCache({ url, prefix: PREFIX, logger: false, near, commandTimeout })
    this.#cache.on((event) => this.#hear(event))
    this.#truth = new Redis(truthUrl)
    this.#recorder = recorder
    this.#random = random
    this.#readers = new Map([...groups, slow, quiet].map((group) => [group, this.#readerOf(group)]))
    this.#updaters = new Map(groups.map((group) => [group, this.#updaterOf(group)]))
  }

  async start(): Promise<void> {
    await this.#cache.get('connect')
    this.#working = Promise.all([...Array.from({ length: SLOTS }, () => this.#slot()), this.#slowSlot()])
  }

  /** When everything that has begun has ended. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#working
    await Promise.all(this.#left)
    await this.#cache.close()
    this.#truth.disconnect()
  }

  stats(): object {
    return { ...this.#cache.stats() }
  }

  /** Resolves when nothing is removed, set or updated any more. Reads and loads go on. */
  async hush(): Promise<void> {
    this.#hushed = new Promise((resolve) => {
      this.#speak = resolve
    })
    await Promise.all(this.#changes)
  }

  speak(): void {
    this.#hushed = undefined
    this.#speak()
  }

  #hear(event: CacheEvent): void {
    if (event.type === 'trouble' && event.operation === 'remove') this.#putOff++
    if (event.type === 'replay') this.#recorder.befell('replayed')
    if (event.type === 'connection') this.#recorder.befell(event.state === 'ready' ? 'ready' : 'lost')
  }

  async #slot(): Promise<void> {
    while (!this.#stopping) {
      const work = this.#operation().catch((error) => console.error('a slot:', error))
      this.#left.add(work)
      void work.finally(() => this.#left.delete(work))
      if ((await within(work, PATIENCE_MS)) === late) while (this.#left.size > MAX_LEFT) await sleep(5)
      await sleep(this.#random.between(0, 30))
    }
  }

  async #slowSlot(): Promise<void> {
    while (!this.#stopping) {
      await this.#read(slow, 0)
      await sleep(this.#random.between(0, 400))
    }
  }

  #operation(): Promise<void> {
    const random = this.#random
    const group = groups[Math.floor(random.between(0, groups.length))] as Group
    const k = random.low(group.keys)
    const name = random.pick(this.#operations)
    switch (name) {
      case 'burst':
        return this.#burst()
      case 'refresh':
        return this.#read(group, k, 'refresh')
      case 'peek':
        return this.#read(group, k, 'peek')
      case 'barrier':
        return this.#barrier(...this.#copied())
      case 'poll':
        return this.#poll(...this.#copied())
      case 'removeAndRead':
        return this.#removeAndRead(...this.#copied())
      default:
        return this.#changing(() => this.#change(name, group, k))
    }
  }

  async #changing(change: () => Promise<void>): Promise<void> {
    while (this.#hushed) await this.#hushed
    const changed = change()
    this.#changes.add(changed)
    await changed.finally(() => this.#changes.delete(changed))
  }

  async #change(name: Change, group: Group, k: number): Promise<void> {
    switch (name) {
      case 'removeKey':
        return this.#removeKey(group, k)
      case 'removePattern':
        return this.#removePattern(group, k)
      case 'removeTag':
        return this.#removeTag(group, k)
      case 'writeAndRemove':
        await this.#write(keyName(group, k))
        return this.#random.chance(0.5) ? this.#removeKey(group, k) : this.#removeTag(group, k)
      case 'removeQuiet':
        return this.#removeKey(quiet, Math.floor(this.#random.between(0, quiet.keys)))
      case 'removeThrough':
        return this.#removeThrough(k)
      case 'set':
        return this.#set(group, k)
      case 'update':
        return this.#update(group, k)
    }
  }

  /** Several reads at once, of hot keys most of all. */
  async #burst(): Promise<void> {
    const random = this.#random
    const reads = Array.from({ length: Math.ceil(random.between(0, 8)) }, () => {
      const group = groups[Math.floor(random.between(0, groups.length))] as Group
      return this.#read(group, random.low(group.keys))
    })
    await Promise.all(reads)
  }

  /** Whoever reads behind a barrier is not served what was replaced before it. */
  async #barrier(group: Group, k: number): Promise<void> {
    const start = now()
    await this.#cache.barrier()
    this.#recorder.note({ kind: 'barrier', start, end: now() })
    await Promise.all([this.#read(group, k), this.#burst()])
  }

  /** Whoever has removed something is not served a copy of it, however late the server's own word comes. */
  async #removeAndRead(group: Group, k: number): Promise<void> {
    await this.#read(group, k)
    await this.#changing(() => (this.#random.chance(0.5) ? this.#removeKey(group, k) : this.#removeTag(group, k)))
    await this.#read(group, k)
  }

  /** One key, again and again: the first call is answered by the store, the others by a copy until that has to go. */
  async #poll(group: Group, k: number): Promise<void> {
    for (let times = this.#random.between(4, 12); times > 0; times--) {
      await this.#read(group, k, group === whole ? 'refresh' : 'call')
      if (group === whole) await this.#read(part, k)
      await sleep(this.#random.between(0, 8))
    }
  }

  /** What this process is likely to have a copy of; mostly nobody else has read it. */
  #copied(): [Group, k: number] {
    const random = this.#random
    if (random.chance(0.6)) return [quiet, quietKey(this.#recorder.by, random)]
    const group = SHARED[Math.floor(random.between(0, SHARED.length))] as Group
    return [group, random.low(group.keys)]
  }

  async #read(group: Group, k: number, via: Read['via'] = 'call'): Promise<void> {
    await this.#value({ kind: 'read', via, key: keyName(group, k), start: now() }, group, k).catch(() => {})
  }

  /** @throws what the call did */
  #readInLoad(group: Group, k: number, { why }: Right): Promise<Value> {
    // A load without a right is a call of the function like any other: it comes to nothing that is stored.
    const inLoad = why === 'bypass' ? {} : ({ inLoad: true } as const)
    const read = { kind: 'read', via: 'call', key: keyName(group, k), start: now(), ...inLoad } as const
    return this.#value(read, group, k) as Promise<Value>
  }

  async #value(read: Omit<Read, 'end'>, group: Group, k: number): Promise<Value | undefined> {
    const reader = this.#readers.get(group) as Reader
    const { via } = read
    try {
      const value = await (via === 'call' ? reader(k) : reader[via](k))
      this.#recorder.note({ ...read, end: now(), value })
      return value
    } catch (error) {
      const expected = error instanceof LoaderError || error instanceof LoadTimeoutError
      this.#recorder.note({ ...read, end: now(), ...(expected ? {} : { unexpected: String(error) }) })
      throw error
    }
  }

  #removeKey(group: Group, k: number): Promise<void> {
    const key = keyName(group, k)
    const reader = this.#readers.get(group) as Reader
    const byMember = this.#random.chance(0.5)
    const mode = this.#modeFor(group)
    const member = mode === 'expire' ? reader.expire : reader.invalidate
    return this.#remove(key, [key], true, () => (byMember ? member(k) : this.#cache.invalidate(key, { mode })))
  }

  #removePattern(group: Group, k: number): Promise<void> {
    const pattern = `${group.name}:*`
    const mode = this.#modeFor(group)
    return this.#remove(pattern, allKeys(group), true, () => this.#cache.invalidate(pattern, { mode })).then(() =>
      this.#read(group, k),
    )
  }

  async #removeTag(group: Group, k: number): Promise<void> {
    if (!group.options.tags && !group.options.resultTags) return this.#removeKey(group, k)
    const tag = aTagOf(group, k, group.options.tags?.(k).length === 1 || this.#random.chance(0.8))
    const keys = keysTagged(group, tag)
    const mode = this.#modeFor(group)
    await this.#remove(tag, keys, false, () => this.#cache.invalidateTags([tag], { mode }))
    if (this.#random.chance(0.5)) await this.#read(group, k)
  }

  /** First what it is made of: whoever loads the whole after that has to read the part anew. */
  async #removeThrough(k: number): Promise<void> {
    await this.#removeKey(part, k)
    await this.#removeKey(whole, k)
  }

  /** Without `staleIfError` nobody is served what has expired: as if it had been removed. */
  #modeFor(group: Group): InvalidationMode {
    return group.options.staleIfError === undefined && this.#random.chance(0.4) ? 'expire' : 'remove'
  }

  async #remove(
    target: string,
    keys: readonly string[],
    endsLeases: boolean,
    remove: () => Promise<{ deferred: boolean }>,
  ): Promise<void> {
    const id = this.#recorder.id()
    const removal: Removal = { kind: 'removal', id, target, keys, endsLeases, start: now() }
    this.#recorder.announce(removal)
    const { deferred } = await remove()
    this.#recorder.done(id, !deferred)
  }

  async #write(key: string): Promise<number> {
    const version = await this.#truth.incr(`truth ${key}`)
    this.#recorder.note({ kind: 'write', key, version, end: now() })
    return version
  }

  async #set(group: Group, k: number): Promise<void> {
    const key = keyName(group, k)
    const version = await this.#write(key)
    const id = this.#recorder.id()
    const began = now()
    this.#recorder.announce({ kind: 'set', id, key, start: began })
    const value: Value = { key, began, id, version, from: 'set' }
    this.#recorder.done(id, await (this.#readers.get(group) as Reader).set([k], value))
  }

  /** From when the source of truth has changed, until it has returned, an update is an invalidation as well. */
  async #update(group: Group, k: number): Promise<void> {
    const putOff = this.#putOff
    const { id } = await (this.#updaters.get(group) as Updater).update(k)
    this.#recorder.done(id, this.#putOff === putOff)
  }

  #readerOf(group: Group): Reader {
    const load = (k: number) => this.#load(group, k, rightToLoad())
    return this.#cache.cached(load, {
      ...group.options,
      key: (k: number) => [group.name, k],
      cacheIf: (value: Value) => value.passing === undefined,
    })
  }

  #updaterOf(group: Group): Updater {
    const cache = this.#cache
    const update = (k: number) => this.#updateTruth(group, k)
    const { ttl, tags, resultTags, staleWhileRevalidate, staleIfError } = group.options
    class Updated {
      @cache.CacheUpdate({
        key: (k: number) => [group.name, k],
        ...{ ttl, tags, resultTags, staleWhileRevalidate, staleIfError },
      })
      async update(k: number): Promise<Value> {
        return update(k)
      }
    }
    return new Updated()
  }

  async #updateTruth(group: Group, k: number): Promise<Value> {
    const random = this.#random
    await sleep(random.between(0, 10))
    const key = keyName(group, k)
    const version = await this.#write(key)
    const id = this.#recorder.id()
    const began = now()
    const target = `update of ${key}`
    this.#recorder.announce({ kind: 'removal', id, target, keys: [key], endsLeases: true, start: began, version })
    await sleep(random.between(0, 10))
    return { key, began, id, version, from: 'update' }
  }

  async #load(group: Group, k: number, right: Right): Promise<Value> {
    const id = this.#recorder.id()
    const key = keyName(group, k)
    const began = now()
    this.#recorder.note({ kind: 'load', id, key, start: began, ...right })
    try {
      const of = group === whole ? await this.#readInLoad(part, k, right) : undefined
      const version = await this.#loadVersion(group, k, key, right)
      const passing = this.#random.chance(0.03) ? ({ passing: true } as const) : {}
      return { key, began, id, version, from: 'load', ...passing, ...(right.why === 'bypass' ? {} : { of }) }
    } finally {
      this.#recorder.landed(id)
    }
  }

  /** Mostly what it reads is old by the time it returns. */
  async #loadVersion(group: Group, k: number, key: string, right: Right): Promise<number> {
    const random = this.#random
    if (random.chance(0.2)) await sleep(random.between(0, 10))
    const version = Number(await this.#truth.get(`truth ${key}`))
    await sleep(this.#loadMs(group))
    if (random.chance(0.02)) await this.#readInLoad(group, k, right).catch(() => {})
    if (random.chance(0.03)) await this.#readLaterGroup(group, right)
    if (random.chance(group.failing)) throw new LoaderError(`no ${key}`)
    return version
  }

  #loadMs(group: Group): number {
    const random = this.#random
    if (group === slow) return random.between(5_500, 6_500)
    return random.chance(0.05) ? random.between(100, 250) : random.between(0, 20)
  }

  /** Never an earlier one: loads that wait for each other in a circle through two processes hold up both for long. */
  async #readLaterGroup(group: Group, right: Right): Promise<void> {
    const later = groups[groups.indexOf(group) + 1]
    if (group !== slow && later) await this.#readInLoad(later, this.#random.low(later.keys), right).catch(() => {})
  }
}
