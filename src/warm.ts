import { isBypassed } from './answers.ts'
import { Batch } from './batch.ts'
import { type Call, type Callee, FunctionCall, type ManyCall } from './call.ts'
import { checkSignal } from './check-signal.ts'
import { refuseUnknown } from './checks.ts'
import type { Clock } from './clock.ts'
import { inCommitScope } from './commit-scope.ts'
import { CacheConfigError } from './errors.ts'
import { describe } from './kind.ts'
import type { LoadSignal } from './load-signal.ts'
import type { Policy, TierChoice } from './policy.ts'
import { checkOnProgress, tell } from './progress.ts'
import type { Reading } from './reading.ts'
import { standingOf } from './standing.ts'
import type { StoreTier } from './tier.ts'
import { type Turn, Turns } from './turns.ts'
import type { SelfOption } from './types.ts'

export interface WarmOptions extends SelfOption {
  /**
   * How many loads run at a time. Default 10. Those come on top that another process had begun and has not brought to an
   * end. What is fresh is found out two hundred at a time.
   */
  concurrency?: number
  /**
   * Called when something has been settled, with the counts so far. What it throws, or rejects with, ends the warming, as
   * `signal` does; a promise is not waited for.
   */
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
  readonly clock: Clock
  tierOf(choice: TierChoice): StoreTier | Promise<StoreTier>
}

/** Lists of arguments, as many of them as there are, whenever they come. */
export type ArgumentLists = Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>

const WARM_OPTIONS = ['concurrency', 'onProgress', 'signal', 'self']
const CONCURRENCY = 10
/** Looked at in one read. */
const LOOKED_AT_ONCE = 200
/** So many may wait for loads of others, besides those that run. */
const WAITING = 200
const KEPT_ERRORS = 10

type Outcome = 'loaded' | 'fresh' | 'failed' | 'skipped'
type Settled = (outcome: Outcome, error?: unknown) => void

/** What one key belongs to: a call, or one for many ids. */
interface Item {
  readonly call: Call
  readonly of: Call | ManyCall
  readonly id?: unknown
}

/**
 * Processes that warm the same go through their lists in the same order. Whoever finds that another loads a key goes on with
 * the next ones, and is woken when that load has ended: so they leapfrog each other, and none loads what another does.
 *
 * @throws CacheConfigError for options that make no sense; what ended it early; what the iterable throws
 */
export async function warmAll(
  callee: Callee,
  lists: ArgumentLists,
  options: WarmOptions = {},
  around: WarmSurroundings,
): Promise<WarmResult> {
  checkLists(lists)
  if (typeof options !== 'object' || options === null) {
    throw new CacheConfigError('warm takes options last, as in warm(user, lists, { concurrency: 5 })')
  }
  refuseUnknown(options, WARM_OPTIONS, 'warm')
  const { concurrency = CONCURRENCY, onProgress, signal, self } = options
  checkOnProgress(onProgress, 'warm')
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new CacheConfigError(`warm: concurrency is a whole number above zero, got ${String(concurrency)}`)
  }
  if (callee.isMethod && !('self' in options)) {
    throw new CacheConfigError(
      'warm runs a method, so it has to know whose: write warm(service.stats, lists, { self: service })',
    )
  }
  checkSignal(signal, 'warm')
  const counts = { loaded: 0, fresh: 0, failed: 0, skipped: 0 }
  const errors: unknown[] = []
  const ending = new Ending(signal)
  const settled: Settled = (outcome, error) => {
    counts[outcome]++
    if (outcome === 'failed' && errors.length < KEPT_ERRORS) errors.push(error)
    if (ending.ended) return
    tell(onProgress, { ...counts }, (reason) => ending.end(reason))
  }
  const turns = new Turns(concurrency)
  const loads = new Set<Promise<void>>()
  const work = async () => {
    // Nothing is taken of the lists then.
    if (ending.ended) return
    for await (const batch of batchesOf(lists, (args) => callee.call(self, args))) {
      if (ending.ended) return
      const looked = await Promise.all(batch.map((item) => look(item, around)))
      const absent: Item[] = []
      for (const found of looked) typeof found === 'string' ? settled(found) : absent.push(found)
      for (const load of loadsOf(absent, around, settled)) {
        // The next batch is looked at while the last loads of this one still run.
        while (loads.size >= concurrency + WAITING) await Promise.race(loads)
        const turn = await turns.take()
        if (ending.ended) return
        const loading = load(turn).finally(() => {
          turn.pass()
          loads.delete(loading)
        })
        loads.add(loading)
      }
    }
    await Promise.all(loads)
  }
  await ending.orEnd(work())
  return { ...counts, errors }
}

function checkLists(lists: unknown): void {
  const { [Symbol.iterator]: some, [Symbol.asyncIterator]: more } = Object(lists) as Partial<Iterable<unknown>> &
    Partial<AsyncIterable<unknown>>
  if (some || more) return
  throw new CacheConfigError(
    `warm takes lists of arguments, one for each call, and got ${describe(lists)}: write warm(user, [[1], [2]])`,
  )
}

/** What is settled already, or the one that is to be loaded. */
async function look(item: Item, { reading, tierOf }: WarmSurroundings): Promise<Outcome | Item> {
  const { call } = item
  const tier = await tierOf(call.policy.tier)
  if (tier.driver.name === 'null' || inCommitScope() || bypasses(call)) return 'skipped'
  const keyed = reading.keyed(tier, call)
  if (!keyed || tier.driver.away?.(keyed.key)) return 'skipped'
  const seen = await reading.read(keyed)
  if (seen.kind === 'error') return 'skipped'
  const isFresh = seen.kind === 'value' && standingOf(seen.header, call.policy, tier.driver.time()) === 'fresh'
  return isFresh ? 'fresh' : item
}

/** Of a callback that throws the notice is the call's to make. */
function bypasses(call: Call): boolean {
  try {
    return isBypassed(call)
  } catch {
    return true
  }
}

/** One run of the function each: for a call, or for those ids of a call that are missing, as many as it takes at once. */
function* loadsOf(
  items: readonly Item[],
  around: WarmSurroundings,
  settled: Settled,
): Generator<(turn: Turn) => Promise<void>> {
  for (let at = 0; at < items.length; ) {
    const { of } = items[at] as Item
    if (!('ids' in of)) {
      at++
      yield (turn) => loadOne(of, turn, around, settled)
      continue
    }
    const ids: unknown[] = []
    while (items[at]?.of === of && ids.length < of.maxBatch) ids.push(items[at++]?.id)
    yield (turn) => loadMany(of, ids, turn, around, settled)
  }
}

function loadOne(call: Call, turn: Turn, { path }: WarmSurroundings, settled: Settled): Promise<void> {
  const { self, args } = call
  const policy = strict(call.policy)
  const part = { waits: () => turn.pass(), asks: () => {} }
  const load = () => {
    turn.hold()
    return call.load()
  }
  return observe({ policy, self, args, part, load }, path, settled)
}

/** Its turn is over while all of its ids that are left wait for others. */
async function loadMany(
  call: ManyCall,
  ids: readonly unknown[],
  turn: Turn,
  { path, clock }: WarmSurroundings,
  settled: Settled,
): Promise<void> {
  const active = new Set(ids)
  const leave = (id: unknown) => {
    active.delete(id)
    if (active.size === 0) turn.pass()
  }
  const batch = new Batch({ ...call, policy: strict(call.policy), ids }, clock)
  await batch.all(async (member) => {
    const { policy, self, args } = member
    const [id] = args
    const part = {
      waits() {
        member.part?.waits()
        leave(id)
      },
      asks: () => member.part?.asks(),
    }
    const load = () => {
      active.add(id)
      turn.hold()
      return member.load()
    }
    await observe({ policy, self, args, part, load }, path, settled)
    leave(id)
  })
}

/** An ordinary call, which takes its lease or waits for whoever has it. */
async function observe(call: Call, path: WarmSurroundings['path'], settled: Settled): Promise<void> {
  let ran = false
  let failure: { readonly error: unknown } | undefined
  const { policy, self, args, part } = call
  const load = async () => {
    ran = true
    try {
      return await call.load()
    } catch (error) {
      failure = { error }
      throw error
    }
  }
  await path.run({ policy, self, args, part, load }).catch((error) => {
    failure ??= { error }
  })
  if (failure) settled('failed', failure.error)
  else settled(ran ? 'loaded' : 'fresh')
}

const strictOnes = new WeakMap<Policy, Policy>()

/** No stale value will do. The same one for each call, so that calls of one key share what they find. */
function strict(policy: Policy): Policy {
  let made = strictOnes.get(policy)
  if (!made) {
    made = Object.freeze({ ...policy, revalidateMs: 0, refreshAhead: 0, softTimeoutMs: undefined })
    strictOnes.set(policy, made)
  }
  return made
}

async function* batchesOf(
  lists: ArgumentLists,
  callOf: (args: readonly unknown[]) => Call | ManyCall,
): AsyncGenerator<readonly Item[]> {
  let batch: Item[] = []
  for await (const args of lists) {
    if (!Array.isArray(args)) {
      throw new CacheConfigError('warm takes lists of arguments, one for each call: write [[1], [2]], not [1, 2]')
    }
    for (const item of itemsOf(callOf(args))) {
      batch.push(item)
      if (batch.length < LOOKED_AT_ONCE) continue
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}

function itemsOf(of: Call | ManyCall): readonly Item[] {
  if (!('ids' in of)) return [{ call: of, of }]
  const { policy, self, ids, rest, fn } = of
  if (!Array.isArray(ids)) {
    throw new CacheConfigError(
      `${policy.name} takes an array of ids, got ${describe(ids)}: write for instance [[[id]]]`,
    )
  }
  return [...new Set(ids)].map((id) => ({ call: new FunctionCall(policy, self, [id, ...rest], fn), of, id }))
}

/** The end that comes early. */
class Ending {
  readonly #signal: AbortSignal | undefined
  #reason: { readonly reason: unknown } | undefined
  #wake = () => {}

  constructor(signal: AbortSignal | undefined) {
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
