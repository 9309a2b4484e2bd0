import type { Call } from './call.ts'
import { inCommitScope, whenCommitted } from './commit-scope.ts'
import { Flight } from './flight.ts'
import { copyAsItIs } from './isolation.ts'
import type { KeyedCall } from './keyed-call.ts'
import type { Loading } from './loading.ts'
import type { Surroundings } from './read-through.ts'
import type { Reading } from './reading.ts'
import type { Storing } from './storing.ts'
import { onTier, type StoreTier } from './tier.ts'

/** What is done with the entry of a call without calling the function for it: looking, storing, and storing another method's result. */
export class OwnEntry {
  readonly #tierOf: Surroundings['tierOf']
  readonly #reading: Reading
  readonly #storing: Storing
  readonly #loading: Loading

  constructor({ tierOf }: Pick<Surroundings, 'tierOf'>, reading: Reading, storing: Storing, loading: Loading) {
    this.#tierOf = tierOf
    this.#reading = reading
    this.#storing = storing
    this.#loading = loading
  }

  /** The stored value, without a load. */
  peek(call: Call): Promise<unknown> {
    return onTier(this.#tierOf(call.policy.tier), (tier) => this.#peek(this.#reading.keyed(tier, call)))
  }

  async #peek(keyed: KeyedCall | undefined): Promise<unknown> {
    const answer = keyed && !inCommitScope() && this.#reading.answer(keyed, await this.#reading.read(keyed))
    return answer && 'value' in answer ? answer.value : undefined
  }

  /** Stores a value as if the function had returned it for this call; true when it is stored. */
  async set(call: Call, value: unknown): Promise<boolean> {
    const identity = this.#reading.identity(call)
    if (identity === undefined) return false
    const given = inCommitScope() ? copyAsItIs(value) : value
    const put = (tier: StoreTier) => this.#put(this.#reading.keyed(tier, call, identity) as KeyedCall, given)
    return whenCommitted(() => onTier(this.#tierOf(call.policy.tier), put), false)
  }

  async #put(call: KeyedCall, value: unknown): Promise<boolean> {
    return call.tier.driver.name !== 'null' && this.#storing.put(call, value)
  }

  /**
   * Runs a method that changes what another has stored, and stores its result in that place. The right to do so is
   * asked for before it runs: what somebody else has loaded meanwhile may be the old value, and is removed then.
   */
  async update(call: Call): Promise<unknown> {
    const tier = await this.#tierOf(call.policy.tier)
    const keyed = this.#reading.keyed(tier, call)
    if (!keyed) return call.load()
    if (inCommitScope()) {
      const value = await call.load()
      // The method may have gone over to another tenant meanwhile: the key is that of the call.
      const made = copyAsItIs(value)
      await whenCommitted(async () => (await this.#put(keyed, made)) || this.#storing.drop(keyed), undefined)
      return value
    }
    if (tier.driver.name === 'null') {
      const value = await call.load()
      await this.#storing.drop(keyed)
      return value
    }
    const lease = await this.#loading.claimForUpdate(keyed)
    const ended = lease?.keep()
    try {
      // As a load: what it reads from the cache becomes part of what is stored.
      const value = await new Flight().load(() => call.load())
      await this.#storing.update(keyed, lease, value)
      return value
    } catch (error) {
      await lease?.giveUp('superseded')
      throw error
    } finally {
      ended?.()
    }
  }
}
