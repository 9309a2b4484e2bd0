import type { Call } from './call.ts'
import { inCommitScope } from './commit-scope.ts'
import { CacheConfigError } from './errors.ts'
import type { LoadSignal } from './load-signal.ts'
import type { Policy, TierChoice } from './policy.ts'
import type { Reading } from './reading.ts'
import { standingOf } from './standing.ts'
import type { StoreTier } from './tier.ts'

export interface WarmOptions {
  /** How many loads run at a time. Default 10. What is fresh is found out two hundred at a time. */
  concurrency?: number
  /** Called when something has been settled, with the counts so far. What it throws ends the warming, as `signal` does. */
  onProgress?: (progress: WarmProgress) => void
  /** Ends it: nothing more is loaded, and it rejects with the signal's reason. Loads under way go on and are stored. */
  signal?: LoadSignal
}

export interface WarmProgress {
  /** The function was run here, and returned. */
  readonly loaded: number
  /** It was there, or another call or process has just loaded it. */
  readonly fresh: number
  /** The function threw, or took longer than its `hardTimeout`. */
  readonly failed: number
  /** Nothing would be kept, so it was not run: no key, caching off, store away, `bypass`, a commit scope. */
  readonly skipped: number
}

export interface WarmResult extends WarmProgress {
  /** What the first of those that failed have thrown, at most ten. */
  readonly errors: readonly unknown[]
}

/** What warming needs of the cache around it. */
export interface WarmSurroundings {
  readonly reading: Reading
  readonly path: { run(call: Call): Promise<unknown> }
  tierOf(choice: TierChoice): StoreTier | Promise<StoreTier>
}

/** Lists of arguments, as many of them as there are, whenever they come. */
export type ArgumentLists = Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>

const CONCURRENCY = 10
/** Looked at in one read. */
const LOOKED_AT_ONCE = 200
const KEPT_ERRORS = 10

type Outcome = 'loaded' | 'fresh' | 'failed' | 'skipped'

/** @throws CacheConfigError for options that make no sense; what ended it early; what the iterable throws */
export async function warmAll(
  callOf: (args: readonly unknown[]) => Call,
  lists: ArgumentLists,
  options: WarmOptions,
  around: WarmSurroundings,
): Promise<WarmResult> {
  const { concurrency = CONCURRENCY, onProgress, signal } = options
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new CacheConfigError(`warm: concurrency is a whole number above zero, got ${String(concurrency)}`)
  }
  const counts = { loaded: 0, fresh: 0, failed: 0, skipped: 0 }
  const errors: unknown[] = []
  const ending = new Ending(signal)
  const settled = (outcome: Outcome, error?: unknown) => {
    counts[outcome]++
    if (outcome === 'failed' && errors.length < KEPT_ERRORS) errors.push(error)
    if (ending.ended) return
    try {
      onProgress?.({ ...counts })
    } catch (reason) {
      ending.end(reason)
    }
  }
  const running = new Set<Promise<void>>()
  const work = async () => {
    for await (const batch of batchesOf(lists)) {
      if (ending.ended) return
      const looked = await Promise.all(batch.map((args) => look(callOf(args), around)))
      const absent: Call[] = []
      for (const found of looked) typeof found === 'string' ? settled(found) : absent.push(found)
      for (const call of absent) {
        // The next batch is looked at while the last loads of this one still run.
        while (running.size >= concurrency) await Promise.race(running)
        if (ending.ended) return
        const loading = load(call, around, settled).finally(() => running.delete(loading))
        running.add(loading)
      }
    }
    await Promise.all(running)
  }
  await ending.orEnd(work())
  return { ...counts, errors }
}

/** What is settled already, or the call that is to be made. */
async function look(call: Call, { reading, tierOf }: WarmSurroundings): Promise<Outcome | Call> {
  const tier = await tierOf(call.policy.tier)
  if (tier.driver.name === 'null' || inCommitScope() || bypasses(call)) return 'skipped'
  const keyed = reading.keyed(tier, call)
  if (!keyed || tier.driver.away?.(keyed.key)) return 'skipped'
  const seen = await reading.read(keyed)
  if (seen.kind === 'error') return 'skipped'
  const isFresh = seen.kind === 'value' && standingOf(seen.header, call.policy, tier.driver.time()) === 'fresh'
  return isFresh ? 'fresh' : call
}

/** Of a callback that throws the notice is the call's to make. */
function bypasses({ policy, self, args }: Call): boolean {
  try {
    return policy.bypass?.(self, args) ?? false
  } catch {
    return true
  }
}

/** An ordinary call, which takes its lease or waits for whoever has it; but no stale value will do. */
async function load(
  call: Call,
  { path }: WarmSurroundings,
  settled: (outcome: Outcome, error?: unknown) => void,
): Promise<void> {
  let ran = false
  let failure: { readonly error: unknown } | undefined
  const observed: Call = {
    policy: strict(call.policy),
    self: call.self,
    args: call.args,
    load: async () => {
      ran = true
      try {
        return await call.load()
      } catch (error) {
        failure = { error }
        throw error
      }
    },
  }
  await path.run(observed).catch((error) => {
    failure ??= { error }
  })
  if (failure) settled('failed', failure.error)
  else settled(ran ? 'loaded' : 'fresh')
}

const strictOnes = new WeakMap<Policy, Policy>()

/** The same one for each call, so that calls of one key share what they find. */
function strict(policy: Policy): Policy {
  let made = strictOnes.get(policy)
  if (!made) {
    made = Object.freeze({ ...policy, revalidateMs: 0, refreshAhead: 0, softTimeoutMs: undefined })
    strictOnes.set(policy, made)
  }
  return made
}

async function* batchesOf(lists: ArgumentLists): AsyncGenerator<readonly (readonly unknown[])[]> {
  let batch: (readonly unknown[])[] = []
  for await (const args of lists) {
    if (!Array.isArray(args)) {
      throw new CacheConfigError('warm takes lists of arguments, one for each call: write [[1], [2]], not [1, 2]')
    }
    batch.push(args)
    if (batch.length < LOOKED_AT_ONCE) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** The end that comes early. */
class Ending {
  readonly #signal: AbortSignal | undefined
  #reason: { readonly reason: unknown } | undefined
  #wake = () => {}

  constructor(signal: AbortSignal | undefined) {
    if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
      throw new CacheConfigError('warm: signal is an AbortSignal, as in { signal: AbortSignal.timeout(60_000) }')
    }
    this.#signal = signal
    if (signal?.aborted) this.end(signal.reason)
  }

  get ended(): boolean {
    return this.#reason !== undefined
  }

  end(reason: unknown): void {
    this.#reason ??= { reason }
    this.#wake()
  }

  /** Waits for the work, or no longer than to the end. @throws what ended it, or what the work threw */
  async orEnd(work: Promise<void>): Promise<void> {
    const onAbort = () => this.end(this.#signal?.reason)
    this.#signal?.addEventListener('abort', onAbort)
    const early = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    try {
      if (!this.#reason) await Promise.race([work, early])
      if (this.#reason) {
        work.catch(() => {})
        throw this.#reason.reason
      }
    } finally {
      this.#signal?.removeEventListener('abort', onAbort)
    }
  }
}
