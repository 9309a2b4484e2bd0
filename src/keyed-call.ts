import type { Call, Part } from './call.ts'
import type { PackRules } from './packing.ts'
import type { Policy } from './policy.ts'
import type { StoreTier } from './tier.ts'

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
      return this.policy.plan.derive(this.self, this.args) === this.shownKey
    } catch {
      return false
    }
  }

  load(): unknown {
    return this.call.load()
  }
}

/** How events name a call. */
export function about({ policy, shownKey }: KeyedCall): { readonly name: string; readonly key: string } {
  return { name: policy.name, key: shownKey }
}
