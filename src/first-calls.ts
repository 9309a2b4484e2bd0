import { AsyncResource } from 'node:async_hooks'
import { type Call, keyFor, type ManyCall } from './call.ts'
import { inCommitScope, whenCommitted } from './commit-scope.ts'
import type { CoreLoader } from './core-loader.ts'
import type { CacheEngine, Invalidating, InvalidationRequest } from './engine.ts'
import type { Events } from './events.ts'
import type { InvalidateResult, SweepOptions } from './invalidation.ts'

type StandIns = Pick<CacheEngine, 'path' | 'direct' | 'invalidation'>
type Method = (...given: unknown[]) => unknown

/** What is done in the place of each method, where there is no core. */
type Instead<Part> = {
  readonly [Name in keyof Part]: Part[Name] extends (...given: infer Given) => Promise<infer Outcome>
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
  'remove',
  'removeOne',
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
  const standIn = <Name extends keyof StandIns>(part: Name, instead: Instead<StandIns[Name]>) => {
    const methods = Object.entries<Method>(instead as unknown as Record<string, Method>).map(([name, without]) => [
      name,
      (...later: unknown[]) => {
        // A key in parts, or tags: whose they are may have other uses for the array until the core is there.
        const given = later.map((one) => (Array.isArray(one) ? [...one] : one))
        return loader.use<unknown>(
          async (core) => (core[part] as unknown as Record<string, Method>)[name]?.(...given),
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
          const returned = await fn.apply(self, [some, ...rest] as never[])
          results.push(...(returned instanceof Map ? some.map((id) => returned.get(id)) : (returned as unknown[])))
        }
        for (const result of results) if (result instanceof Error) throw result
        return results
      },
    }) as Promise<unknown[]>

  const noted = (name: keyof Invalidating) => {
    const note = async (...given: unknown[]): Promise<InvalidateResult> => {
      if ((given[1] as SweepOptions | undefined)?.dryRun) return { removed: 0, deferred: false }
      const request = (one: Invalidating) => (one[name] as Method)(...given) as Promise<unknown>
      // By the commit there may be a core, and the work has succeeded, whatever that says.
      if (inCommitScope()) void whenCommitted(() => request(invalidation).catch(nothing), undefined)
      // With the tenant of who asks for it, and not of the scope in which the core will be loaded.
      else if (requests.push(AsyncResource.bind(request)) > MAX_REQUESTS) {
        requests.splice(0, MAX_REQUESTS + 1, (one) => one.invalidate('*'))
      }
      return { removed: 0, deferred: true }
    }
    return [name, note] as const
  }
  const invalidation = standIn('invalidation', Object.fromEntries(INVALIDATIONS.map(noted)) as never)
  return {
    path: standIn('path', {
      many,
      run,
      refresh: run,
      peek: nothing,
      set: notDone,
      async update(call) {
        const value = await run(call)
        // What stands in the store is the old one.
        const key = keyFor(call)
        if (key !== undefined) await invalidation.remove(key)
        return value
      },
    }),
    direct: standIn('direct', {
      get: nothing,
      getMany: (keys) => keys.map(nothing),
      set: notDone,
      setMany: notDone,
      increment: nothing,
    }),
    invalidation,
  }
}
