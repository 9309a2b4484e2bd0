import { CacheAssertionError } from './assertion-error.ts'
import { tagTarget } from './recording.ts'
import { type Target, tenantNow, type Wanted, wantedOf } from './target.ts'
import type { TestClock } from './test-clock.ts'
import type { TestRun } from './test-run.ts'

/** What can be invalidated: a target, or a tag. */
export type InvalidationTarget = Target | { readonly tag: string }

/**
 * Each throws a {@link CacheAssertionError} that says what was expected and what was recorded since the last `reset()`. They depend on
 * no test runner.
 */
export interface Assertions {
  /** A value is stored and would be served now. Of a pattern: at one key or more. Rejects otherwise. */
  assertCached(target: Target): Promise<void>
  /** Nothing is stored that would be served now. Of a pattern: at no key. Rejects otherwise. */
  assertNotCached(target: Target): Promise<void>
  /** A call was answered from the cache, once or more. */
  assertHit(target: Target): void
  /** The function ran exactly so many times: once, when left out. Runs in the background count. */
  assertLoaded(target: Target, times?: number): void
  /** It was invalidated: by its key, by a pattern that matches it, or by a tag that is known before the load (`tags`). */
  assertInvalidated(target: InvalidationTarget): void
  /** It was not. */
  assertNotInvalidated(target: InvalidationTarget): void
}

const MOST_KEYS = 30

export function assertionsOf(current: () => TestRun, clock: TestClock): Assertions {
  const wantedBy = (target: Target, assertion: Function) => wantedOf(target, current().engine, assertion.name)
  const invalidated = (target: InvalidationTarget, assertion: Function) => {
    const wanted = isTag(target)
      ? tagTarget(target.tag, tenantNow(current().engine, assertion.name))
      : wantedBy(target, assertion)
    return { wanted, times: current().recording.recorded(wanted).invalidations.length }
  }
  const fail = (assertion: Function, wanted: Wanted, message: string): never => {
    throw new CacheAssertionError(`${message}\n${current().recording.told(wanted)}`, assertion)
  }

  async function assertCached(target: Target): Promise<void> {
    const wanted = wantedBy(target, assertCached)
    // Callers do not wait for stores.
    await clock.settle()
    const lacking = await current().contents.lacking(wanted)
    if (lacking === undefined) return
    const keys = (await current().contents.keys()).slice(0, MOST_KEYS).join(', ') || 'nothing'
    fail(assertCached, wanted, `expected ${wanted.shown} to be cached, but it is not: ${lacking}\nstored: ${keys}`)
  }

  async function assertNotCached(target: Target): Promise<void> {
    const wanted = wantedBy(target, assertNotCached)
    await clock.settle()
    if ((await current().contents.lacking(wanted)) !== undefined) return
    fail(assertNotCached, wanted, `expected ${wanted.shown} not to be cached, but it is`)
  }

  function assertHit(target: Target): void {
    const wanted = wantedBy(target, assertHit)
    if (current().recording.recorded(wanted).hits.length > 0) return
    fail(assertHit, wanted, `expected a call of ${wanted.shown} to be a hit, but none was`)
  }

  function assertLoaded(target: Target, times = 1): void {
    const wanted = wantedBy(target, assertLoaded)
    const { length } = current().recording.recorded(wanted).loads
    if (length === times) return
    const expected = `expected the function to run ${timesOf(times)} for ${wanted.shown}`
    fail(assertLoaded, wanted, `${expected}, but it ran ${timesOf(length)}`)
  }

  function assertInvalidated(target: InvalidationTarget): void {
    const { wanted, times } = invalidated(target, assertInvalidated)
    if (times > 0) return
    const others = current().recording.recorded().invalidations
    const list = others.map((event) => event.target).join(', ')
    const instead = others.length > 0 ? `what was invalidated is ${list}` : 'nothing was invalidated'
    fail(assertInvalidated, wanted, `expected ${wanted.shown} to be invalidated, but ${instead}`)
  }

  function assertNotInvalidated(target: InvalidationTarget): void {
    const { wanted, times } = invalidated(target, assertNotInvalidated)
    if (times === 0) return
    fail(assertNotInvalidated, wanted, `expected ${wanted.shown} not to be invalidated, but it was, ${timesOf(times)}`)
  }

  return { assertCached, assertNotCached, assertHit, assertLoaded, assertInvalidated, assertNotInvalidated }
}

function isTag(target: InvalidationTarget): target is { readonly tag: string } {
  return typeof target === 'object' && 'tag' in target
}

function timesOf(count: number): string {
  if (count === 0) return 'not at all'
  return count === 1 ? 'once' : `${count} times`
}
