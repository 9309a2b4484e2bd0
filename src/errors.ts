/**
 * A mistake in code: a bad option, an impossible template, options that contradict. Thrown where the decorator or
 * wrapper is declared; of cached calls only those of `cachedMany()` reject with one, when they are not given an array, or
 * when the function returns what it should not. The message says what to write instead.
 */
export class CacheConfigError extends TypeError {
  override readonly name = 'CacheConfigError'
}

/** What went wrong with the cache itself, at run time. It reaches events and logs, never the caller of a cached function. */
export class CacheTroubleError extends Error {
  override readonly name: string = 'CacheTroubleError'

  constructor(
    /** Short and stable, for counting: an error code of Redis (`OOM`, `NOAUTH`), of the socket (`ECONNREFUSED`), or ours. */
    readonly code: string,
    message: string,
    /** What was wrong concerns one key only; the store itself answered. */
    readonly local = false,
  ) {
    super(message)
  }
}

/** The function took longer than `hardTimeout`. It may still be running. */
export class LoadTimeoutError extends Error {
  override readonly name = 'LoadTimeoutError'

  constructor(
    /** Of the cached function: the static head of its key. */
    readonly functionName: string,
    readonly timeoutMs: number,
  ) {
    super(`${functionName} took longer than its hardTimeout of ${timeoutMs} ms`)
  }
}

/** Arguments or key parts that cannot be turned into a key that no other value shares. */
export class UnkeyableError extends Error {
  override readonly name = 'UnkeyableError'

  constructor(
    path: string,
    what: string,
    hint = 'give a key template such as {0.id}, or a key function that returns what tells calls apart',
  ) {
    super(`${path} is ${what}: ${hint}`)
  }
}

/** Nobody knows whose data a call is about: nothing may be read for it, nor stored. */
export class NoTenantError extends Error {
  override readonly name = 'NoTenantError'
}

export function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    // An object without a prototype, for one.
    return 'something that cannot be shown'
  }
}
