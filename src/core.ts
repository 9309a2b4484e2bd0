import { Backlog } from './backlog.ts'
import { Batch } from './batch.ts'
import type { Call, ManyCall } from './call.ts'
import { sleep } from './deadline.ts'
import { DirectAccess } from './direct.ts'
import type { Core } from './engine.ts'
import { NoTenantError } from './errors.ts'
import type { Events } from './events.ts'
import { explainTarget } from './explain.ts'
import { everythingOf } from './glob.ts'
import { guardWith } from './guard.ts'
import { directKey, Invalidator } from './invalidator.ts'
import type { KeyParts } from './key-plan.ts'
import { logLines } from './log-lines.ts'
import type { ResolvedOptions } from './options.ts'
import type { TierChoice } from './policy.ts'
import { ReadThrough } from './read-through.ts'
import { Reading } from './reading.ts'
import type { openRedis } from './redis/open.ts'
import type { Space } from './space.ts'
import { Store } from './store.ts'
import { sweepTiers } from './sweep.ts'
import { warmAll } from './warm.ts'

/** How long `close()` waits for stores that are under way. */
const CLOSE_MS = 1_500

/** Puts together what only calls need. It stands behind a dynamic import, so that a declaration does not load it. */
export function makeCore(options: ResolvedOptions, events: Events, loadRedis: () => Promise<typeof openRedis>): Core {
  const { clock, prefix, serializer, maxValueBytes, compression, logger } = options
  const guard = guardWith(events)
  const backlog = new Backlog(everythingOf(prefix))
  const store = new Store(options, events, guard, backlog, loadRedis)
  const rules = { serializer, maxValueBytes, compression }
  const pending = new Set<Promise<unknown>>()
  const track = (work: Promise<unknown>) => {
    pending.add(work)
    void work.catch(() => {}).finally(() => pending.delete(work))
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
  const path = new ReadThrough(around, reading)
  return {
    log: logger ? logLines(logger, clock) : undefined,
    path: Object.assign(path, {
      many: (call: ManyCall, how: 'run' | 'refresh') => new Batch(call, clock).all((one) => path[how](one)),
    }),
    direct: new DirectAccess(store, guard, events, prefix, rules),
    near: () => store.near,
    tiers: () => store.tiers(),
    warm: (callee, lists, options) => warmAll(callee, lists, options, { ...around, path, reading }),
    async explain(target, space) {
      const found = space ? keyIn(space, directKey(target as KeyParts, 'explain')) : (target as Call | ManyCall)
      return explainTarget(found, { ...around, reading, tiers: () => store.tiers() })
    },
    invalidation: new Invalidator(
      async (removal, options) => sweepTiers(await store.tiers(), removal, options, guard),
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
    async close() {
      await Promise.race([Promise.allSettled(pending), sleep(CLOSE_MS, clock)])
      await path.giveBack()
      return store.close()
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
