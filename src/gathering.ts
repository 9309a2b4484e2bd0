import type { MissReason } from './events.ts'
import { type Flight, moment } from './flight.ts'
import { type KeyedCall, sameTags } from './keyed-call.ts'
import type { Policy } from './policy.ts'
import type { Found, Miss } from './reading.ts'

/** Those who join one read, of the same function and with the same tags. */
export class Gathering {
  readonly #policy: Policy
  readonly #tags: readonly string[]
  readonly calledAt = moment()
  /** What the first of them has made of it. */
  answer: Found | Miss | undefined
  /** What the others wait for: made for the second of all. */
  flight: Flight | undefined

  /** @param began - by our clock */
  constructor(
    { policy, tags }: KeyedCall,
    readonly began: number,
  ) {
    this.#policy = policy
    this.#tags = tags
  }

  get reason(): MissReason {
    return this.answer !== undefined && 'reason' in this.answer ? this.answer.reason : 'absent'
  }

  /** Whether what comes of it is also this call's. */
  suits({ policy, tags }: KeyedCall): boolean {
    return policy === this.#policy && sameTags(tags, this.#tags)
  }
}
