/*
 * What both sides of the comparison are given: the declarations of the cached functions, and where they load from.
 */

export type Group = 'a' | 'b'

export interface Row {
  readonly id: number
  readonly version: number
  /** For tags that only the result tells. */
  readonly group: Group
  /** What `cacheIf` asks for. */
  readonly keep: boolean
}

export type Result = Row | null | undefined

/** The options as the README has them; durations are numbers of seconds. */
export interface Declaration {
  readonly ttl: number
  readonly nullTtl?: number
  readonly staleWhileRevalidate?: number
  readonly staleIfError?: number
  readonly errorTtl?: number
  readonly cacheIf?: (result: Result) => boolean
  readonly tags?: (id: number) => string[]
  readonly resultTags?: (result: Result) => string[]
}

const keep = (result: Result) => result?.keep ?? true

export const FUNCTIONS = {
  plain: { ttl: 10 },
  nullable: { ttl: 10, nullTtl: 3, errorTtl: 4 },
  tagged: {
    ttl: 10,
    nullTtl: 4,
    tags: (id) => [`id:${id}`],
    resultTags: (result) => (result ? [`group:${result.group}`] : ['nothing']),
  },
  // Shorter than the 5 s for which nothing is renewed after a failure.
  revalidated: { ttl: 2, nullTtl: 1, staleWhileRevalidate: 10, cacheIf: keep },
  insured: { ttl: 10, staleIfError: 30, cacheIf: keep },
  both: { ttl: 10, staleWhileRevalidate: 5, staleIfError: 20, errorTtl: 2, tags: (id) => [`id:${id}`, 'both'] },
  outlasting: { ttl: 3, staleWhileRevalidate: 9, staleIfError: 4, resultTags: (result) => [`group:${result?.group}`] },
  chosen: { ttl: 10, nullTtl: 5, cacheIf: keep },
} satisfies Record<string, Declaration>

export type Name = keyof typeof FUNCTIONS
export const NAMES = Object.keys(FUNCTIONS) as Name[]
/** Few, so that what happens happens to the same entry. */
export const IDS = [1, 2, 3] as const
export const TAGS = ['id:1', 'id:2', 'id:3', 'group:a', 'group:b', 'both', 'nothing'] as const

/** One entry of one function: all there is to a key here. */
export interface Place {
  readonly name: Name
  readonly id: number
  readonly key: string
  readonly declared: Declaration
}

/** Each once, so that they can be compared, and be the keys of maps. */
export const PLACES: readonly Place[] = NAMES.flatMap((name) =>
  IDS.map((id) => ({ name, id, key: `${name}:${id}`, declared: FUNCTIONS[name] })),
)

/** What a call comes to, or a load. */
export type Outcome = { readonly value: Result } | { readonly error: string }

export type Health = 'well' | 'fails' | 'null' | 'undefined'

/** The source of truth. Every version of a row is another, so that an old one is recognised. */
export class Source {
  readonly #rows = new Map<number, Row>(IDS.map((id) => [id, { id, version: 1, group: 'a', keep: true }]))
  readonly #health = new Map<number, Health>()

  change(id: number, group: Group, keep: boolean): void {
    this.#rows.set(id, { id, version: this.#row(id).version + 1, group, keep })
  }

  turn(id: number, health: Health): void {
    this.#health.set(id, health)
  }

  /** A new object each time: what one caller does to it is no other's business. */
  read(id: number): Outcome {
    const row = this.#row(id)
    switch (this.#health.get(id)) {
      case 'fails':
        return { error: `row ${id} is out of reach at version ${row.version}` }
      case 'null':
        return { value: null }
      case 'undefined':
        return { value: undefined }
      default:
        return { value: { ...row } }
    }
  }

  #row(id: number): Row {
    return this.#rows.get(id) as Row
  }
}
