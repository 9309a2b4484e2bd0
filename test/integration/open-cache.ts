import { type Cache, type CacheEvent, type CacheOptions, createCache } from 'cachewell'
import { onTestFinished } from 'vitest'
import { until } from '../support/until.ts'

export interface OpenedCache {
  readonly cache: Cache
  readonly events: CacheEvent[]
  /** The events of one type. */
  of<Type extends CacheEvent['type']>(type: Type): Extract<CacheEvent, { type: Type }>[]
}

/** A cache that is silent, recorded, and closed when the test has finished. */
export function openCache(options: CacheOptions): OpenedCache {
  const cache = createCache({ prefix: 'test', logger: false, ...options })
  onTestFinished(() => cache.close())
  const events: CacheEvent[] = []
  cache.on((event) => {
    events.push(event)
  })
  return {
    cache,
    events,
    of: (type) => events.filter((event) => event.type === type) as never,
  }
}

/**
 * A cache whose store is there already. On a busy machine the first connection may take longer than callers wait for
 * it, and their calls go on without: that is for the tests of connecting to see.
 */
export async function openReady(options: CacheOptions): Promise<OpenedCache> {
  const opened = openCache(options)
  const connects = options.client !== undefined || String(options.url).startsWith('redis')
  await until(async () => {
    await opened.cache.get('ready')
    return !connects || opened.of('connection').some(({ state }) => state === 'ready')
  })
  const connection = opened.of('connection')
  opened.events.splice(0, opened.events.length, ...connection)
  return opened
}

/** Whether two calls of a counting function have one answer. */
export async function isCached(call: () => Promise<unknown>): Promise<boolean> {
  const first = await call()
  return first === (await call())
}

/** A function that counts its runs, and returns what it is told to. */
export function counting<Result = number>(result?: (run: number, ...args: unknown[]) => Result | Promise<Result>) {
  const counted = async (...args: unknown[]): Promise<Result> => {
    counted.runs++
    return result ? result(counted.runs, ...args) : (counted.runs as Result)
  }
  counted.runs = 0
  return counted
}

export interface Gate {
  readonly opened: Promise<void>
  open(): void
}

/** For loads that last until the test says so. */
export function makeGate(): Gate {
  let open!: () => void
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}

/** What was called and how often, by the server's own count: `commandstats` after `CONFIG RESETSTAT`. */
export async function commandCounts(server: {
  command(...args: [string, ...string[]]): Promise<unknown>
}): Promise<Record<string, number>> {
  const text = String(await server.command('INFO', 'commandstats'))
  return Object.fromEntries(
    [...text.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name, calls]) => [name, Number(calls)]),
  )
}

export async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const began = performance.now()
  const value = await work()
  return { value, ms: performance.now() - began }
}

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] as number
}
