import { type Call, keyFor, type ManyCall } from './call.ts'
import type { CoreLoader } from './core-loader.ts'
import type { CacheEngine } from './engine.ts'

/** What stands in `path` and `direct` until the core has been loaded. Without it a call goes to its function. */
export function firstCalls(
  loader: CoreLoader,
  { events, invalidation }: Pick<CacheEngine, 'events' | 'invalidation'>,
): Pick<CacheEngine, 'path' | 'direct'> {
  const bypass = async (call: Call) => {
    events.emit({ type: 'bypass', name: call.policy.name, reason: 'unloaded' })
    return call.load()
  }
  const bypassMany = async ({ policy, ids, maxBatch, fn, self, rest }: ManyCall) => {
    events.emit({ type: 'bypass', name: policy.name, reason: 'unloaded' })
    const results: unknown[] = []
    for (let i = 0; i < ids.length; i += maxBatch) {
      const some = ids.slice(i, i + maxBatch)
      const returned = await fn.apply(self, [some, ...rest] as never[])
      results.push(...(returned instanceof Map ? some.map((id) => returned.get(id)) : (returned as unknown[])))
    }
    for (const result of results) if (result instanceof Error) throw result
    return results
  }
  return {
    path: {
      many: (call, how) =>
        loader.use(
          ({ path }) => path.many(call, how),
          () => bypassMany(call),
        ),
      run: (call) =>
        loader.use(
          ({ path }) => path.run(call),
          () => bypass(call),
        ),
      refresh: (call) =>
        loader.use(
          ({ path }) => path.refresh(call),
          () => bypass(call),
        ),
      peek: (call) =>
        loader.use(
          ({ path }) => path.peek(call),
          () => undefined,
        ),
      set: (call, value) =>
        loader.use(
          ({ path }) => path.set(call, value),
          () => false,
        ),
      update: (call) =>
        loader.use(
          ({ path }) => path.update(call),
          async () => {
            const value = await bypass(call)
            // What stands in the store is the old one.
            const key = keyFor(call)
            if (key !== undefined) await invalidation.remove(key)
            return value
          },
        ),
    },
    direct: {
      get: (key, space) =>
        loader.use(
          ({ direct }) => direct.get(key, space),
          () => undefined,
        ),
      getMany: (keys, space) =>
        loader.use(
          ({ direct }) => direct.getMany(keys, space),
          () => keys.map(() => undefined),
        ),
      set: (key, value, options, space) =>
        loader.use(
          ({ direct }) => direct.set(key, value, options, space),
          () => false,
        ),
      setMany: (items, options, space) =>
        loader.use(
          ({ direct }) => direct.setMany(items, options, space),
          () => false,
        ),
      increment: (key, by, options, space) =>
        loader.use(
          ({ direct }) => direct.increment(key, by, options, space),
          () => undefined,
        ),
    },
  }
}
