import { CacheConfigError } from './errors.ts'

/** @throws CacheConfigError for what is given as a `signal` and is none */
export function checkSignal(signal: unknown, place: string): void {
  if (signal === undefined || typeof (signal as { addEventListener?: unknown } | null)?.addEventListener === 'function')
    return
  throw new CacheConfigError(`${place}: signal is an AbortSignal, as in { signal: AbortSignal.timeout(60_000) }`)
}
