import { likelyPort } from '../support/likely-port.ts'
import { type RunResult, run, serviceEnvironment } from './run.ts'

/** Where a smoke program is to store. */
export interface Store {
  readonly url: string
  /** Nothing is kept there: the program expects each call to reach its function. */
  readonly away?: boolean
  /** What several runs are to share. Everything else is a run's own. */
  readonly sharedPrefix?: string
}

/** Longer than any pause of the cache's own: a process still there then is kept alive by something. */
const ENDS_WITHIN_MS = 15_000

let count = 0

/** Runs a compiled `fixtures/smoke.ts` or `fixtures/nest.ts`. Rejects unless it ends by itself and all is as it expects. */
export function smoke(node: string, program: string, store: Store): Promise<RunResult> {
  const prefix = freshPrefix()
  const env = serviceEnvironment({
    CACHE_URL: store.url,
    CACHE_PREFIX: prefix,
    SMOKE_AWAY: store.away ? '1' : '',
    SMOKE_SHARED_PREFIX: store.sharedPrefix ?? `${prefix}-shared`,
  })
  return run(node, [program], { env, timeoutMs: ENDS_WITHIN_MS })
}

/** One that no other smoke program uses. */
export const freshPrefix = (): string => `smoke-${process.pid}-${++count}`

export const memory: Store = { url: 'memory:' }

/** Nobody listens there. */
export const absent = (): Store => ({ url: `redis://127.0.0.1:${likelyPort()}`, away: true })
