import { AsyncResource } from 'node:async_hooks'
import { type Call, keyFor, type ManyCall } from './call.ts'
import { inCommitScope, whenCommitted } from './commit-scope.ts'
import type { CoreLoader } from './core-loader.ts'
import type { CacheEngine, Invalidating, InvalidationRequest } from './engine.ts'
import type { Events } from './events.ts'
import {
  type InvalidateResult,
  type InvalidationTargets,
  type SweepOptions,
  type Words,
  wordsFor,
} from './invalidation.ts'
import type { Policy } from './policy.ts'
import { WHOLE } from './space.ts'
import { answerNow, spaceOf } from './space-now.ts'

type StandIns = Pick<CacheEngine, Part | 'settle'>
type Part = 'path' | 'direct' | 'invalidation'
type Method = (...given: unknown[]) => unknown

/** What is done in the place of each method that waits for the core, where there is none. */
type Instead<Of> = {
  readonly [Name in Exclude<keyof Of, 'hit'>]: Of[Name] extends (...given: infer Given) => Promise<infer Outcome>
    ? (...given: Given) => Outcome | Promise<Outcome>
    : never
}

/** Beyond it, all that there is will be removed. */
const MAX_REQUESTS = 10_000

const INVALIDATIONS: readonly (keyof Invalidating)[] = [
  'invalidate',
  'everyKey',
  'invalidateTags',
  'invalidateAll',
  'removeOne',
  'removeStored',
]

const nothing = () => undefined
const notDone = () => false

/**
 * What stands in for parts of the core until it has been loaded. Where it cannot be, calls go to their functions, and what
 * is invalidated is noted: whatever else is forgotten, that is not.
 *
 * @param requests - where it is noted
 */
export function firstCalls(loader: CoreLoader, events: Events, requests: InvalidationRequest[]): StandIns {
  const standIn = <Name extends Part>(part: Name, instead: Instead<StandIns[Name]>) => {
    const methods = Object.entries<Method>(instead as unknown as Record<string, Method>).map(([name, without]) => [
      name,
      (...later: unknown[]) => {
        // A key in parts, or tags, come second: whose they are may have other uses for the array until the core is there.
        const given = later.map((one, i) => (i === 1 && part !== 'path' && Array.isArray(one) ? [...one] : one))
        return loader.use<unknown>(
          async (core) => {
            if (part === 'path') settleCall(given[0] as Call)
            return (core[part] as unknown as Record<string, Method>)[name]?.(...given)
          },
          () => without(...given),
        )
      },
    ])
    return Object.fromEntries(methods) as StandIns[Name]
  }

  const bypass = async ({ policy, load }: Pick<Call, 'policy' | 'load'>) => {
    events.emit({ type: 'bypass', name: policy.name, reason: 'unloaded' })
    return load()
  }
  const run = (call: Call) => bypass({ policy: call.policy, load: () => call.load() })
  const many = ({ policy, ids, maxBatch, fn, self, rest }: ManyCall) =>
    bypass({
      policy,
      async load() {
        const results: unknown[] = []
        for (let i = 0; i < ids.length; i += maxBatch) {
          const some = ids.slice(i, i + maxBatch)
          const returned = await fn.apply(self, [[...some], ...rest] as never[])
          results.push(...(returned instanceof Map ? some.map((id) => returned.get(id)) : (returned as unknown[])))
        }
        for (const result of results) if (result instanceof Error) throw result
        return results
      },
    }) as Promise<unknown[]>

  const noted = (name: keyof Invalidating) => {
    const note = async (...given: unknown[]): Promise<InvalidateResult> => {
      if ((given[2] as SweepOptions | undefined)?.dryRun) return { removed: 0, deferred: false }
      const request = (one: Invalidating) => (one[name] as Method)(...given) as Promise<unknown>
      // By the commit there may be a core, and the work has succeeded, whatever that says.
      if (inCommitScope()) void whenCommitted(() => request(invalidation).catch(nothing), undefined)
      // With the tenant of who asks for it, and not of the scope in which the core will be loaded.
      else if (requests.push(AsyncResource.bind(request)) > MAX_REQUESTS) {
        requests.splice(0, MAX_REQUESTS + 1, (one) => one.invalidate(() => WHOLE, '*'))
      }
      return { removed: 0, deferred: true }
    }
    return [name, note] as const
  }
  const invalidation = standIn('invalidation', Object.fromEntries(INVALIDATIONS.map(noted)) as never)
  return {
    path: {
      ...standIn('path', {
        many,
        run,
        refresh: run,
        peek: nothing,
        set: notDone,
        async update(call) {
          // That of the call, as with a core: the method may change its arguments, or go over to another tenant.
          const key = keyFor(call)
          const value = await run(call)
          // What stands in the store is the old one.
          if (key !== undefined) await invalidation.removeStored(() => WHOLE, call.policy, [key])
          return value
        },
      }),
      hit: nothing,
    },
    direct: standIn('direct', {
      get: nothing,
      getMany: (_, keys) => keys.map(nothing),
      set: notDone,
      setMany: notDone,
      increment: nothing,
    }),
    invalidation: {
      ...invalidation,
      invalidateAll: (spaceOf, name, options, targets, call) =>
        invalidation.invalidateAll(spaceOf, name, options, targetsNow(targets, call), call),
    },
    settle: (home, declared) => (self, wrapper) => {
      const { plan } = declared
      return {
        ...declared,
        name: (home.namespace?.keys ?? '') + declared.name,
        plan: { ...plan, derive: (...call) => spaceOf(home, declared).keys + plan.derive(...call) },
        settled() {
          const policy = home.engine().settle(home, declared)
          return typeof policy === 'function' ? policy(self, wrapper) : policy
        },
      }
    },
  }
}

/** What a method makes invalid, found out before there is a core: by then its arguments may be others. */
function targetsNow(
  { key, pattern, tags }: InvalidationTargets,
  { self, args }: Pick<Call, 'self' | 'args'>,
): InvalidationTargets {
  const wordsNow = (words: Words | undefined) =>
    typeof words === 'function' ? answerNow(() => wordsFor(words, self, args)) : words
  return {
    key: key && { ...key, derive: answerNow(() => key.derive(self, args)) },
    pattern: wordsNow(pattern),
    tags: wordsNow(tags),
  }
}

/** Makes a call that was made before there was a core what it would have been with one. */
function settleCall(call: { policy: Policy }): void {
  call.policy = call.policy.settled?.() ?? call.policy
}
