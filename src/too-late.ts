/**
 * Whether a callback that has to answer at once has answered with a promise. What that rejects with is heard by nobody else,
 * and must not end the process.
 */
export function isTooLate(answer: unknown): answer is PromiseLike<unknown> {
  if (typeof (answer as PromiseLike<unknown> | null | undefined)?.then !== 'function') return false
  Promise.resolve(answer).catch(() => {})
  return true
}
