import { checkSignal } from './check-signal.ts'
import type { Driver, Removal, Sweep } from './drivers/driver.ts'
import { CacheTroubleError } from './errors.ts'
import type { Guard } from './guard.ts'
import type { InvalidateProgress, SweepOptions } from './invalidation.ts'
import { checkOnProgress, tell } from './progress.ts'
import type { StoreTier } from './tier.ts'

/** What a removal has come to, in all tiers. */
export interface SweepOutcome {
  readonly removed: number
  readonly deferred: boolean
  readonly matched?: number | undefined
  /** It was ended early: by the signal, or by what `onProgress` threw. */
  readonly ended?: { readonly reason: unknown }
}

/** @throws CacheConfigError for options that make no sense */
export async function sweepTiers(
  tiers: readonly StoreTier[],
  removal: Removal,
  options: SweepOptions,
  guard: Guard,
): Promise<SweepOutcome> {
  const sweep = new Sweeping(options)
  if (options.dryRun) return { ...(await countAll(tiers, removal, sweep, guard)), ended: sweep.ended }
  let removed = 0
  let deferred = false
  for (const { driver } of tiers) {
    if (sweep.stopped) break
    const before = sweep.removed
    const count = await guard('invalidate', 'invalidate', () => driver.invalidate(removal, sweep))
    if (!(count instanceof CacheTroubleError)) removed += count
    else {
      removed += sweep.removed - before
      if (sweep.stopped) break
      driver.defer(removal)
      deferred = true
    }
  }
  return { removed, deferred, ended: sweep.ended }
}

async function countAll(
  tiers: readonly StoreTier[],
  removal: Removal,
  sweep: Sweeping,
  guard: Guard,
): Promise<SweepOutcome> {
  const counts: (number | CacheTroubleError)[] = []
  for (const { driver } of tiers) counts.push(await guard('count', 'invalidate', () => count(driver, removal, sweep)))
  const known = counts.filter((one) => typeof one === 'number')
  const matched = known.length === counts.length ? known.reduce((sum, one) => sum + one, 0) : undefined
  return { removed: 0, deferred: false, matched }
}

/** @throws CacheTroubleError when the store does not say */
async function count(driver: Driver, removal: Removal, sweep: Sweeping): Promise<number> {
  if ('stamp' in removal) return 0
  if ('key' in removal) {
    const [state] = driver.away?.(removal.key) ? [] : await driver.readMany([removal.key])
    if (state === undefined) throw new CacheTroubleError('AWAY', 'the store is away')
    if (state.kind === 'error') throw state.error
    return state.kind === 'absent' ? 0 : 1
  }
  let matched = 0
  for await (const keys of driver.scan(removal.glob, (looked) => sweep.looked(looked))) {
    if (sweep.stopped) break
    matched += keys.length
    sweep.found(keys.length, 0)
  }
  return matched
}

/** Tells how far it has come, and stops when nobody wants the rest. */
class Sweeping implements Sweep {
  readonly #signal: AbortSignal | undefined
  readonly #onProgress: ((progress: InvalidateProgress) => void) | undefined
  #scanned = 0
  #matched = 0
  #thrown: { readonly reason: unknown } | undefined
  removed = 0

  constructor({ signal, onProgress }: SweepOptions) {
    checkSignal(signal, 'invalidate')
    checkOnProgress(onProgress, 'invalidate')
    this.#signal = signal
    this.#onProgress = onProgress
  }

  get stopped(): boolean {
    return this.ended !== undefined
  }

  get ended(): { readonly reason: unknown } | undefined {
    return this.#thrown ?? (this.#signal?.aborted ? { reason: this.#signal.reason } : undefined)
  }

  looked(keys: number): void {
    this.#scanned += keys
  }

  found(matched: number, removed: number): void {
    this.#matched += matched
    this.removed += removed
    const progress = { scanned: this.#scanned, matched: this.#matched, removed: this.removed }
    tell(this.#onProgress, progress, (reason) => {
      this.#thrown ??= { reason }
    })
  }
}
