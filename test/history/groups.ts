import type { Value } from './history.ts'
import type { Random } from './random.ts'

/** How a group of keys is cached. Each is called by one number. */
export interface Group {
  readonly name: string
  readonly keys: number
  readonly options: {
    readonly ttl: string
    readonly tags?: (k: number) => readonly string[]
    readonly resultTags?: (value: Value, k: number) => readonly string[]
    readonly staleWhileRevalidate?: string
    readonly staleIfError?: string
    readonly softTimeout?: string
    readonly refreshAhead?: boolean
    readonly errorTtl?: string
  }
  /** The share of loads that fail. */
  readonly failing: number
}

/** Of all keys in the store. */
export const PREFIX = 'history'
const KEYS = 8
const third = (group: string) => (k: number) => `${group}-${k % 3}`

/** What is stored of it is made of what a call of `part` has returned. */
export const whole: Group = { name: 'whole', keys: KEYS, failing: 0, options: { ttl: '300ms' } }
export const part: Group = { name: 'part', keys: KEYS, failing: 0.02, options: { ttl: '10s' } }

export const groups: readonly Group[] = [
  { name: 'plain', keys: KEYS, failing: 0.03, options: { ttl: '2s' } },
  { name: 'tagged', keys: KEYS, failing: 0.03, options: { ttl: '1m', tags: (k) => ['tagged', third('tagged')(k)] } },
  {
    name: 'result',
    keys: KEYS,
    failing: 0.03,
    options: { ttl: '1m', resultTags: (_value, k) => ['result', third('result')(k)] },
  },
  {
    name: 'stale',
    keys: KEYS,
    failing: 0.05,
    options: {
      ttl: '200ms',
      staleWhileRevalidate: '10s',
      refreshAhead: true,
      tags: () => ['stale'],
      resultTags: (_value, k) => [third('stale')(k)],
    },
  },
  {
    name: 'spare',
    keys: KEYS,
    failing: 0.3,
    options: {
      ttl: '100ms',
      staleIfError: '10s',
      softTimeout: '10ms',
      errorTtl: '50ms',
      tags: (k) => ['spare', third('spare')(k)],
    },
  },
  whole,
  part,
]

/** One key whose load takes longer than a lease stands without being renewed. */
export const slow: Group = { name: 'slow', keys: 1, failing: 0, options: { ttl: '300ms' } }

const READERS = 4

/**
 * Each key is read by one process, and removed by all: what that one is left with, no message of somebody's later load
 * takes away.
 */
export const quiet: Group = { name: 'quiet', keys: 10 * READERS, failing: 0, options: { ttl: '1m' } }

export function quietKey(by: number, random: Random): number {
  return (by % READERS) + READERS * Math.floor(random.between(0, quiet.keys / READERS))
}

export function keyName(group: Group, k: number): string {
  return `${group.name}:${k}`
}

export function allKeys(group: Group): string[] {
  return Array.from({ length: group.keys }, (_, k) => keyName(group, k))
}

/** The keys whose entries have the tag. */
export function keysTagged(group: Group, tag: string): string[] {
  return tag === group.name ? allKeys(group) : allKeys(group).filter((_key, k) => third(group.name)(k) === tag)
}

export function aTagOf(group: Group, k: number, narrow: boolean): string {
  return narrow ? third(group.name)(k) : group.name
}
