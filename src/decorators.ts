import { manyCall, manyOptions, type RawManyPolicy } from './cached-many.ts'
import { FunctionCall } from './call.ts'
import { refuseUnknown } from './checks.ts'
import { declare } from './declared.ts'
import type { Home } from './engine.ts'
import { CacheConfigError } from './errors.ts'
import { completed, policyIn, spaceNow } from './home.ts'
import { checkMode, type InvalidationTargets } from './invalidation.ts'
import { type KeyParts, type KeyPlan, planFunction, planLiteral } from './key-plan.ts'
import { describe } from './kind.ts'
import { type Decorated, policyFinder } from './method-policy.ts'
import { makePolicy, type RawPolicy } from './policy.ts'
import type {
  AsyncFunction,
  AsyncMethodDecorator,
  CachedManyOptions,
  CachedOptions,
  CacheInvalidateOptions,
  CacheUpdateOptions,
  ManyMethodDecorator,
  NoOthers,
} from './types.ts'
import { requireAsync, wrapperFor } from './wrap.ts'

export type CachedDecoratorFactory = <const Options extends CachedOptions>(
  options: Options & NoOthers<Options, CachedOptions>,
) => AsyncMethodDecorator<Options>

export type CachedManyDecoratorFactory = <const Options extends CachedManyOptions>(
  options: Options & NoOthers<Options, CachedManyOptions>,
) => ManyMethodDecorator<Options>

export type CacheUpdateDecoratorFactory = <const Options extends CacheUpdateOptions>(
  options: Options & NoOthers<Options, CacheUpdateOptions>,
) => AsyncMethodDecorator<Options>

export type CacheInvalidateDecoratorFactory = <const Options extends CacheInvalidateOptions>(
  options: Options & NoOthers<Options, CacheInvalidateOptions>,
) => AsyncMethodDecorator<Options>

/** Makes one decorator for both modes: TC39 calls it with a context, `experimentalDecorators` with a descriptor. */
function methodDecorator(place: string, replace: (decorated: Decorated) => AsyncFunction) {
  return (target: unknown, context: unknown, descriptor?: PropertyDescriptor) => {
    if (isContext(context)) {
      if (context.kind !== 'method') refusePlace(place, `${context.kind === 'accessor' ? 'an' : 'a'} ${context.kind}`)
      requireAsync(target, place)
      return replace({
        method: target as AsyncFunction,
        name: context.name,
        owner: undefined,
        isPrivate: context.private,
      })
    }
    if (descriptor === undefined) refusePlace(place, context === undefined ? 'a class' : 'a field')
    if (typeof descriptor === 'number') refusePlace(place, 'a parameter')
    if (descriptor.get || descriptor.set) refusePlace(place, 'a getter or setter')
    requireAsync(descriptor.value, place)
    const owner = typeof target === 'function' ? target : (target as object).constructor
    descriptor.value = replace({
      method: descriptor.value as AsyncFunction,
      name: context as string | symbol,
      owner,
      isPrivate: false,
    })
    return descriptor
  }
}

function isContext(context: unknown): context is ClassMethodDecoratorContext {
  return typeof context === 'object' && context !== null && 'kind' in context
}

function refusePlace(place: string, what: string): never {
  throw new CacheConfigError(`${place} belongs on a method that returns a promise, not on ${what}`)
}

/** A decorator without parentheses is called with the method, and in both modes with more than one argument. */
function requireOptions(given: readonly unknown[], place: string, example: string): void {
  if (given.length === 1 && typeof given[0] === 'object' && given[0] !== null) return
  throw new CacheConfigError(`${place} needs options: write ${place}(${example})`)
}

/** @param home - its engine is asked for at each call: decorators run when the class is made, before the cache is known */
export function cachedDecorators(home: Home): CachedDecoratorFactory {
  return ((...given: [RawPolicy]) => {
    requireOptions(given, '@Cached', "{ ttl: '5m' }")
    return methodDecorator('@Cached', (decorated) => {
      const { method } = decorated
      const policyOf = policyFinder(completed(home, given[0]), decorated, home.names, (policy) =>
        policyIn(home, policy),
      )
      const wrapper = wrapperFor(method, function (this: unknown, ...args: unknown[]) {
        return home.engine().path.run(call(this, args))
      })
      const call = (self: unknown, args: readonly unknown[]) =>
        new FunctionCall(policyOf(self, wrapper), self, args, method)
      return declare(wrapper, { home, isMethod: true, call })
    })
  }) as CachedDecoratorFactory
}

export function manyDecorators(home: Home): CachedManyDecoratorFactory {
  return ((...given: [RawManyPolicy]) => {
    requireOptions(given, '@CachedMany', "{ key: 'user', ttl: '5m' }")
    return methodDecorator('@CachedMany', (decorated) => {
      const { method, name } = decorated
      const { maxBatch, options } = manyOptions(given[0], `@CachedMany on ${String(name)}`)
      const policyOf = policyFinder(
        completed(home, options),
        decorated,
        home.names,
        (policy) => policyIn(home, policy),
        '@CachedMany',
      )
      const wrapper = wrapperFor(method, function (this: unknown, ...args: unknown[]) {
        return home.engine().path.many(call(this, args), 'run')
      })
      const call = (self: unknown, args: readonly unknown[]) =>
        manyCall(policyOf(self, wrapper), self, args, method, maxBatch)
      return declare(wrapper, { home, isMethod: true, call })
    })
  }) as CachedManyDecoratorFactory
}

export function updateDecorators(home: Home): CacheUpdateDecoratorFactory {
  return ((...given: [RawPolicy]) => {
    requireOptions(given, '@CacheUpdate', "{ key: 'user:{0.id}', ttl: '5m' }")
    return methodDecorator('@CacheUpdate', ({ method, name }) => {
      const place = `@CacheUpdate on ${String(name)}`
      if (given[0].key === undefined) {
        throw new CacheConfigError(`${place} needs the key of the entry that it updates, as in key: 'user:{0.id}'`)
      }
      const policyOf = policyIn(home, makePolicy(completed(home, given[0]), method, String(name), place, planLiteral))
      return wrapperFor(method, function (this: unknown, ...args: unknown[]) {
        return home.engine().path.update(new FunctionCall(policyOf(), this, args, method))
      })
    })
  }) as CacheUpdateDecoratorFactory
}

const INVALIDATE_OPTIONS = ['key', 'pattern', 'tags', 'before', 'mode']

export function invalidateDecorators(home: Home): CacheInvalidateDecoratorFactory {
  return ((...given: [CacheInvalidateOptions]) => {
    requireOptions(given, '@CacheInvalidate', "{ pattern: 'dashboard:*' }")
    return methodDecorator('@CacheInvalidate', ({ method, name }) => {
      const place = `@CacheInvalidate on ${String(name)}`
      const plans = planTargets(given[0], method, place)
      const { before, mode = 'remove' } = given[0]
      return wrapperFor(method, async function (this: unknown, ...args: unknown[]) {
        const spaceOf = spaceNow(home)
        const remove = async () => {
          const { invalidation } = home.engine()
          for (const targetsOf of plans)
            await invalidation.invalidateAll(String(name), () => targetsOf(this, args), { mode }, spaceOf)
        }
        if (before) await remove()
        const result = await method.apply(this, args)
        if (!before) await remove()
        return result
      })
    })
  }) as CacheInvalidateDecoratorFactory
}

type TargetsOf = (self: unknown, args: readonly unknown[]) => InvalidationTargets

/**
 * What a call of the method removes. Key, pattern and tags are apart: where a call has no key, the others still count.
 *
 * @throws CacheConfigError here, when the options make no sense
 */
function planTargets(options: CacheInvalidateOptions, method: AsyncFunction, place: string): TargetsOf[] {
  refuseUnknown(options, INVALIDATE_OPTIONS, place)
  const { key, pattern, tags, mode } = options
  checkMode(mode, place)
  if ((key ?? pattern ?? tags) === undefined) {
    throw new CacheConfigError(
      `${place} needs a key, a pattern or tags: write @CacheInvalidate({ pattern: 'dashboard:*' })`,
    )
  }
  const plans: TargetsOf[] = []
  if (key !== undefined) {
    const plan = planKey(key, method, place)
    plans.push((self, args) => ({ keys: [plan.derive(self, args)], tags: [] }))
  }
  if (typeof pattern === 'function') {
    plans.push((self, args) => ({ keys: [pattern.apply(self, args as unknown[])].flat(), tags: [] }))
  }
  if (pattern !== undefined && typeof pattern !== 'function') {
    const keys = requirePatterns(pattern, place)
    plans.push(() => ({ keys, tags: [] }))
  }
  if (typeof tags === 'function') {
    plans.push((self, args) => ({ keys: [], tags: [tags.apply(self, args as unknown[])].flat() }))
  }
  if (tags !== undefined && typeof tags !== 'function') {
    const fixed = { keys: [], tags: requireWords(tags, 'tags', 'org:42', place) }
    plans.push(() => fixed)
  }
  return plans
}

function planKey(key: unknown, method: AsyncFunction, place: string): KeyPlan {
  if (typeof key === 'string') return planLiteral(key, method)
  if (typeof key === 'function') return planFunction(key as () => KeyParts, place)
  throw new CacheConfigError(`${place}: key must be a string or a function, got ${describe(key)}`)
}

function requirePatterns(pattern: unknown, place: string): readonly string[] {
  const patterns = requireWords(pattern, 'pattern', 'dashboard:*', place)
  // No key has a brace, so such a pattern would never match.
  if (patterns.some((one) => /[{}]/.test(one))) {
    throw new CacheConfigError(
      `${place}: a pattern has no holes; write a function: pattern: (user) => pattern\`user:\${user.id}:*\``,
    )
  }
  return patterns
}

function requireWords(given: unknown, option: string, example: string, place: string): readonly string[] {
  const words: unknown[] = [given].flat()
  if (words.length > 0 && words.every((word) => typeof word === 'string' && word !== '')) return words as string[]
  throw new CacheConfigError(
    `${place}: ${option} must be a string such as '${example}', several of them, or a function that returns them`,
  )
}
