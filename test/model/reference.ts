import { type Outcome, PLACES, type Place, type Result, type Source } from './functions.ts'

/** How long nothing is renewed after a failure, unless `errorTtl` says otherwise. */
const PAUSE_MS = 5_000
/** After so long, a load whose lease is not renewed would lose it. */
const LEASE_MS = 5_000

interface Entry {
  readonly value: Result
  readonly tags: readonly string[]
  /** Served as it is until then; */
  readonly freshUntil: number
  /** served and renewed in the background until then; */
  readonly renewedUntil: number
  /** served when the function fails until then. */
  readonly spareUntil: number
  /** There until then, though of no use any more when it has expired before. */
  readonly keptUntil: number
  /** To renew it has failed: until then it is not tried again. */
  pausedUntil: number
}

/** A caller that waits, and the stale value that it has seen, for when the function fails. */
interface Caller {
  readonly spare: Entry | undefined
}

type Why = 'miss' | 'renewal' | 'refresh'

interface Load {
  readonly place: Place
  readonly why: Why
  /** What stood there when the load began: the result takes its place, and no other. */
  readonly over: Entry | undefined
  readonly loaded: Outcome
  readonly beganAt: number
  /** The one who loads is the first; the others have joined. Nobody waits for a renewal. */
  readonly callers: Caller[]
  /** Invalidated, or written over, while it ran. */
  overtaken: boolean
  /** A tag was invalidated while it ran, none of its own: the documentation leaves open whether it is stored. */
  doubtful: boolean
}

export type Standing = 'fresh' | 'stale' | 'spare' | 'none'

/**
 * A cache as the documentation has it, without anything that makes one hard: a map, a clock that is set, and loads
 * that take no time but those that are held.
 */
export class Reference {
  readonly source: Source
  now = 0
  /** How often the functions have run, by key. */
  readonly runs = new Map<string, number>()
  /** Loads that take until they are let go: at most one for each key. */
  readonly held = new Map<Place, Load>()
  readonly #entries = new Map<Place, Entry>()
  #holdsNext = false

  constructor(source: Source) {
    this.source = source
  }

  /** The outcome; `undefined` when the caller waits for a load that is held. */
  call(place: Place): Outcome | undefined {
    const entry = this.#entries.get(place)
    const standing = this.standing(place)
    if (entry && (standing === 'fresh' || standing === 'stale')) {
      if (standing === 'stale') this.#renew(place, entry)
      return { value: entry.value }
    }
    const spare = standing === 'spare' ? entry : undefined
    const joined = this.#joinable(place)
    if (joined) {
      joined.callers.push({ spare })
      return undefined
    }
    if (spare && this.isPaused(place)) return { value: spare.value }
    return this.#load(place, 'miss', spare, [{ spare }])
  }

  /** Runs the function, whatever stands, and serves nothing else when it fails. */
  refresh(place: Place): Outcome | undefined {
    return this.#load(place, 'refresh', this.#keptEntry(place), [{ spare: undefined }])
  }

  /** What a call would be served without waiting. */
  peek(place: Place): Result {
    return ['fresh', 'stale'].includes(this.standing(place)) ? this.#entries.get(place)?.value : undefined
  }

  /** Inside of a `commitScope`, nothing is read and nothing stored. */
  callUncommitted(place: Place): Outcome {
    return this.#run(place)
  }

  /** Whether it is stored. */
  set(place: Place, value: Result): boolean {
    const entry = this.#entryOf(place, value)
    if (!entry) return false
    this.#entries.set(place, entry)
    this.#overtake(place)
    return true
  }

  /** Whether there was anything that a call could have been served. */
  invalidate(hit: (place: Place) => boolean): boolean {
    const targets = PLACES.filter(hit)
    const stood = targets.some((place) => this.#standingEntry(place))
    for (const place of targets) {
      this.#end(place)
      this.#overtake(place)
    }
    return stood
  }

  /** Served no more, but when the function fails, for as long as `staleIfError` says from now on. */
  expire(hit: (place: Place) => boolean): boolean {
    const targets = PLACES.filter(hit)
    const stood = targets.some((place) => this.#standingEntry(place))
    for (const place of targets) {
      this.#overtake(place)
      const entry = this.#keptEntry(place)
      if (!entry) continue
      const freshUntil = Math.min(this.now, entry.freshUntil)
      const spareUntil = Math.min(entry.keptUntil, freshUntil + (place.declared.staleIfError ?? 0) * 1_000)
      // What nobody could ever fall back on is removed.
      if (entry.keptUntil === entry.freshUntil) this.#end(place)
      else this.#entries.set(place, { ...entry, freshUntil, renewedUntil: 0, spareUntil, pausedUntil: 0 })
    }
    return stood
  }

  invalidateTags(tags: readonly string[]): void {
    const isHit = (words: readonly string[]) => words.some((tag) => tags.includes(tag))
    for (const [place, entry] of this.#entries) if (isHit(entry.tags)) this.#end(place)
    for (const load of this.held.values()) {
      const { place, loaded } = load
      // What is not to be stored is not asked for its tags.
      const own = 'value' in loaded ? this.#entryOf(place, loaded.value)?.tags : undefined
      if (isHit(own ?? place.declared.tags?.(place.id) ?? [])) load.overtaken = true
      else if (place.declared.resultTags) load.doubtful = true
    }
  }

  /** Whatever begins a load in `work` leaves it held. */
  holding(work: () => Outcome | undefined): Outcome | undefined {
    this.#holdsNext = true
    try {
      return work()
    } finally {
      this.#holdsNext = false
    }
  }

  /**
   * A held load comes to its end: the outcomes of those who wait, the one who loads first.
   *
   * @param stored - what the cache says of it, for where the documentation leaves it open
   */
  release(place: Place, stored: boolean): Outcome[] {
    const load = this.held.get(place) as Load
    this.held.delete(place)
    return this.#land(load, stored)
  }

  standing(place: Place): Standing {
    const entry = this.#entries.get(place)
    if (!entry) return 'none'
    if (this.now < entry.freshUntil) return 'fresh'
    if (this.now < entry.renewedUntil) return 'stale'
    return this.now < entry.spareUntil ? 'spare' : 'none'
  }

  freshFor(place: Place): number {
    return Math.max(0, (this.#entries.get(place)?.freshUntil ?? 0) - this.now)
  }

  /** Whether a call would run the function, for itself or in the background. */
  wouldLoad(place: Place): boolean {
    const standing = this.standing(place)
    return standing === 'none' || (standing !== 'fresh' && !this.isPaused(place))
  }

  /** Whether a call would have to wait until it is settled what becomes of the value that it might fall back on. */
  waitsForRenewal(place: Place): boolean {
    const load = this.held.get(place)
    return load?.why === 'renewal' && this.standing(place) === 'spare' && load.over === this.#entries.get(place)
  }

  isPaused(place: Place): boolean {
    return this.now < (this.#entries.get(place)?.pausedUntil ?? 0)
  }

  /** The moments to come at which something changes by itself. */
  edges(): number[] {
    const ends = [...this.#entries.values()].flatMap((entry) => {
      return [entry.freshUntil, entry.renewedUntil, entry.spareUntil, entry.pausedUntil]
    })
    const leases = [...this.held.values()].map(({ beganAt }) => beganAt + LEASE_MS)
    const all = new Set([...leases, ...ends])
    return [...all].filter((at) => at > this.now).sort((a, b) => a - b)
  }

  #renew(place: Place, entry: Entry): void {
    if (this.held.get(place)?.why !== 'renewal' && !this.isPaused(place)) this.#load(place, 'renewal', entry, [])
  }

  #load(place: Place, why: Why, over: Entry | undefined, callers: Caller[]): Outcome | undefined {
    // A lease takes the place of what is of no use.
    if (why === 'miss' && !over) this.#end(place)
    const loaded = this.#run(place)
    const load = { place, why, over, loaded, beganAt: this.now, callers, overtaken: false, doubtful: false }
    if (!this.#holdsNext) return this.#land(load)[0]
    this.held.set(place, load)
    return undefined
  }

  #run(place: Place): Outcome {
    this.runs.set(place.key, (this.runs.get(place.key) ?? 0) + 1)
    return this.source.read(place.id)
  }

  #land(load: Load, stored = true): Outcome[] {
    const { place, why, over, loaded, callers } = load
    if ('error' in loaded) {
      // Only what is renewed is left in peace: a call that has nothing to serve has to try.
      if (over && why !== 'refresh') over.pausedUntil = this.now + pauseOf(place)
      return callers.map(({ spare }) => (spare ? { value: spare.value } : loaded))
    }
    const proven = this.#keep(load, loaded.value, stored)
    const joined = callers.length > 1
    // Whoever has joined begins again, together with the others, when nothing proves that the value is new.
    const others = joined && !proven ? (this.call(place) as Outcome) : loaded
    return callers.map((_, i) => (i === 0 ? loaded : others))
  }

  /** Stores a result, or what stood there goes: it was the old one. True when it is proven that nothing came between. */
  #keep({ place, over, overtaken, doubtful }: Load, value: Result, stored: boolean): boolean {
    const entry = this.#entryOf(place, value)
    const stands = !overtaken && (over === undefined || this.#keptEntry(place) === over)
    const kept = doubtful && !overtaken ? stored : stands
    if (kept && entry) this.#entries.set(place, entry)
    else if (stands && !entry) this.#entries.delete(place)
    return kept
  }

  /** `undefined` for what is not to be stored. */
  #entryOf(place: Place, value: Result): Entry | undefined {
    const { ttl, nullTtl, cacheIf, staleWhileRevalidate = 0, staleIfError = 0 } = place.declared
    const seconds = value === null ? nullTtl : ttl
    if (value === undefined || seconds === undefined || cacheIf?.(value) === false) return undefined
    const freshUntil = this.now + seconds * 1_000
    const renewedUntil = freshUntil + staleWhileRevalidate * 1_000
    const spareUntil = freshUntil + staleIfError * 1_000
    const keptUntil = Math.max(renewedUntil, spareUntil)
    return { value, tags: tagsOf(place, value), freshUntil, renewedUntil, spareUntil, keptUntil, pausedUntil: 0 }
  }

  #standingEntry(place: Place): Entry | undefined {
    return this.standing(place) === 'none' ? undefined : this.#entries.get(place)
  }

  #keptEntry(place: Place): Entry | undefined {
    const entry = this.#entries.get(place)
    return entry && this.now < entry.keptUntil ? entry : undefined
  }

  /** What was invalidated is not served any more, whatever comes. */
  #end(place: Place): void {
    this.#entries.delete(place)
  }

  #overtake(place: Place): void {
    const load = this.held.get(place)
    if (load) load.overtaken = true
  }

  /** Beside a value that stands nobody waits: neither for a renewal nor for a refresh. */
  #joinable(place: Place): Load | undefined {
    const load = this.held.get(place)
    return load?.why === 'miss' || (load?.why === 'refresh' && load.over === undefined) ? load : undefined
  }
}

function tagsOf({ id, declared }: Place, value: Result): readonly string[] {
  return [...(declared.tags?.(id) ?? []), ...(declared.resultTags?.(value) ?? [])]
}

function pauseOf({ declared }: Place): number {
  return declared.errorTtl === undefined ? PAUSE_MS : declared.errorTtl * 1_000
}
