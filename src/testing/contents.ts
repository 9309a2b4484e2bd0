import type { Call } from '../call.ts'
import type { State } from '../drivers/driver.ts'
import type { Core } from '../engine.ts'
import { CacheTroubleError } from '../errors.ts'
import { Events } from '../events.ts'
import { everythingOf, matches } from '../glob.ts'
import { guardWith } from '../guard.ts'
import type { ResolvedOptions } from '../options.ts'
import { Reading } from '../reading.ts'
import { readTagged, type Seen } from '../tagged.ts'
import type { StoreTier } from '../tier.ts'
import type { StandIn } from './stand-in.ts'
import type { Wanted } from './target.ts'

/** What is stored, looked at without leaving a trace: nothing is counted as a hit, nor told of. */
export class Contents {
  readonly #standIn: StandIn
  #core: Pick<Core, 'tiers'> | undefined
  #prefix = ''
  #reading: Reading | undefined

  constructor(standIn: StandIn) {
    this.#standIn = standIn
  }

  /** Until then nothing has been asked of the cache, and nothing is stored. */
  attach(core: Pick<Core, 'tiers'>, { prefix, serializer, maxValueBytes }: ResolvedOptions): void {
    const silent = new Events(undefined)
    this.#core = core
    this.#prefix = prefix
    this.#reading = new Reading(silent, guardWith(silent), { serializer, maxValueBytes }, prefix)
  }

  /** Of values and counters that are there, below the prefix, sorted. */
  async keys(): Promise<string[]> {
    const found = new Set<string>()
    for (const { driver } of await this.#tiers()) {
      for await (const keys of driver.scan(everythingOf(this.#prefix))) {
        const states = await driver.readMany(keys)
        for (const [i, key] of keys.entries()) if (isData(states[i])) found.add(key.slice(this.#scope.length))
      }
    }
    return [...found].sort()
  }

  /** False where no value is stored. */
  corrupt(key: string): boolean {
    return this.#standIn.corrupt(this.#scope + key)
  }

  /** Why nothing would be served from the cache, in the words of events; `undefined` where something would be. */
  async lacking({ key, glob, call }: Wanted): Promise<string | undefined> {
    if (call) return this.#lackingFor(call)
    if (glob === undefined) return this.#lackingAt(key as string)
    for (const found of await this.keys()) {
      if (matches(glob, found) && (await this.#lackingAt(found)) === undefined) return undefined
    }
    return 'absent'
  }

  async #lackingFor(call: Call): Promise<string | undefined> {
    const tiers = await this.#tiers()
    const tier = tiers.find(({ driver }) => (driver.name === 'memory') === (call.policy.tier === 'memory'))
    const keyed = tier && this.#reading?.keyed(tier, call)
    const answer = keyed && this.#reading?.answer(keyed, await this.#reading.read(keyed))
    if (!answer) return 'absent'
    return 'value' in answer ? undefined : answer.reason
  }

  /** Without a call there is no function whose version and options could be asked for. */
  async #lackingAt(key: string): Promise<string | undefined> {
    let reason = 'absent'
    for (const tier of await this.#tiers()) {
      const seen = await this.#seen(tier, key)
      if (seen.kind === 'counter') return undefined
      if (seen.kind === 'untagged') reason = 'tag'
      if (seen.kind === 'error') reason = 'unavailable'
      if (seen.kind !== 'value') continue
      if (seen.body.data === undefined) reason = 'unreadable'
      else if (!seen.header.expired && seen.header.softExpiresAt > tier.driver.time()) return undefined
      else reason = 'expired'
    }
    return reason
  }

  async #seen(tier: StoreTier, key: string): Promise<Seen> {
    try {
      return await readTagged(tier, this.#prefix, this.#scope + key, [])
    } catch (error) {
      if (error instanceof CacheTroubleError) return { kind: 'error', error }
      throw error
    }
  }

  get #scope(): string {
    return `${this.#prefix}::`
  }

  /** The stand-in as it is, without what is wrong with the way to it. */
  async #tiers(): Promise<readonly StoreTier[]> {
    const tiers = (await this.#core?.tiers()) ?? []
    const { inspected } = this.#standIn
    return tiers.map((tier) => (inspected && tier.driver.name === 'redis' ? inspected : tier))
  }
}

function isData(state: State | undefined): boolean {
  return state?.kind === 'value' || state?.kind === 'counter'
}
