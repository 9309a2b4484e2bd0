import { Backlog } from './backlog.ts'
import { Batch } from './batch.ts'
import type { Callee, ManyCall } from './call.ts'
import { must } from './checks.ts'
import { sleep } from './deadline.ts'
import { DirectAccess } from './direct.ts'
import type { Core } from './engine.ts'
import { CacheTroubleError, messageOf, NoTenantError } from './errors.ts'
import type { Events } from './events.ts'
import { everythingOf } from './glob.ts'
import { guardWith } from './guard.ts'
import { directKey, Invalidator } from './invalidator.ts'
import type { KeyParts } from './key-plan.ts'
import { Loading } from './loading.ts'
import { logEvents } from './log-events.ts'
import { logLines } from './log-lines.ts'
import type { ResolvedOptions } from './options.ts'
import { OwnEntry } from './own-entry.ts'
import { plainHits } from './plain-hit.ts'
import type { Policy, PolicyOf, TierChoice } from './policy.ts'
import { ReadThrough } from './read-through.ts'
import { Reading } from './reading.ts'
import { openRedis } from './redis/open.ts'
import { settle } from './settle.ts'
import type { Space } from './space.ts'
import { Store } from './store.ts'
import { Storing } from './storing.ts'
import { sweepTiers } from './sweep.ts'

/** How long `close()` waits for stores and removals that are under way. */
const CLOSE_MS = 1_500

/** Puts together what only calls need. It stands behind a dynamic import, so that a declaration does not load it. */
export function makeCore(options: ResolvedOptions, events: Events, open = openRedis): Core {
  const { clock, prefix, serializer, maxValueBytes, compression, logger } = options
  const guard = guardWith(events)
  const backlog = new Backlog(everythingOf(prefix))
  const store = new Store(options, events, guard, backlog, open)
  const rules = { serializer, maxValueBytes, compression }
  const stores = new Set<Promise<unknown>>()
  const removals = new Set<Promise<unknown>>()
  const track = (work: Promise<unknown>, kind = stores) => {
    kind.add(work)
    void work.catch(() => {}).finally(() => kind.delete(work))
  }
  const around = {
    events,
    guard,
    clock,
    prefix,
    tierOf: (choice: TierChoice) => store.tierOf(choice),
    track,
  }
  const reading = new Reading(events, guard, rules, prefix)
  const storing = new Storing(events, guard, prefix, clock)
  const loading = new Loading(reading, storing, around)
  const path = new ReadThrough(around, reading, storing, loading)
  const own = new OwnEntry(around, reading, storing, loading)
  const hit = plainHits(around, rules)
  const settled = new WeakMap<Policy, Policy | PolicyOf>()
  return {
    log: logger ? logEvents(logger, logLines(logger, clock)) : undefined,
    path: {
      hit,
      run: (call) => path.run(call),
      refresh: (call) => path.refresh(call),
      peek: (call) => own.peek(call),
      set: (call, value) => own.set(call, value),
      update: (call) => own.update(call),
      many: (call: ManyCall, how: 'run' | 'refresh') =>
        new Batch(call, clock).all((one) =>
          how === 'run' ? (hit(one.policy, one.self, one.args) ?? path.run(one)) : path.refresh(one),
        ),
    },
    direct: new DirectAccess(store, guard, events, prefix, rules, options.version),
    near: () => store.near,
    tiers: () => store.tiers(),
    async warm(callee, lists, options) {
      const { warmAll } = await orUnloaded(import('./warm.ts'))
      return warmAll(callee, lists, options, { ...around, path, reading })
    },
    async explain(target, space, args = [], { self } = {}) {
      must(Array.isArray(args), 'explain takes arguments as a list, as in explain(user, [42])')
      const found = space ? keyIn(space, directKey(target as KeyParts, 'explain')) : (target as Callee).call(self, args)
      const { explainTarget } = await orUnloaded(import('./explain.ts'))
      return explainTarget(found, { ...around, reading, tiers: () => store.tiers() })
    },
    invalidation: new Invalidator(
      (removal, options) => {
        const removing = store.tiers().then((tiers) => sweepTiers(tiers, removal, options, guard))
        if (!options.dryRun) track(removing, removals)
        return removing
      },
      events,
      prefix,
    ),
    takeOver(requests) {
      const noting = new Invalidator(
        async (removal) => {
          backlog.add(removal)
          return { removed: 0, deferred: true }
        },
        events,
        prefix,
      )
      return Promise.allSettled(requests.map(async (request) => request(noting)))
    },
    // A function of its own: what it has settled is known by it. Calls that came before there was a core each ask for the
    // policy: it is settled once, so that they have the same one and what is to be said of it is not said for each of them.
    settle(home, declared) {
      const policyOf = settled.get(declared) ?? settle(home, declared)
      settled.set(declared, policyOf)
      return policyOf
    },
    async close() {
      let inTime = true
      const late = sleep(CLOSE_MS, clock).then(() => {
        inTime = false
      })
      while (inTime && stores.size + removals.size > 0) {
        await Promise.race([Promise.allSettled([...stores, ...removals]), late])
        // One may lead to the next: the removal of a tag is two, one after the other.
        await new Promise<void>((resolve) => clock.setImmediate(resolve))
      }
      await loading.giveBack()
      return removals.size + (await store.close())
    },
  }
}

/** The key below the prefix, or why there is none: that is to be explained as well. */
function keyIn(spaceOf: () => Space, key: string): string | NoTenantError {
  try {
    return spaceOf().keys + key
  } catch (error) {
    if (error instanceof NoTenantError) return error
    throw error
  }
}

/** What is loaded when it is asked for: a bundle may have the core, and lack this. */
async function orUnloaded<T>(loading: Promise<T>): Promise<T> {
  try {
    return await loading
  } catch (error) {
    throw new CacheTroubleError('UNLOADED', `this part of the package cannot be loaded: ${messageOf(error)}`)
  }
}
