import { declared, removeStored } from './cached.ts'
import { FunctionCall, keyFor, type ManyCall } from './call.ts'
import { refuseUnknown } from './checks.ts'
import { declare } from './declared.ts'
import type { InvalidationMode } from './drivers/driver.ts'
import type { Home } from './engine.ts'
import { CacheConfigError } from './errors.ts'
import { policyIn } from './home.ts'
import type { InvalidateResult } from './invalidation.ts'
import { describe } from './kind.ts'
import { OPTIONS, type Policy, type RawPolicy } from './policy.ts'
import type {
  AsyncFunction,
  CachedManyFunctionOptions,
  IdOf,
  ManyFunction,
  RestOf,
  ValueOf,
  WithoutErrors,
} from './types.ts'
import { requireAsync, wrapperFor } from './wrap.ts'

/** What a cached function of many ids can do besides being called. Each id has a key, and an entry, of its own. */
export interface CachedManyMembers<F extends ManyFunction> {
  /** Removes what is stored for these ids, and keeps loads of them that are under way from being stored. */
  invalidate(ids: readonly IdOf<F>[], ...rest: RestOf<F>): Promise<InvalidateResult>
  /** {@link CachedManyMembers.invalidate}, but keeps the values for `staleIfError`. */
  expire(ids: readonly IdOf<F>[], ...rest: RestOf<F>): Promise<InvalidateResult>
  /** Runs the function for these ids now and stores its results, whatever is stored. */
  refresh(ids: readonly IdOf<F>[], ...rest: RestOf<F>): Promise<ResultOf<F>[]>
  /** The key of one id, below the cache's prefix; `undefined` where it cannot be cached. */
  keyFor(id: IdOf<F>, ...rest: RestOf<F>): string | undefined
  /** What is stored for these ids, in order, without running the function. */
  peek(ids: readonly IdOf<F>[], ...rest: RestOf<F>): Promise<(ValueOf<F> | undefined)[]>
  /** Stores values by id, from a Map or an array of pairs; true when all of them are stored. Throws nothing. */
  set(values: Iterable<readonly [id: IdOf<F>, value: ValueOf<F>]>, ...rest: RestOf<F>): Promise<boolean>
}

/** One id's result. From a Map any may be missing; the type of an array says whether one may be. */
type ResultOf<F extends ManyFunction> =
  Awaited<ReturnType<F>> extends readonly (infer Item)[] ? WithoutErrors<Item> : ValueOf<F> | undefined

/** A cached function of many ids: results come in the order of the ids. */
export type CachedManyFunction<F extends ManyFunction> = ((
  this: ThisParameterType<F>,
  ids: readonly IdOf<F>[],
  ...rest: RestOf<F>
) => Promise<ResultOf<F>[]>) &
  CachedManyMembers<F>

/**
 * Wraps a function of many ids, so that each id's result is kept under a key of its own: the key that `cached()` with the
 * same `key` option gives to the same id, so that the two share values and loads. What is stored is read in one command;
 * the function is called once, with just the ids that are missing, and returns an array in their order or a Map by id.
 *
 * - An id without a result (`undefined`) is `undefined` for the caller, and not kept. `null` is kept with `nullTtl`.
 * - What the function throws, all who wait for one of those ids get. An `Error` in the place of a result is thrown to those who
 *   wait for that id; the others are kept. A call rejects if one of its ids does.
 * - Further arguments are passed on and are part of each key.
 *
 * @throws CacheConfigError when the options make no sense, here and not at the call. A call rejects with one when it is not
 * given an array, and when the function returns something else than it should
 *
 * @example
 * ```ts
 * import { cachedMany } from 'cachewell'
 *
 * const fetchUsers = async (ids: string[]) => new Map(ids.map((id) => [id, { id, name: `user ${id}` }]))
 * export const users = cachedMany(fetchUsers, { key: 'user', ttl: '10m', maxBatch: 500 })
 *
 * const [ann, bob] = await users(['ann', 'bob'])
 * await users.invalidate(['ann'])
 * ```
 */
export type CachedManyFactory = <F extends ManyFunction, const Key extends string = string>(
  fn: F,
  options: CachedManyFunctionOptions<ThisParameterType<F>, IdOf<F>, RestOf<F>, ValueOf<F>, Key>,
) => CachedManyFunction<F>

export interface RawManyPolicy extends RawPolicy {
  readonly maxBatch?: unknown
}

/** @param home - its engine is asked for at each call: functions are declared before the cache they use is known */
export function cachedManyWith(home: Home): CachedManyFactory {
  return ((fn: AsyncFunction, given: RawManyPolicy) => {
    requireAsync(fn, 'cachedMany()')
    const { maxBatch, options } = manyOptions(given, `cachedMany(${fn.name})`)
    const policy = declared(home, fn, options, 'cachedMany')
    const policyOf = policyIn(home, policy)

    const wrapper = wrapperFor(fn, function (this: unknown, ...args: unknown[]) {
      return home.engine().path.many(call(this, args), 'run')
    })
    const owner = (self: unknown) => (self === wrapper ? undefined : self)
    const call = (self: unknown, args: readonly unknown[]) => manyCall(policyOf(), owner(self), args, fn, maxBatch)
    const callFor = (self: unknown, id: unknown, rest: readonly unknown[], policy = policyOf()) =>
      new FunctionCall(policy, owner(self), [id, ...rest], fn)
    const remove = async (
      self: unknown,
      ids: readonly unknown[],
      rest: readonly unknown[],
      mode: InvalidationMode,
    ): Promise<InvalidateResult> => {
      const outcomes = await Promise.all(
        [...new Set(ids)].map((id) =>
          removeStored(home, callFor(self, id, rest), mode, callFor(self, id, rest, policy)),
        ),
      )
      return {
        removed: outcomes.reduce((sum, { removed }) => sum + removed, 0),
        deferred: outcomes.some(({ deferred }) => deferred),
      }
    }
    const members: CachedManyMembers<ManyFunction> = {
      invalidate(ids, ...rest) {
        return remove(this, ids, rest, 'remove')
      },
      expire(ids, ...rest) {
        return remove(this, ids, rest, 'expire')
      },
      refresh(...args) {
        return home.engine().path.many(call(this, args), 'refresh')
      },
      keyFor(id, ...rest) {
        return keyFor(callFor(this, id, rest, policy))
      },
      peek(ids, ...rest) {
        return Promise.all(ids.map((id) => home.engine().path.peek(callFor(this, id, rest))))
      },
      async set(values, ...rest) {
        const stores = Array.from(values, ([id, value]) => home.engine().path.set(callFor(this, id, rest), value))
        return (await Promise.all(stores)).every(Boolean)
      },
    }
    return declare(Object.assign(wrapper, members), { home, call })
  }) as CachedManyFactory
}

/** What is said of a batch as a whole, and the options of each id's call. @throws CacheConfigError */
export function manyOptions(
  given: RawManyPolicy,
  place: string,
): { readonly maxBatch: number; readonly options: RawPolicy } {
  // That it is an object is for whoever reads the rest of it to see.
  if (typeof given !== 'object' || given === null) return { maxBatch: 1, options: given }
  refuseUnknown(given, [...OPTIONS, 'maxBatch'], place)
  const { maxBatch = Number.POSITIVE_INFINITY, ...options } = given
  if (maxBatch === Number.POSITIVE_INFINITY || (Number.isSafeInteger(maxBatch) && (maxBatch as number) > 0)) {
    return { maxBatch: maxBatch as number, options }
  }
  throw new CacheConfigError(
    `${place}: maxBatch is for how many ids the function is called at once: write a whole number such as 500, got ${describe(maxBatch)}`,
  )
}

/** A call of a function of many ids, from either door. */
export function manyCall(
  policy: Policy,
  self: unknown,
  [given, ...rest]: readonly unknown[],
  fn: AsyncFunction,
  maxBatch: number,
): ManyCall {
  // A copy, since the caller may change its array before the ids are looked at.
  const ids = Array.isArray(given) ? [...given] : (given as unknown[])
  return { policy, self, ids, rest, fn, maxBatch }
}
