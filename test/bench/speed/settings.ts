import type { CacheOptions } from 'cachewell'

/** What one process of the speed benchmark is to be. */
export interface MemberSettings extends WorkSettings {
  /** URL of the module whose default export is the adapter. */
  readonly adapter: string
  /** It takes a key, as the adapters of other benchmarks do: one is made of the argument before it is called. */
  readonly takesKey: boolean
  /** Of Redis. */
  readonly url: string
  /** All keys are stored already. */
  readonly isFilled?: boolean
}

/** What adapters of this benchmark are told. */
export interface WorkSettings {
  readonly keys: number
  readonly value: ValueKind
  readonly cachewell?: CachewellSettings
}

/**
 * `record`: the value of the other benchmarks, 787 bytes as JSON, an object of its own for each key. `one`: the same, but
 * one object for all. `large`: 300 KB. `small`: two fields.
 */
export type ValueKind = 'record' | 'one' | 'large' | 'small'

export interface CachewellSettings {
  /** Where to store, in place of Redis. */
  readonly url?: 'memory:'
  readonly keyIs: 'string' | 'array'
  readonly options?: CacheOptions
}

export type Get = (id: number) => Promise<unknown>

export type SpeedAdapter = (url: string, load: Get, ttlMs: number, settings: WorkSettings) => Promise<Get>

/** Keys are numbered from here, so that all have as many digits. */
export const FIRST_ID = 100
export const KEYS = 500
export const TTL_MS = 3_600_000

/** The number of the Redis database that nobody else uses. */
export const databaseOf = ({ url }: Pick<MemberSettings, 'url'>): number => Number(url.split('/').at(-1))
