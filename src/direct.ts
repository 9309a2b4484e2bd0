import { must, refuseUnknown, show } from './checks.ts'
import { inCommitScope, whenCommitted } from './commit-scope.ts'
import type { Draft, Value } from './drivers/driver.ts'
import { type Duration, milliseconds } from './duration.ts'
import { newId } from './entry.ts'
import { CacheConfigError, CacheTroubleError } from './errors.ts'
import type { Events } from './events.ts'
import type { Guard } from './guard.ts'
import { inSpace } from './in-space.ts'
import { checkTag, directKey } from './invalidator.ts'
import { copyAsItIs } from './isolation.ts'
import type { KeyParts } from './key-plan.ts'
import { levels } from './levels.ts'
import type { PackRules } from './packing.ts'
import type { Space } from './space.ts'
import { tagsIn } from './stamp-key.ts'
import type { Store } from './store.ts'
import { ensureStamps, readTagged } from './tagged.ts'
import { onTier, type StoreTier } from './tier.ts'

export interface SetOptions {
  /** How long the value is kept. Required: nothing is immortal. */
  ttl: Duration
  /** Words by which entries are invalidated together. */
  tags?: readonly string[]
}

/** Reads and writes by key, without a function. Mistakes throw; trouble with the store is swallowed as everywhere. */
export class DirectAccess {
  readonly #store: Store
  readonly #guard: Guard
  readonly #events: Events
  readonly #prefix: string
  readonly #rules: PackRules
  readonly #version: string

  /** @param version - of the cache */
  constructor(store: Store, guard: Guard, events: Events, prefix: string, rules: PackRules, version: string) {
    this.#store = store
    this.#guard = guard
    this.#events = events
    this.#prefix = prefix
    this.#rules = rules
    this.#version = version
  }

  async get(spaceOf: () => Space, key: KeyParts): Promise<unknown> {
    return (await this.#getAll(spaceOf, [key], 'get'))[0]
  }

  async getMany(spaceOf: () => Space, keys: readonly KeyParts[]): Promise<unknown[]> {
    return this.#getAll(spaceOf, keys, 'getMany')
  }

  #getAll(spaceOf: () => Space, keys: readonly KeyParts[], what: string): Promise<unknown[]> {
    must(Array.isArray(keys), `${what} takes an array of keys, as in getMany(['a', ['user', 1]])`)
    const nothing = keys.map(() => undefined)
    return inSpace<unknown[]>(spaceOf, what, this.#events, nothing, async (space) => {
      const names = keys.map((key) => this.#key(space, key, 'get'))
      if (inCommitScope()) return nothing
      const tier = await this.#store.tierOf('auto')
      return Promise.all(names.map((name) => this.#read(tier, name, space)))
    })
  }

  set(spaceOf: () => Space, key: KeyParts, value: unknown, options: SetOptions): Promise<boolean> {
    return this.#setAll(spaceOf, [[key, value]], options, 'set')
  }

  /** True when all of them are stored. */
  setMany(
    spaceOf: () => Space,
    items: readonly (readonly [KeyParts, unknown])[],
    options: SetOptions,
  ): Promise<boolean> {
    return this.#setAll(spaceOf, items, options, 'setMany')
  }

  #setAll(
    spaceOf: () => Space,
    items: readonly (readonly [KeyParts, unknown])[],
    options: SetOptions,
    what: string,
  ): Promise<boolean> {
    return inSpace(spaceOf, what, this.#events, false, async (space) => {
      must(Array.isArray(items), "setMany takes an array of pairs, as in setMany([['a', 1], ['b', 2]], { ttl: '5m' })")
      const ttlMs = ttlOf(options, what)
      const tags = tagsIn(space.tags, tagsOf(options))
      const later = inCommitScope()
      const named = items.map(([key, value]) => ({
        key: this.#key(space, key, 'set'),
        value: later ? copyAsItIs(value) : value,
      }))
      const put = (tier: StoreTier) => this.#putAll(tier, named, tags, ttlMs, space)
      return whenCommitted(() => onTier(this.#store.tierOf('auto'), put), false)
    })
  }

  async #putAll(
    tier: StoreTier,
    named: readonly { key: string; value: unknown }[],
    tags: readonly string[],
    ttlMs: number,
    { version }: Space,
  ): Promise<boolean> {
    const drafts = named.map(({ key, value }) => ({
      key,
      draft: this.#draft(tier, value, ttlMs, levels(this.#version, version)),
    }))
    const storable = drafts.filter((item): item is { key: string; draft: Draft } => item.draft !== undefined)
    const outcome = await this.#guard('set', 'set', async () => {
      const found = await ensureStamps(tier, this.#prefix, tags, ttlMs)
      const stamps = found.map(({ id }, i) => [tags[i] as string, id] as const)
      return tier.driver.put(storable.map(({ key, draft }) => ({ key, draft: { ...draft, stamps } })))
    })
    return outcome === named.length
  }

  /** The new value; `undefined` while the store is away or caching is off. */
  increment(
    spaceOf: () => Space,
    key: KeyParts,
    by: number,
    options: Pick<SetOptions, 'ttl'>,
  ): Promise<number | undefined> {
    return inSpace<number | undefined>(spaceOf, 'increment', this.#events, undefined, async (space) => {
      const ttlMs = ttlOf(options, 'increment', ['ttl'])
      if (!Number.isSafeInteger(by)) throw new CacheConfigError(`a counter counts in whole numbers, got ${show(by)}`)
      const name = this.#key(space, key, 'increment')
      const tier = await this.#store.tierOf('auto')
      const value = await this.#guard('increment', 'increment', () => tier.driver.increment(name, by, ttlMs))
      return value instanceof CacheTroubleError ? undefined : value
    })
  }

  #key({ keys }: Space, key: KeyParts, what: string): string {
    return `${this.#prefix}::${keys}${directKey(key, what)}`
  }

  async #read(tier: StoreTier, name: string, space: Space): Promise<unknown> {
    const value = await this.#guard('get', 'get', async () => {
      const state = await readTagged(tier, this.#prefix, name, [])
      if (state.kind === 'counter') return state.value
      return state.kind === 'value' && levelsOf(state.header.version) === levels(this.#version, space.version)
        ? this.#unpack(tier, state)
        : undefined
    })
    return value instanceof CacheTroubleError ? undefined : value
  }

  #unpack(tier: StoreTier, { header, body }: Value): unknown {
    return !header.expired && header.softExpiresAt > tier.driver.time()
      ? tier.driver.packing.unpack(body, this.#rules)
      : undefined
  }

  /** `undefined`, with one notice, for what cannot be stored: as with a cached function's result. */
  #draft(tier: StoreTier, value: unknown, ttlMs: number, version: string): Draft | undefined {
    if (value === undefined) return undefined
    try {
      return {
        id: newId(),
        body: tier.driver.packing.pack(value, this.#rules),
        compression: this.#rules.compression,
        ttlMs,
        keepMs: ttlMs,
        loadMs: 0,
        version,
        stamps: [],
      }
    } catch (error) {
      const message = `a value given to set was not stored: ${(error as Error).message}`
      this.#events.emit({ type: 'notice', code: 'unstorable', level: 'warn', name: 'set', message })
      return undefined
    }
  }
}

/** What of a version is the cache's and its namespaces': each ends in a slash, which no version has. */
function levelsOf(version: string): string {
  return version.slice(0, version.lastIndexOf('/') + 1)
}

/** What stands before the options. */
const GIVEN: Readonly<Record<string, string>> = { set: 'key, value', setMany: '[[key, value]]', increment: 'key, by' }

function ttlOf(options: Pick<SetOptions, 'ttl'>, what: string, known = ['ttl', 'tags']): number {
  if (typeof options !== 'object' || options === null || options.ttl === undefined) {
    throw new CacheConfigError(`${what} needs a ttl: write ${what}(${GIVEN[what]}, { ttl: '5m' })`)
  }
  refuseUnknown(options, known, what)
  return milliseconds(options.ttl, `${what}: ttl`)
}

function tagsOf({ tags = [] }: SetOptions): string[] {
  if (!Array.isArray(tags)) throw new CacheConfigError("set: tags must be an array of words, as in tags: ['org:42']")
  return [...new Set(tags.map(checkTag))]
}
