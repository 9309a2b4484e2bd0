import { doorTo } from './cached.ts'
import { manyDoorTo, manyOptions, type RawManyPolicy } from './cached-many.ts'
import { FunctionCall } from './call.ts'
import {
  areWords,
  type Check,
  must,
  mustBe,
  ofType,
  optional,
  readOptions,
  refuseUnknown,
  requireObject,
} from './checks.ts'
import type { Home } from './engine.ts'
import { completed, policyIn } from './home.ts'
import { checkMode, type InvalidationTargets, type Words } from './invalidation.ts'
import { planFunction, planLiteral } from './key-plan.ts'
import { type Decorated, policyFinder } from './method-policy.ts'
import { checkKey, makePolicy, OPTIONS, type RawPolicy } from './policy.ts'
import { spaceNow } from './space-now.ts'
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
import { refuse, requireAsync, wrapperFor } from './wrap.ts'

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

/** What stands in the place of a decorated method. `place` names it in errors. */
type Replace<Options> = (options: Options, decorated: Decorated, place: string) => AsyncFunction

/** Makes decorators for both modes: TC39 calls them with a context, `experimentalDecorators` with a descriptor. */
function decoratorsOf<Options>(decorator: string, example: string, replace: Replace<Options>) {
  return (...given: unknown[]) => {
    // Without parentheses it is called with the method, and in both modes with more than one argument.
    const [options] = given.length === 1 ? given : []
    requireObject(options, decorator, `${decorator}(${example})`)
    const replaced = (method: unknown, name: string | symbol, owner?: Function, isPrivate = false) => {
      requireAsync(method, decorator)
      return replace(
        options as Options,
        { method: method as AsyncFunction, name, owner, isPrivate },
        `${decorator} on ${String(name)}`,
      )
    }
    return (target: unknown, context: unknown, descriptor?: PropertyDescriptor) => {
      if (isContext(context)) {
        const { kind, name } = context
        refuse(kind !== 'method' && (kind === 'accessor' ? 'an accessor' : `a ${kind}`), decorator)
        return replaced(target, name, undefined, context.private)
      }
      refuse(descriptor === undefined && (context === undefined ? 'a class' : 'a field'), decorator)
      refuse(typeof descriptor === 'number' && 'a parameter', decorator)
      refuse((descriptor?.get || descriptor?.set) && 'a getter or setter', decorator)
      const owner = typeof target === 'function' ? target : (target as object).constructor
      return Object.assign(descriptor as PropertyDescriptor, {
        value: replaced(descriptor?.value, context as string | symbol, owner),
      })
    }
  }
}

function isContext(context: unknown): context is ClassMethodDecoratorContext {
  return typeof context === 'object' && context !== null && 'kind' in context
}

/** @param home - its engine is asked for at each call: decorators run when the class is made, before the cache is known */
export function cachedDecorators(home: Home): CachedDecoratorFactory {
  return decoratorsOf<RawPolicy>(
    '@Cached',
    "{ ttl: '5m' }",
    (options, decorated, place) =>
      doorTo(home, decorated.method, policyFinder(home, options, decorated, place), true).wrapper,
  ) as CachedDecoratorFactory
}

export function manyDecorators(home: Home): CachedManyDecoratorFactory {
  return decoratorsOf<RawManyPolicy>('@CachedMany', "{ key: 'user', ttl: '5m' }", (given, decorated, place) => {
    const { maxBatch, options } = manyOptions(given, place)
    return manyDoorTo(home, decorated.method, policyFinder(home, options, decorated, place), maxBatch, true).wrapper
  }) as CachedManyDecoratorFactory
}

export function updateDecorators(home: Home): CacheUpdateDecoratorFactory {
  return decoratorsOf<RawPolicy>('@CacheUpdate', UPDATE, (options, { method, name }, place) => {
    refuseUnknown(options, OF_UPDATES, place)
    must(options.key !== undefined, `${place} needs the key of the entry that it updates, as in ${UPDATE}`)
    const policyOf = policyIn(home, makePolicy(completed(home, options), method, String(name), place, planLiteral))
    const wrapper: AsyncFunction = wrapperFor(method, function (this: unknown, ...args: unknown[]) {
      return home.engine().path.update(new FunctionCall(policyOf(this, wrapper), this, args, method))
    })
    return wrapper
  }) as CacheUpdateDecoratorFactory
}

const UPDATE = "{ key: 'user:{0.id}', ttl: '5m' }"
/** It runs whatever is stored, and nobody waits for another's run. */
const OF_UPDATES = OPTIONS.filter((option) => !/^(bypass|refreshAhead|errorTtl|\w+Timeout)$/.test(option))

export function invalidateDecorators(home: Home): CacheInvalidateDecoratorFactory {
  return decoratorsOf<CacheInvalidateOptions>('@CacheInvalidate', INVALIDATE, (options, { method, name }, place) => {
    const { before, mode, ...given } = readOptions(options, CHECKS, place)
    const targets = planTargets(given, method, place)
    return wrapperFor(method, async function (this: unknown, ...args: unknown[]) {
      const spaceOf = spaceNow(home)
      const remove = () =>
        home.engine().invalidation.invalidateAll(spaceOf, String(name), { mode }, targets, { self: this, args })
      if (before) await remove()
      const result = await method.apply(this, args)
      if (!before) await remove()
      return result
    })
  }) as CacheInvalidateDecoratorFactory
}

const INVALIDATE = "{ pattern: 'dashboard:*' }"

const checkWords = (example: string): Check<Words | undefined> =>
  optional((given, place) => {
    if (typeof given === 'function') return given as Words
    const words = [given].flat()
    mustBe(
      words.length > 0 && areWords(words),
      `a string such as '${example}', several of them, or a function that returns them`,
      given,
      place,
    )
    return words
  })

const CHECKS = {
  key: optional(checkKey),
  pattern: checkWords('dashboard:*'),
  tags: checkWords('org:42'),
  before: optional(ofType<boolean>('boolean')),
  mode: checkMode,
}

/** @throws CacheConfigError */
function planTargets(
  { key, pattern, tags }: Omit<InvalidationTargets, 'key'> & { key: ReturnType<typeof checkKey> | undefined },
  method: AsyncFunction,
  place: string,
): InvalidationTargets {
  must(
    (key ?? pattern ?? tags) !== undefined,
    `${place} needs a key, a pattern or tags: write @CacheInvalidate(${INVALIDATE})`,
  )
  // No key has a brace, so such a pattern would never match.
  must(
    typeof pattern === 'function' || !pattern?.some((one) => /[{}]/.test(one)),
    `${place}: a pattern has no holes; write a function: pattern: (user) => pattern\`user:\${user.id}:*\``,
  )
  const plan = typeof key === 'string' ? planLiteral(key, method) : key && planFunction(key, place)
  return { key: plan, pattern, tags }
}
