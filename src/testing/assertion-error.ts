/**
 * What a test runner takes for a failed assertion: vitest, Jest and node:test go by the name and the code, and need no
 * class of their own.
 */
export class CacheAssertionError extends Error {
  override readonly name = 'AssertionError'
  readonly code = 'ERR_ASSERTION'

  /** @param from - the assertion that the test has called: the stack begins there */
  constructor(message: string, from: Function) {
    super(message)
    Error.captureStackTrace?.(this, from)
  }
}
