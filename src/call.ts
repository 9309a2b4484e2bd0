import type { PackRules } from './packing.ts'
import type { Policy } from './policy.ts'
import type { StoreTier } from './tier.ts'

/** One call of a cached function. */
export interface Call {
  readonly policy: Policy
  readonly self: unknown
  readonly args: readonly unknown[]
  /** Of a call for one of many ids, whose loads are gathered. */
  readonly part?: Part | undefined
  load(): unknown
}

/** What a call for one of many ids tells of itself, so that the function is called when enough is known of all of them. */
export interface Part {
  /** It waits for a load of somebody else now, or wants none after all. */
  waits(): void
  /** It asks the store (again) whether it is to load. */
  asks(): void
}

/** All that is made for a hit: its function is a field, and not in a closure of its own. */
export class FunctionCall implements Call {
  constructor(
    readonly policy: Policy,
    readonly self: unknown,
    readonly args: readonly unknown[],
    readonly fn: (...args: never[]) => unknown,
  ) {}

  load(): unknown {
    return this.fn.apply(this.self, this.args as never[])
  }
}

/** A call of a function of many ids. */
export interface ManyCall {
  readonly policy: Policy
  readonly self: unknown
  /** As they were given: whether they are an array has not been looked at. */
  readonly ids: readonly unknown[]
  readonly rest: readonly unknown[]
  readonly fn: (...args: never[]) => unknown
  /** For so many ids at once the function may be called. */
  readonly maxBatch: number
}

/** What a function is called by for those who are given the function itself. */
export interface Callee {
  /** It was decorated, and runs for an object: `self` has to be said. */
  readonly isMethod?: boolean
  call(self: unknown, args: readonly unknown[]): Call | ManyCall
}

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

/** The key below the prefix; `undefined` where none can be made of the arguments. */
export function keyFor({ policy, self, args }: Omit<Call, 'load'>): string | undefined {
  try {
    return policy.plan.derive(self, args)
  } catch {
    return undefined
  }
}
