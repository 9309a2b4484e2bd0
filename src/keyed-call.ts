import { tagsOf } from './answers.ts'
import type { Call, Part } from './call.ts'
import type { Flight } from './flight.ts'
import type { PackRules } from './packing.ts'
import type { Policy } from './policy.ts'
import { tagsIn } from './stamp-key.ts'
import type { StoreTier } from './tier.ts'

const NO_TAGS: readonly string[] = Object.freeze([])

/** What a call is known by, as its arguments are when it is called. */
export interface Identity {
  /** As events show it: below the prefix. */
  readonly shownKey: string
  /** Those that are known before the load. */
  readonly tags: readonly string[]
  /** What tags begin with: of the tenant who called, whoever it is that is served when the load has ended. */
  readonly tagSpace: string
}

/** A call for which a store and a key are known. */
export class KeyedCall implements Call, Identity {
  readonly policy: Policy
  readonly self: unknown
  readonly args: readonly unknown[]
  readonly shownKey: string
  readonly tags: readonly string[]
  readonly tagSpace: string
  /** The load that it runs, or waits for. */
  waitsFor: Flight | undefined
  /** Of a refresh: the id of what it takes the place of. */
  replaces: string | undefined

  /** @param key - as it stands in the store */
  constructor(
    readonly call: Call,
    { shownKey, tags, tagSpace }: Identity,
    readonly tier: StoreTier,
    readonly key: string,
    readonly rules: PackRules,
  ) {
    this.shownKey = shownKey
    this.tags = tags
    this.tagSpace = tagSpace
    this.policy = call.policy
    this.self = call.self
    this.args = call.args
  }

  get part(): Part | undefined {
    return this.call.part
  }

  /**
   * What the function would be called with is still what the key was made of. Arguments may be objects, and whoever has
   * called with them may have changed them since: what comes of a load is another key's value then.
   */
  get isItself(): boolean {
    try {
      const { shownKey, tags } = identify(this)
      return shownKey === this.shownKey && sameTags(tags, this.tags)
    } catch {
      return false
    }
  }

  load(): unknown {
    if (this.part) this.part.keyed = this
    return this.call.load()
  }
}

/** @throws what stands in the way of caching this call: of its key, its tenant, or its tags */
export function identify({ policy, self, args }: Pick<Call, 'policy' | 'self' | 'args'>): Identity {
  const shownKey = policy.plan.derive(self, args)
  const tagSpace = policy.tagSpace?.() ?? ''
  const tags = policy.tags ? tagsIn(tagSpace, tagsOf(policy.tags, self, args)) : NO_TAGS
  return { shownKey, tags, tagSpace }
}

export function sameTags(some: readonly string[], others: readonly string[]): boolean {
  return some === others || (some.length === others.length && some.every((tag, i) => tag === others[i]))
}

/** How events name a call. */
export function about({ policy, shownKey }: KeyedCall): { readonly name: string; readonly key: string } {
  return { name: policy.name, key: shownKey }
}
