import type { Home } from './engine.ts'
import { CacheConfigError } from './errors.ts'
import type { InvalidationTargets } from './invalidation.ts'
import { type KeyParts, planFunction, planLiteral } from './key-plan.ts'
import { type Decorated, policyFinder } from './method-policy.ts'
import { makePolicy, type RawPolicy, refuseUnknown } from './policy.ts'
import type {
  AsyncFunction,
  AsyncMethodDecorator,
  CachedOptions,
  CacheInvalidateOptions,
  CacheUpdateOptions,
  NoOthers,
} from './types.ts'
import { requireAsync, wrapperFor } from './wrap.ts'

export type CachedDecoratorFactory = <const Options extends CachedOptions>(
  options: Options & NoOthers<Options, CachedOptions>,
) => AsyncMethodDecorator<Options>

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
      if (context.kind !== 'method') refusePlace(place, `a ${context.kind}`)
      requireAsync(target, place)
      return replace({
        method: target as AsyncFunction,
        name: context.name,
        owner: undefined,
        isPrivate: context.private,
      })
    }
    if (descriptor === undefined) refusePlace(place, context === undefined ? 'a class' : 'a field')
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

/** @param home - its engine is asked for at each call: decorators run when the class is made, before the cache is known */
export function cachedDecorators(home: Home): CachedDecoratorFactory {
  return ((options: RawPolicy) =>
    methodDecorator('@Cached', (decorated) => {
      const { method } = decorated
      const policyOf = policyFinder(options, decorated, home.names)
      const wrapper = wrapperFor(method, function (this: unknown, ...args: unknown[]) {
        const policy = policyOf(this, wrapper)
        return home.engine().path.run({ policy, self: this, args, load: () => method.apply(this, args) })
      })
      return wrapper
    })) as CachedDecoratorFactory
}

const UPDATE_PLACE = '@CacheUpdate'

export function updateDecorators(home: Home): CacheUpdateDecoratorFactory {
  return ((options: RawPolicy) =>
    methodDecorator(UPDATE_PLACE, ({ method, name }) => {
      const place = `${UPDATE_PLACE} on ${String(name)}`
      if (options?.key === undefined) {
        throw new CacheConfigError(`${place} needs the key of the entry that it updates, as in key: 'user:{0.id}'`)
      }
      const policy = makePolicy(options, method, String(name), place, planLiteral)
      return wrapperFor(method, function (this: unknown, ...args: unknown[]) {
        const load = () => method.apply(this, args)
        return home.engine().path.update({ policy, self: this, args, load })
      })
    })) as CacheUpdateDecoratorFactory
}

const INVALIDATE_OPTIONS = ['key', 'pattern', 'tags', 'before']

export function invalidateDecorators(home: Home): CacheInvalidateDecoratorFactory {
  return ((options: CacheInvalidateOptions) =>
    methodDecorator('@CacheInvalidate', ({ method, name }) => {
      const targetsOf = planTargets(options, method, `@CacheInvalidate on ${String(name)}`)
      return wrapperFor(method, async function (this: unknown, ...args: unknown[]) {
        const remove = () => home.engine().invalidation.invalidateAll(String(name), () => targetsOf(this, args))
        if (options.before) await remove()
        const result = await method.apply(this, args)
        if (!options.before) await remove()
        return result
      })
    })) as CacheInvalidateDecoratorFactory
}

/** What a call of the method removes. @throws CacheConfigError here, when the options make no sense */
function planTargets(
  options: CacheInvalidateOptions,
  method: AsyncFunction,
  place: string,
): (self: unknown, args: readonly unknown[]) => InvalidationTargets {
  if (
    typeof options !== 'object' ||
    options === null ||
    (options.key ?? options.pattern ?? options.tags) === undefined
  ) {
    throw new CacheConfigError(
      `${place} needs a key, a pattern or tags: write @CacheInvalidate({ pattern: 'dashboard:*' })`,
    )
  }
  refuseUnknown(options, INVALIDATE_OPTIONS, place)
  const { key, pattern, tags } = options
  const plan =
    typeof key === 'function'
      ? planFunction(key as () => KeyParts, place)
      : key === undefined
        ? undefined
        : planLiteral(key, method)
  if (pattern !== undefined && typeof pattern !== 'function') requireWords(pattern, 'pattern', 'dashboard:*', place)
  if (tags !== undefined && typeof tags !== 'function') requireWords(tags, 'tags', 'org:42', place)
  return (self, args) => {
    const found = typeof pattern === 'function' ? pattern.apply(self, args as unknown[]) : (pattern ?? [])
    const patterns = typeof found === 'string' ? [found] : [...found]
    const keys = plan ? [plan.derive(self, args), ...patterns] : patterns
    return { keys, tags: typeof tags === 'function' ? tags.apply(self, args as unknown[]) : (tags ?? []) }
  }
}

function requireWords(given: unknown, option: string, example: string, place: string): void {
  const words = Array.isArray(given) ? given : [given]
  if (words.length > 0 && words.every((word) => typeof word === 'string' && word !== '')) return
  throw new CacheConfigError(`${place}: ${option} must be words such as '${example}', or a function that returns them`)
}
