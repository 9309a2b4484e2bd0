interface Node<T> {
  readonly key: string
  item: T
  size: number
  visited: boolean
  /** Towards the newest. */
  newer: Node<T> | undefined
  older: Node<T> | undefined
}

/**
 * A map that holds at most so many items and bytes. What has not been asked for since the hand passed goes first:
 * SIEVE, from Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024. A hit only sets a flag, so it costs no more than
 * a look-up, and one scan through many cold keys does not flush the warm ones.
 */
export class Sieve<T> {
  readonly #nodes = new Map<string, Node<T>>()
  #newest: Node<T> | undefined
  #oldest: Node<T> | undefined
  #hand: Node<T> | undefined
  #bytes = 0

  constructor(
    readonly maxItems: number,
    readonly maxBytes: number,
  ) {}

  get size(): number {
    return this.#nodes.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string): T | undefined {
    const node = this.#nodes.get(key)
    if (node === undefined) return undefined
    // What is written to has to go back to memory: among many keys that costs more than to look.
    if (!node.visited) node.visited = true
    return node.item
  }

  keys(): IterableIterator<string> {
    return this.#nodes.keys()
  }

  /** Adds or replaces. An item that is larger than everything that may be held is not kept, nor what it replaces: false. */
  set(key: string, item: T, size: number): boolean {
    let node = this.#nodes.get(key)
    if (size > this.maxBytes) {
      if (node) this.#drop(node)
      return false
    }
    if (node) {
      this.#bytes += size - node.size
      node.item = item
      node.size = size
      node.visited = true
    } else {
      node = { key, item, size, visited: false, newer: undefined, older: this.#newest }
      this.#add(node)
    }
    while (this.#nodes.size > this.maxItems || this.#bytes > this.maxBytes) this.#evict(node)
    return true
  }

  delete(key: string): boolean {
    const node = this.#nodes.get(key)
    if (node) this.#drop(node)
    return node !== undefined
  }

  clear(): void {
    this.#nodes.clear()
    this.#newest = this.#oldest = this.#hand = undefined
    this.#bytes = 0
  }

  #add(node: Node<T>): void {
    if (this.#newest) this.#newest.newer = node
    else this.#oldest = node
    this.#newest = node
    this.#nodes.set(node.key, node)
    this.#bytes += node.size
  }

  /** @param kept - what has just been set: where all others are warm, it would be the first to go and none could come in */
  #evict(kept: Node<T>): void {
    let node = this.#hand ?? (this.#oldest as Node<T>)
    while (node.visited || node === kept) {
      node.visited = false
      node = node.newer ?? (this.#oldest as Node<T>)
    }
    this.#hand = node
    // Moves the hand on to the next newer one.
    this.#drop(node)
  }

  #drop(node: Node<T>): void {
    if (this.#hand === node) this.#hand = node.newer
    if (node.newer) node.newer.older = node.older
    else this.#newest = node.older
    if (node.older) node.older.newer = node.newer
    else this.#oldest = node.newer
    this.#nodes.delete(node.key)
    this.#bytes -= node.size
  }
}
