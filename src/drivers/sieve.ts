/**
 * What a {@link Sieve} holds: its own place in the order of eviction is in it, which saves an object for each and a look at
 * it for each hit. One item is in one sieve, once.
 */
export abstract class Sieved {
  key = ''
  weight = 0
  visited = false
  /** Towards the newest. */
  newer: this | undefined = undefined
  older: this | undefined = undefined
}

/**
 * A map that holds at most so many items and bytes. What has not been asked for since the hand passed goes first:
 * SIEVE, from Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024. A hit only sets a flag, so it costs no more than
 * a look-up, and one scan through many cold keys does not flush the warm ones.
 */
export class Sieve<T extends Sieved> {
  readonly #items = new Map<string, T>()
  #newest: T | undefined
  #oldest: T | undefined
  #hand: T | undefined
  #bytes = 0

  constructor(
    readonly maxItems: number,
    readonly maxBytes: number,
  ) {}

  get size(): number {
    return this.#items.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): T | undefined {
    const item = this.#items.get(key)
    // What is written to has to go back to memory: among many keys that costs more than to look.
    if (item !== undefined && !item.visited) item.visited = true
    return item
  }

  keys(): IterableIterator<string> {
    return this.#items.keys()
  }

  /** Adds or replaces. An item that is larger than everything that may be held is not kept, nor what it replaces: false. */
  set(key: string, item: T, weight: number): boolean {
    const known = this.#items.get(key)
    if (weight > this.maxBytes) {
      if (known) this.#drop(known)
      return false
    }
    item.key = key
    item.weight = weight
    if (known) this.#replace(known, item)
    else this.#add(item)
    while (this.#items.size > this.maxItems || this.#bytes > this.maxBytes) this.#evict(item)
    return true
  }

  delete(key: string): boolean {
    const item = this.#items.get(key)
    if (item) this.#drop(item)
    return item !== undefined
  }

  clear(): void {
    this.#items.clear()
    this.#newest = this.#oldest = this.#hand = undefined
    this.#bytes = 0
  }

  #add(item: T): void {
    item.older = this.#newest
    if (this.#newest) this.#newest.newer = item
    else this.#oldest = item
    this.#newest = item
    this.#items.set(item.key, item)
    this.#bytes += item.weight
  }

  /** In the same place, and warm: somebody has asked for it. */
  #replace(known: T, item: T): void {
    item.visited = true
    item.newer = known.newer
    item.older = known.older
    if (item.newer) item.newer.older = item
    else this.#newest = item
    if (item.older) item.older.newer = item
    else this.#oldest = item
    if (this.#hand === known) this.#hand = item
    known.newer = known.older = undefined
    this.#items.set(item.key, item)
    this.#bytes += item.weight - known.weight
  }

  /** @param kept - what has just been set: where all others are warm, it would be the first to go and none could come in */
  #evict(kept: T): void {
    let item = this.#hand ?? (this.#oldest as T)
    while (item.visited || item === kept) {
      item.visited = false
      item = item.newer ?? (this.#oldest as T)
    }
    this.#hand = item
    // Moves the hand on to the next newer one.
    this.#drop(item)
  }

  #drop(item: T): void {
    if (this.#hand === item) this.#hand = item.newer
    if (item.newer) item.newer.older = item.older
    else this.#newest = item.older
    if (item.older) item.older.newer = item.newer
    else this.#oldest = item.newer
    // Whoever still holds it is not to keep its neighbours with it.
    item.newer = item.older = undefined
    this.#items.delete(item.key)
    this.#bytes -= item.weight
  }
}
