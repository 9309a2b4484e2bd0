import { type CacheEvent, type CacheOptions, createCache } from 'cachewell'
import { until } from '../../support/until.ts'
import { timed } from '../open-cache.ts'

export interface Value {
  readonly name: string
  readonly version: number
  readonly filler: string
}

/** In names of entries, in values and in passwords: none of it may be logged. */
export const PRIVATE = { name: 'jane@example.com', value: 'v4lue-of-jane', password: 's3cret-password' } as const
export const PREFIX = 'faults'

/**
 * A cache, a function behind it, and what is true of every entry: each answer is checked on arrival, and is
 * among the wrong ones unless it is what the function would have returned.
 */
export class Play implements AsyncDisposable {
  readonly events: CacheEvent[] = []
  /** What was logged, with its level. */
  readonly lines: string[] = []
  /** What was seen by looking around, which no caller has asked for, is not put down. */
  quiet = false
  readonly costs: number[] = []
  /** Answers that were wrong. They are kept: who waits for something looks again when a look has thrown. */
  readonly wrong: string[] = []
  /** What the function returns, and the oldest that may still be served. */
  readonly #versions = new Map<string, { now: number; least: number }>()
  readonly #runs = new Map<string, number>()
  readonly #cache
  readonly #item
  readonly #failing

  readonly #filler: string

  constructor(options: CacheOptions, payloadBytes = 0) {
    this.#filler = PRIVATE.value.padEnd(payloadBytes, 'x')
    const log = (level: string) => (message: string) => void (this.quiet || this.lines.push(`${level} ${message}`))
    const logger = { info: log('info'), warn: log('warn'), error: log('error') }
    this.#cache = createCache({ ...options, prefix: PREFIX, logger })
    this.#cache.on((event) => {
      this.events.push(event)
    })
    this.#item = this.#cache.cached((name: string) => this.#load(name), { key: 'item', ttl: '10m' })
    this.#failing = this.#cache.cached(async () => Promise.reject(OF_THE_FUNCTION), { key: 'failing', ttl: '10m' })
  }

  of<Type extends CacheEvent['type']>(type: Type): Extract<CacheEvent, { type: Type }>[] {
    return this.events.filter((event) => event.type === type) as never
  }

  /** All that have been invalidated: these must not come back. */
  get invalidated(): string[] {
    return [...this.#versions.keys()]
  }

  runs(name: string): number {
    return this.#runs.get(name) ?? 0
  }

  get troubles(): number {
    return this.#cache.stats().troubles
  }

  async call(name: string): Promise<void> {
    const { least } = this.#version(name)
    const got = await this.#measured(() => this.#item(nameOf(name))).catch((error: Error) => error)
    if (got instanceof Error) return void this.wrong.push(`The caller of ${name} got an error: ${got.message}`)
    const right = got.name === name && got.filler === this.#filler
    // What was invalidated meanwhile may be the old one or the new.
    if (right && got.version >= least && got.version <= this.#version(name).now) return
    this.wrong.push(`Asked for version ${least} of ${name}, got version ${got.version} of ${got.name}`)
  }

  /** True when the answer came from the cache. */
  async isServed(name: string): Promise<boolean> {
    const before = this.runs(name)
    await this.call(name)
    return this.runs(name) === before
  }

  /** What the function throws is what its caller gets. */
  async fail(): Promise<void> {
    const error = await this.#measured(() => this.#failing().catch((thrown: unknown) => thrown))
    if (error !== OF_THE_FUNCTION) this.wrong.push(`The caller got another error: ${error}`)
  }

  /** What the function returns changes, and what is stored of it is invalidated: from here on the old one is wrong. */
  async invalidate(name: string): Promise<{ readonly deferred: boolean }> {
    const now = this.#version(name).now + 1
    this.#versions.set(name, { ...this.#version(name), now })
    const result = await this.#measured(() => this.#item.invalidate(nameOf(name)))
    this.#versions.set(name, { ...this.#version(name), least: now })
    return result
  }

  /** True when it was stored. What stood there before is no longer right, nor is it wrong. */
  async set(name: string): Promise<boolean> {
    return this.#measured(() => this.#item.set([nameOf(name)], this.#valueOf(name)))
  }

  /** Why a command for this entry would fail now; '' where it would not. */
  async reason(name: string): Promise<string> {
    this.quiet = true
    const before = this.of('trouble').length
    await this.#cache.get(`item:${nameOf(name)}`)
    this.quiet = false
    return this.of('trouble')[before]?.error.message ?? ''
  }

  /** Over calls of a few entries that begin in one turn of the loop. */
  async callTogether(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.call(name)))
  }

  /** Until each of them is, in one round. */
  async untilServed(names: readonly string[], timeoutMs?: number): Promise<void> {
    const allServed = async () => {
      let all = true
      for (const name of names) all = (await this.isServed(name)) && all
      return all
    }
    await until(allServed, { label: `${names} to be served`, timeoutMs, everyMs: 20 })
  }

  /** Resolves in the turn of the loop in which it happens. */
  whenLost(): Promise<void> {
    return new Promise((resolve) => {
      const end = this.#cache.on((event) => {
        if (event.type !== 'connection' || event.state !== 'lost') return
        end()
        resolve()
      })
    })
  }

  get ready(): boolean {
    return this.of('connection').at(-1)?.state === 'ready'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cache.close()
  }

  async #load(name: string): Promise<Value> {
    const own = name.slice(PRIVATE.name.length)
    this.#runs.set(own, this.runs(own) + 1)
    return this.#valueOf(own)
  }

  #version(name: string): { readonly now: number; readonly least: number } {
    return this.#versions.get(name) ?? { now: 1, least: 1 }
  }

  #valueOf(name: string): Value {
    return { name, version: this.#version(name).now, filler: this.#filler }
  }

  async #measured<T>(work: () => Promise<T>): Promise<T> {
    const { value, ms } = await timed(work)
    this.costs.push(ms)
    return value
  }
}

const OF_THE_FUNCTION = new Error('of the function')

/** Where an entry stands in Redis. */
export const keyOf = (name: string): string => `${PREFIX}::item:${nameOf(name)}`

/** The name under which an entry is cached holds what is private. */
const nameOf = (name: string): string => `${PRIVATE.name}${name}`
