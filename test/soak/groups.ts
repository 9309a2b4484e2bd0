import type { Value } from './freshness.ts'

/** How a group of keys is cached. Each is called by one number. */
export interface Group {
  readonly name: string
  readonly keys: number
  readonly options: {
    /** At most as long as a cache remembers what it has invalidated: a Redis that comes back with old data is told again. */
    readonly ttl: string
    readonly tags?: (k: number) => readonly string[]
    readonly resultTags?: (value: Value, k: number) => readonly string[]
    readonly staleWhileRevalidate?: string
    readonly staleIfError?: string
    readonly softTimeout?: string
    readonly hardTimeout?: string
    readonly refreshAhead?: boolean
    readonly errorTtl?: string
    readonly tier?: 'memory'
  }
  /** How long its loads take, in ms. */
  readonly loads: readonly [shortest: number, longest: number]
  /** The share of loads that fail. */
  readonly failing: number
}

const KEYS = 40
const quick = [0, 20] as const

export const groups: readonly Group[] = [
  { name: 'plain', keys: KEYS, options: { ttl: '2s' }, loads: quick, failing: 0.03 },
  { name: 'near', keys: KEYS, options: { ttl: '1s', tier: 'memory' }, loads: quick, failing: 0.03 },
  {
    name: 'tagged',
    keys: KEYS,
    options: { ttl: '20s', tags: (k) => tagsOf('tagged', k) },
    loads: quick,
    failing: 0.03,
  },
  {
    name: 'result',
    keys: KEYS,
    options: { ttl: '20s', resultTags: (_value, k) => tagsOf('result', k) },
    loads: quick,
    failing: 0.03,
  },
  {
    name: 'stale',
    keys: KEYS,
    options: {
      ttl: '300ms',
      staleWhileRevalidate: '5s',
      refreshAhead: true,
      tags: () => ['stale'],
      resultTags: (_value, k) => tagsOf('stale', k).slice(1),
    },
    loads: quick,
    failing: 0.05,
  },
  {
    name: 'spare',
    keys: KEYS,
    options: {
      ttl: '200ms',
      staleIfError: '10s',
      softTimeout: '15ms',
      errorTtl: '50ms',
      tags: (k) => tagsOf('spare', k),
    },
    loads: quick,
    failing: 0.3,
  },
  // Some take longer than callers wait, and some of those are given up.
  { name: 'timed', keys: KEYS, options: { ttl: '500ms', hardTimeout: '80ms' }, loads: [0, 120], failing: 0.03 },
]

/** What is invalidated all the time as soon as it is loaded, so that the processes wait for each other. */
export const slow: Group = {
  name: 'slow',
  keys: 2,
  options: { ttl: '300ms', tags: (k) => tagsOf('slow', k) },
  loads: [200, 800],
  failing: 0.05,
}

export function keyName(group: Group, k: number): string {
  return `${group.name}:${k}`
}

export function allKeys(group: Group): string[] {
  return Array.from({ length: group.keys }, (_, k) => keyName(group, k))
}

/** One for all keys of the group, and one for a third of them. */
export function tagsOf(group: string, k: number): [all: string, third: string] {
  return [group, `${group}-${k % 3}`]
}

/** The keys whose entries have the tag. */
export function keysTagged(group: Group, tag: string): string[] {
  return allKeys(group).filter((_key, k) => tagsOf(group.name, k).includes(tag))
}

export function hasTags({ options }: Group): boolean {
  return options.tags !== undefined || options.resultTags !== undefined
}
