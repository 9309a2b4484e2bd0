import { must, show } from './checks.ts'
import type { Policy } from './policy.ts'

/** One call of a cached function. */
export interface Call {
  /** Settled later, where it was made before there was a core. */
  policy: Policy
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
  /** The call as it was found that it is to load: whether it is still itself when the function is called, is seen then. */
  keyed?: { readonly isItself: boolean }
  /** It was not: what it has brought is not for its key. */
  readonly isSpoiled?: boolean
}

/** A call that is no plain hit: its function is a field, and not in a closure of its own. */
export class FunctionCall implements Call {
  constructor(
    public policy: Policy,
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
  policy: Policy
  readonly self: unknown
  /** As they were given: whether they are an array has not been looked at. */
  readonly ids: readonly unknown[]
  readonly rest: readonly unknown[]
  readonly fn: (...args: never[]) => unknown
  /** For so many ids at once the function may be called. */
  readonly maxBatch: number
}

/** A word would be an id for each of its letters. @throws CacheConfigError where there is no array of ids */
export function idsOf({ ids, policy }: Pick<ManyCall, 'ids' | 'policy'>): readonly unknown[] {
  must(Array.isArray(ids), `${policy.name} takes an array of ids, got ${show(ids)}: write for instance [id]`)
  return ids
}

/** What a function is called by for those who are given the function itself. */
export interface Callee {
  /** It was decorated, and runs for an object: `self` has to be said. */
  readonly isMethod?: boolean | undefined
  call(self: unknown, args: readonly unknown[]): Call | ManyCall
}

/** The key below the prefix; `undefined` where none can be made of the arguments. */
export function keyFor({ policy, self, args }: Omit<Call, 'load'>): string | undefined {
  try {
    return policy.plan.derive(self, args)
  } catch {
    return undefined
  }
}
