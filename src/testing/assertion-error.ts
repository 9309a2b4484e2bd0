/**
 * A failed assertion: its message says what was expected and what was recorded. It has none of the marks of Node's own
 * `AssertionError`, since Jest would show it as a comparison of two values that there are not.
 */
export class CacheAssertionError extends Error {
  override readonly name = 'CacheAssertionError'

  /** @param from - the assertion that the test has called: the stack begins there */
  constructor(message: string, from: Function) {
    super(message)
    Error.captureStackTrace?.(this, from)
  }
}
