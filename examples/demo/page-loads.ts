import { type Answer, totalMs } from './answers.ts'
import type { Source } from './observed.ts'

/** One load of the page: how many of its answers came from where, and how long those took. */
export interface PageLoad {
  readonly number: number
  readonly ms: number
  readonly sources: Partial<Record<Source, { readonly answers: number; readonly ms: number }>>
}

const KEPT = 10

/** The loads of the page, by all tabs. */
export class PageLoads {
  /** The last ones, the newest at the end. */
  readonly recent: PageLoad[] = []
  /** The last one for which every answer came from the function. */
  cold?: PageLoad
  /** The last one for which none did. */
  warm?: PageLoad
  #count = 0

  add(answers: readonly Pick<Answer, 'from' | 'ms'>[]): void {
    const sources: { [from in Source]?: { answers: number; ms: number } } = {}
    for (const { from, ms } of answers) {
      sources[from] ??= { answers: 0, ms: 0 }
      sources[from].answers++
      sources[from].ms += ms
    }
    const load = { number: ++this.#count, ms: totalMs(answers), sources }
    if (!sources.function) this.warm = load
    else if (sources.function.answers === answers.length) this.cold = load
    this.recent.push(load)
    if (this.recent.length > KEPT) this.recent.shift()
  }
}
