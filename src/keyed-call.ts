import type { Call, Part } from './call.ts'
import type { PackRules } from './packing.ts'
import type { Policy } from './policy.ts'
import type { StoreTier } from './tier.ts'

/** A call for which a store and a key are known. */
export class KeyedCall implements Call {
  readonly policy: Policy
  readonly self: unknown
  readonly args: readonly unknown[]

  /**
   * @param shownKey - as events show it: below the prefix
   * @param key - as it stands in the store
   * @param tags - those that are known before the load
   * @param tagSpace - what tags begin with: of the tenant who called, whoever it is that is served when the load has ended
   */
  constructor(
    readonly call: Call,
    readonly tier: StoreTier,
    readonly shownKey: string,
    readonly key: string,
    readonly rules: PackRules,
    readonly tags: readonly string[],
    readonly tagSpace: string,
  ) {
    this.policy = call.policy
    this.self = call.self
    this.args = call.args
  }

  get part(): Part | undefined {
    return this.call.part
  }

  load(): unknown {
    return this.call.load()
  }
}

/** How events name a call. */
export function about({ policy, shownKey }: KeyedCall): { readonly name: string; readonly key: string } {
  return { name: policy.name, key: shownKey }
}
