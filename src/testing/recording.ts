import { tagsOf } from '../answers.ts'
import { type Call, keyFor } from '../call.ts'
import type { CallPath } from '../engine.ts'
import { messageOf } from '../errors.ts'
import type { BypassEvent, CacheEvent, HitEvent, InvalidateEvent, LoadErrorEvent, MissEvent } from '../events.ts'
import { matches } from '../glob.ts'
import { checkTag } from '../invalidator.ts'
import { tagsIn } from '../stamp-key.ts'
import { eachOf, isOf, type Wanted } from './target.ts'

/** A call of a cached function, whatever became of it. */
export interface RecordedCall {
  /** The static head of the key, or the function's name. */
  readonly name: string
  /** Below the prefix; left out where none can be made of the arguments. */
  readonly key?: string
  readonly args: readonly unknown[]
}

/** What has happened, the oldest first. */
export interface Recorded {
  /** Calls of cached functions and methods. */
  readonly calls: readonly RecordedCall[]
  /** Calls that were answered from the cache. */
  readonly hits: readonly HitEvent[]
  /** Calls that were not, and ran the function or shared another's run of it, successfully or not. */
  readonly misses: readonly (MissEvent | LoadErrorEvent)[]
  /** Runs of functions: for misses, in the background, and for calls that went past the cache. */
  readonly loads: readonly (MissEvent | LoadErrorEvent | BypassEvent)[]
  /** What was invalidated: keys, patterns, and tags with a `#` before them. */
  readonly invalidations: readonly InvalidateEvent[]
  /** Everything that the cache has told. */
  readonly events: readonly CacheEvent[]
}

type RunEvent = MissEvent | LoadErrorEvent

export class Recording {
  readonly calls: RecordedCall[] = []
  readonly events: CacheEvent[] = []

  /** The path of a call, which is recorded with its arguments. */
  around(path: CallPath): CallPath {
    return {
      // Every call is run, and recorded.
      hit: () => undefined,
      run: (call) => {
        this.calls.push(recordOf(call))
        return path.run(call)
      },
      many: (call, how) => {
        if (how === 'run') this.calls.push(...eachOf(call).map(recordOf))
        return path.many(call, how)
      },
      refresh: (call) => path.refresh(call),
      peek: (call) => path.peek(call),
      set: (call, value) => path.set(call, value),
      update: (call) => path.update(call),
    }
  }

  /** What is of this target; left out: everything. */
  recorded(wanted?: Wanted): Recorded {
    const isMeant = (event: CacheEvent) => {
      if (!wanted) return true
      return event.type === 'invalidate' ? ends(event, wanted) : 'name' in event && isOf(wanted, event)
    }
    const events = this.events.filter(isMeant)
    const runs = events.filter((event): event is RunEvent => event.type === 'miss' || event.type === 'load-error')
    return {
      calls: this.calls.filter((call) => !wanted || isOf(wanted, call)),
      hits: events.filter((event) => event.type === 'hit'),
      misses: runs.filter(({ reason }) => reason !== 'revalidate' && reason !== 'refresh'),
      loads: events.filter(
        (event): event is RunEvent | BypassEvent =>
          event.type === 'bypass' || ((event.type === 'miss' || event.type === 'load-error') && !event.collapsed),
      ),
      invalidations: events.filter((event) => event.type === 'invalidate'),
      events,
    }
  }

  /** For messages: what is of the target, and how much else there is. */
  told(wanted: Wanted): string {
    const { events } = this.recorded(wanted)
    const others = this.events.length - events.length
    const shown = events.length > 0 ? events : this.events
    const lines = shown.slice(-MOST_LINES).map((event) => `  ${lineOf(event)}`)
    if (lines.length === 0) return 'nothing was recorded'
    const about = events.length > 0 ? `recorded of ${wanted.shown}` : 'recorded, all of it of others'
    const more = events.length > 0 && others > 0 ? `\n  (and ${others} events of others)` : ''
    const before = shown.length > lines.length ? `\n  (${shown.length - lines.length} before)` : ''
    return `${about}:${before}\n${lines.join('\n')}${more}`
  }
}

const MOST_LINES = 30

/** Whether it was invalidated by name, by a pattern that matches it, or by a tag that is known of it before a load. */
function ends({ target }: InvalidateEvent, { shown, key, glob, call }: Wanted): boolean {
  if (target.startsWith('#')) return target === shown || targetsOf(call).includes(target)
  return key === undefined ? target === glob : matches(target, key)
}

function targetsOf(call: Call | undefined): readonly string[] {
  const { tags, tagSpace } = call?.policy ?? {}
  if (!call || !tags) return []
  return tagsIn(tagSpace?.() ?? '', tagsOf(tags, call.self, call.args)).map((tag) => `#${tag}`)
}

/** How an invalidation of a tag is told of. @throws CacheConfigError for what is no tag */
export function tagTarget(tag: string, tenant: string): Wanted {
  return { shown: `#${tenant}${checkTag(tag)}` }
}

function recordOf(call: Call): RecordedCall {
  const key = keyFor(call)
  return { name: call.policy.name, args: call.args, ...(key !== undefined && { key }) }
}

function lineOf(event: CacheEvent): string {
  switch (event.type) {
    case 'hit':
      return `hit         ${event.key}${event.stale ? ' (stale)' : ''}`
    case 'miss':
      return `miss        ${event.key} (${event.reason}${event.collapsed ? ", shared another's run" : ''})`
    case 'load-error':
      return `load-error  ${event.key} (${event.reason}): ${messageOf(event.error)}`
    case 'bypass':
      return `bypass      ${event.name} (${event.reason})`
    case 'store':
      return `store       ${event.key}${event.stored ? '' : ` (not stored: ${event.reason})`}`
    case 'invalidate':
      return `invalidate  ${event.target} (${event.deferred ? 'deferred' : `${event.removed} removed`}${event.mode === 'expire' ? ', expired' : ''})`
    case 'trouble':
      return `trouble     ${event.operation}: ${event.error.message}`
    case 'notice':
      return `notice      ${event.message}`
    case 'connection':
      return `connection  ${event.state}`
    case 'replay':
      return `replay      ${event.count} carried out`
  }
}
