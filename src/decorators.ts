import type { Home } from './engine.ts'
import { CacheConfigError } from './errors.ts'
import { type KeyParts, type KeyPlan, planFunction, planLiteral } from './key-plan.ts'
import { describe } from './kind.ts'
import { type Decorated, policyFinder } from './method-policy.ts'
import { type RawPolicy, refuseUnknown } from './policy.ts'
import type { AsyncFunction, AsyncMethodDecorator, CachedOptions, CacheInvalidateOptions, NoOthers } from './types.ts'
import { requireAsync, wrapperFor } from './wrap.ts'

export type CachedDecoratorFactory = <const Options extends CachedOptions>(
  options: Options & NoOthers<Options, CachedOptions>,
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
      const policyOf = policyFinder(given[0], decorated, home.names)
      const wrapper = wrapperFor(method, function (this: unknown, ...args: unknown[]) {
        const policy = policyOf(this, wrapper)
        return home.engine().path.run({ policy, self: this, args, load: () => method.apply(this, args) })
      })
      return wrapper
    })
  }) as CachedDecoratorFactory
}

const INVALIDATE_OPTIONS = ['key', 'pattern', 'before']

export function invalidateDecorators(home: Home): CacheInvalidateDecoratorFactory {
  return ((...given: [CacheInvalidateOptions]) => {
    requireOptions(given, '@CacheInvalidate', "{ pattern: 'dashboard:*' }")
    return methodDecorator('@CacheInvalidate', ({ method, name }) => {
      const { before } = given[0]
      const plans = planTargets(given[0], method, `@CacheInvalidate on ${String(name)}`)
      return wrapperFor(method, async function (this: unknown, ...args: unknown[]) {
        const remove = async () => {
          const { invalidation } = home.engine()
          for (const targetsOf of plans) await invalidation.invalidateAll(String(name), () => targetsOf(this, args))
        }
        if (before) await remove()
        const result = await method.apply(this, args)
        if (!before) await remove()
        return result
      })
    })
  }) as CacheInvalidateDecoratorFactory
}

type TargetsOf = (self: unknown, args: readonly unknown[]) => readonly KeyParts[]

/**
 * What a call of the method removes. Key and pattern are apart: where a call has no key, the pattern still counts.
 *
 * @throws CacheConfigError here, when the options make no sense
 */
function planTargets(options: CacheInvalidateOptions, method: AsyncFunction, place: string): TargetsOf[] {
  refuseUnknown(options, INVALIDATE_OPTIONS, place)
  const { key, pattern } = options
  if (key === undefined && pattern === undefined) {
    throw new CacheConfigError(`${place} needs a key or a pattern: write @CacheInvalidate({ pattern: 'dashboard:*' })`)
  }
  const plans: TargetsOf[] = []
  if (key !== undefined) {
    const plan = planKey(key, method, place)
    plans.push((self, args) => [plan.derive(self, args)])
  }
  if (typeof pattern === 'function') plans.push((self, args) => [pattern.apply(self, args as unknown[])].flat())
  else if (pattern !== undefined) {
    const patterns = requirePatterns(pattern, place)
    plans.push(() => patterns)
  }
  return plans
}

function planKey(key: unknown, method: AsyncFunction, place: string): KeyPlan {
  if (typeof key === 'string') return planLiteral(key, method)
  if (typeof key === 'function') return planFunction(key as () => KeyParts, place)
  throw new CacheConfigError(`${place}: key must be a string or a function, got ${describe(key)}`)
}

function requirePatterns(pattern: unknown, place: string): readonly string[] {
  const patterns: unknown[] = [pattern].flat()
  if (patterns.length === 0 || patterns.some((one) => typeof one !== 'string' || one === '')) {
    throw new CacheConfigError(
      `${place}: pattern must be a string such as 'dashboard:*', several of them, or a function that returns them`,
    )
  }
  // No key has a brace, so such a pattern would never match.
  if (patterns.some((one) => /[{}]/.test(one as string))) {
    throw new CacheConfigError(
      `${place}: a pattern has no holes; write a function: pattern: (user) => pattern\`user:\${user.id}:*\``,
    )
  }
  return patterns as string[]
}
