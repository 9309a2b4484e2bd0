import { type Cache, type CacheOptions, createCache } from 'cachewell'
import { sleep } from '../../support/real-time.ts'
import { PREFIX } from './play.ts'

const NAMES = ['a', 'b', 'c', 'd']
const CALLERS = 6
const LOAD_MS = 8
const INVALIDATE_EVERY_MS = 15

/** What the function returns, and the oldest that may still be served: in all processes. */
interface Version {
  now: number
  least: number
}

/**
 * Two caches over one Redis, as in two processes, with callers on both and invalidations by key and by tag all the time. A
 * call that returns what was invalidated before it began is kept as a failure.
 */
export class Traffic {
  readonly failures: string[] = []
  answers = 0
  runs = 0
  readonly #versions = new Map<string, Version>(NAMES.map((name) => [name, { now: 1, least: 1 }]))
  readonly #caches: readonly Cache[]
  readonly #work: readonly Promise<void>[]
  #ended = false

  constructor(where: Pick<CacheOptions, 'url' | 'client'>) {
    this.#caches = [0, 1].map(() => createCache({ ...where, prefix: `${PREFIX}:traffic`, logger: false }))
    this.#work = this.#caches.flatMap((cache) => {
      const calls = [this.#plain(cache), this.#tagged(cache)]
      const callers = Array.from({ length: CALLERS }, (_, i) => this.#keepCalling(calls[i % 2] as Call, i))
      return [...callers, this.#keepInvalidating(cache)]
    })
  }

  async end(): Promise<void> {
    this.#ended = true
    await Promise.all(this.#work)
    await Promise.all(this.#caches.map((cache) => cache.close()))
  }

  #plain(cache: Cache): Call {
    return cache.cached((name: string) => this.#load(name), { key: 'plain', ttl: '1m' })
  }

  #tagged(cache: Cache): Call {
    const tags = (name: string) => [name]
    const resultTags = (_result: number, name: string) => [`of the result ${name}`]
    return cache.cached((name: string) => this.#load(name), { key: 'tagged', ttl: '1m', tags, resultTags })
  }

  async #load(name: string): Promise<number> {
    const { now } = this.#version(name)
    this.runs++
    await sleep(Math.random() * LOAD_MS)
    return now
  }

  async #keepCalling(call: Call, turn: number): Promise<void> {
    for (let i = turn; !this.#ended; i++) {
      const name = NAMES[i % NAMES.length] as string
      const { least } = this.#version(name)
      const got = await call(name).catch(String)
      this.answers++
      if (typeof got === 'string' || got < least) this.failures.push(`${name} is at ${least}, and a call got ${got}`)
      await sleep(1)
    }
  }

  async #keepInvalidating(cache: Cache): Promise<void> {
    for (let i = 0; !this.#ended; i++) {
      const name = NAMES[i % NAMES.length] as string
      const version = this.#version(name)
      const now = ++version.now
      const tag = i % 2 ? name : `of the result ${name}`
      const plain = await cache.invalidate(['plain', name])
      const tagged = await cache.invalidateTags(tag)
      // One that was deferred says nothing of the other process.
      if (!plain.deferred && !tagged.deferred) version.least = Math.max(version.least, now)
      await sleep(INVALIDATE_EVERY_MS)
    }
  }

  #version(name: string): Version {
    return this.#versions.get(name) as Version
  }
}

type Call = (name: string) => Promise<number>
