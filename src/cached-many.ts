import { declared, placeOf } from './cached.ts'
import { FunctionCall, idsOf, keyFor, type ManyCall } from './call.ts'
import { refuseUnknown, wholeNumber } from './checks.ts'
import { declare, removeStored } from './declared.ts'
import type { InvalidationMode } from './drivers/driver.ts'
import type { Home } from './engine.ts'
import { type PolicyIn, policyIn } from './home.ts'
import type { InvalidateResult } from './invalidation.ts'
import { OPTIONS, type RawPolicy } from './policy.ts'
import type {
  AsyncFunction,
  CachedManyFunctionOptions,
  IdOf,
  ManyFunction,
  RestOf,
  ValueOf,
  WithoutErrors,
} from './types.ts'
import { wrapperFor } from './wrap.ts'

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
    const place = placeOf('cachedMany', fn, given)
    const { maxBatch, options } = manyOptions(given, place)
    const policy = declared(home, fn, options, place)
    const policyOf = policyIn(home, policy)
    const { wrapper, call } = manyDoorTo(home, fn, policyOf, maxBatch)
    const callFor = (self: unknown, id: unknown, rest: readonly unknown[], policy = policyOf(self, wrapper)) =>
      new FunctionCall(policy, self === wrapper ? undefined : self, [id, ...rest], fn)
    const remove = async (
      self: unknown,
      ids: readonly unknown[],
      rest: readonly unknown[],
      mode?: InvalidationMode,
    ) => {
      const keys = Array.from(new Set(idsOf({ ids, policy })), (id) => keyFor(callFor(self, id, rest, policy)))
      return removeStored(home, policy, keys, mode)
    }
    const members: CachedManyMembers<ManyFunction> = {
      invalidate(ids, ...rest) {
        return remove(this, ids, rest)
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
      async peek(ids, ...rest) {
        return Promise.all(idsOf({ ids, policy }).map((id) => home.engine().path.peek(callFor(this, id, rest))))
      },
      async set(values, ...rest) {
        const stores = Array.from(values, ([id, value]) => home.engine().path.set(callFor(this, id, rest), value))
        return (await Promise.all(stores)).every(Boolean)
      },
    }
    return Object.assign(wrapper, members)
  }) as CachedManyFactory
}

const checkBatch = wholeNumber('a whole number such as 500: for so many ids at once the function is called')

/** What is said of a batch as a whole, and the options of each id's call. @throws CacheConfigError */
export function manyOptions(
  given: RawManyPolicy,
  place: string,
): { readonly maxBatch: number; readonly options: RawPolicy } {
  refuseUnknown(given, [...OPTIONS, 'maxBatch'], place)
  const { maxBatch = Infinity, ...options } = given
  return { maxBatch: maxBatch === Infinity ? maxBatch : checkBatch(maxBatch, `${place}: maxBatch`), options }
}

/** As `doorTo`, of a function of many ids. */
export function manyDoorTo(home: Home, fn: AsyncFunction, policyOf: PolicyIn, maxBatch: number, isMethod?: boolean) {
  const call = (self: unknown, [given, ...rest]: readonly unknown[]): ManyCall => ({
    policy: policyOf(self, wrapper),
    self: self === wrapper ? undefined : self,
    // A copy, since the caller may change its array before the ids are looked at.
    ids: Array.isArray(given) ? [...given] : (given as unknown[]),
    rest,
    fn,
    maxBatch,
  })
  const wrapper: AsyncFunction = wrapperFor(fn, function (this: unknown, ...args: unknown[]) {
    return home.engine().path.many(call(this, args), 'run')
  })
  return { wrapper: declare(wrapper, { home, isMethod, call }), call }
}
