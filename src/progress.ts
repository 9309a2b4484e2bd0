import { CacheConfigError } from './errors.ts'
import { isTooLate } from './too-late.ts'

/** @throws CacheConfigError for what is given as `onProgress` and is no function */
export function checkOnProgress(onProgress: unknown, place: string): void {
  if (onProgress === undefined || typeof onProgress === 'function') return
  throw new CacheConfigError(`${place}: onProgress is a function, as in { onProgress: (progress) => … }`)
}

/** Calls the callback. It may be asynchronous, for all that its type says: what it rejects with is what it throws. */
export function tell<Progress>(
  onProgress: ((progress: Progress) => unknown) | undefined,
  progress: Progress,
  onThrown: (reason: unknown) => void,
): void {
  try {
    const answer = onProgress?.(progress)
    if (isTooLate(answer)) Promise.resolve(answer).catch(onThrown)
  } catch (reason) {
    onThrown(reason)
  }
}
