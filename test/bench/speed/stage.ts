import type { RedisServer } from '../../support/redis-server.ts'
import type { Build } from '../build.ts'
import { isPeer, PEER_NAMES, peer } from '../contestants.ts'
import type { Entrant, Pace } from './contest.ts'
import type { Program } from './member-process.ts'
import type { Plot } from './plot.ts'
import { canKeepApart, runOn } from './processors.ts'
import type { Row } from './row.ts'
import { type CachewellSettings, KEYS, type MemberSettings } from './settings.ts'

/** A group of rows that can be asked for by its name. */
export interface Section {
  readonly name: string
  readonly title: string
  /** How it is measured, with the contestants' settings: a paragraph of Markdown. */
  readonly about: string
  measure(stage: Stage): Promise<Findings>
}

export interface Findings {
  readonly rows: readonly Row[]
  readonly plots?: readonly Plot[]
  /** A line each. */
  readonly notes?: readonly string[]
}

export const DATABASES = 200

const at = (path: string) => new URL(path, import.meta.url)

/** Where the contestants perform: a server, the build, and room for each of them. */
export class Stage {
  readonly redis: RedisServer
  readonly launches: number
  readonly #build: Build
  readonly #programs = new Map<string, URL>()
  #databases = 0

  constructor(redis: RedisServer, build: Build, launches: number) {
    this.redis = redis
    this.launches = launches
    this.#build = build
  }

  get buildUrl(): string {
    return this.#build.url
  }

  program(name: string): Program {
    return { file: this.#compiled(`./programs/${name}.ts`), env: { CACHEWELL_BUILD: this.#build.url } }
  }

  /**
   * Has the server run on a processor, and programs on another, until it is disposed of. Left to itself the system moves them
   * together and apart, and a round trip takes a third of the time where they share one.
   */
  apart(): { readonly env: Record<string, string> } & Disposable {
    if (!canKeepApart) return { env: {}, [Symbol.dispose]: () => {} }
    const { pid } = this.redis
    runOn(pid, 0)
    return { env: { SPEED_PROCESSOR: '1' }, [Symbol.dispose]: () => void runOn(pid, 'all') }
  }

  pace(rounds: number, turnMs: number): Pace {
    return { launches: this.launches, rounds, turnMs }
  }

  cachewell(name: string, cachewell: CachewellSettings, more: Partial<MemberSettings> = {}): Entrant {
    return { name, settings: { ...this.#settings(this.adapter('cachewell')), cachewell, ...more } }
  }

  /** By hand, over ioredis. */
  handWritten(more: Partial<MemberSettings> = {}): Entrant {
    return { name: 'hand-written', settings: { ...this.#settings(this.adapter('hand-written')), ...more } }
  }

  /** By hand, over lru-cache. */
  lruCache(more: Partial<MemberSettings> = {}): Entrant {
    const { href } = at('../peers/adapters/memory/lru-cache.mjs')
    return { name: 'hand-written', settings: { ...this.#settings(href), ...more } }
  }

  peers(where: 'memory' | 'redis', more: Partial<Entrant> = {}): Entrant[] {
    const names = PEER_NAMES.filter((name) => where === 'redis' || !ONLY_REDIS.includes(name))
    return names.map((name) => ({ ...this.peer(name, where), ...more }))
  }

  peer(name: string, where: 'memory' | 'redis'): Entrant {
    if (!isPeer(name)) throw new Error(`${name} is no peer`)
    const { version, adapter } = peer(name)
    const { href } = where === 'redis' ? adapter : at(`../peers/adapters/memory/${name}.mjs`)
    return { name: `${name} ${version}`, settings: { ...this.#settings(href), takesKey: true } }
  }

  /** A database that nobody else uses. */
  database(): number {
    if (++this.#databases >= DATABASES) throw new Error(`more than ${DATABASES} databases are needed`)
    return this.#databases
  }

  adapter(name: 'cachewell' | 'hand-written' | 'map' | 'values-alone'): string {
    return this.#compiled(`./adapters/${name}.ts`).href
  }

  #settings(adapter: string): MemberSettings {
    const url = `${this.redis.url}/${this.database()}`
    return { adapter, takesKey: false, url, keys: KEYS, value: 'record' }
  }

  #compiled(path: string): URL {
    const known = this.#programs.get(path)
    if (known) return known
    const made = this.#build.program(at(path))
    this.#programs.set(path, made)
    return made
  }
}

/** Its adapter for memory is a package of its own, and old. */
const ONLY_REDIS = ['type-cacheable']
