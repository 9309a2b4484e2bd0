import type { Child } from '../support/child.ts'
import { until } from '../support/until.ts'

/** The first message of this type that the process tells, also one that it has told already. */
export async function heard<T>(
  child: Child,
  type: string,
  timeoutMs: number,
  matches: (message: T) => boolean = () => true,
): Promise<T> {
  let ended = false
  void child.done.then(() => {
    ended = true
  })
  const told = () =>
    (child.messages as readonly (T & { type: string })[]).find((one) => one.type === type && matches(one))
  const seen = await until(() => told() ?? ended, { timeoutMs }).catch(() => undefined)
  if (seen !== undefined && seen !== true) return seen as T
  const why = ended ? 'its process ended before' : `not in ${timeoutMs} ms:`
  throw new Error(`${why} '${type}'${child.stderr ? `\n${child.stderr.trim()}` : ''}`)
}
