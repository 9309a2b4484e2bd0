import type { Clock } from './clock.ts'

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

/** `work`, or what `late` makes when it takes longer. The work goes on, and nobody hears of its failure then. */
export function orWhenLate<T, L>(work: Promise<T>, ms: number, clock: Clock, late: () => L): Promise<T | L> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => {
      try {
        resolve(late())
      } catch (error) {
        reject(error)
      }
    }, ms)
    work.then(resolve, reject).finally(() => clock.clearTimeout(timer))
  })
}
