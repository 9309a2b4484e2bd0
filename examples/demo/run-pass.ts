import { defaultCache, type Tier } from 'cachewell'
import type { FlightStatistics } from './flight-statistics.ts'
import { questions } from './questions.ts'

export interface Answer {
  readonly ms: number
  readonly from: Tier | 'database'
  readonly value: unknown
}

/** Asks every question once, one after the other, and learns from the cache's events where each answer came from. */
export async function runPass(statistics: FlightStatistics): Promise<Answer[]> {
  let from: Answer['from'] | undefined
  const stopListening = defaultCache.on((event) => {
    if (event.type === 'hit') from = event.tier
    // The method ran: after a look at the cache in vain, or without one.
    if (event.type === 'miss' || event.type === 'bypass') from = 'database'
  })
  try {
    const answers: Answer[] = []
    for (const { call, ask } of questions) {
      from = undefined
      const start = performance.now()
      const value = await ask(statistics)
      const ms = performance.now() - start
      if (!from) throw new Error(`no event told where the answer to ${call} came from`)
      answers.push({ ms, from, value })
    }
    return answers
  } finally {
    stopListening()
  }
}

export function totalMs(pass: readonly Answer[]): number {
  return pass.reduce((sum, { ms }) => sum + ms, 0)
}
