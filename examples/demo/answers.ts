import type { FlightStatistics } from './flight-statistics.ts'
import { observed, type Source, sourceOf } from './observed.ts'
import { questions } from './questions.ts'

export interface Answer {
  readonly call: string
  readonly reads: string
  readonly ms: number
  readonly from: Source
  readonly value: unknown
}

/** Asks every question once, one after the other: side by side, they would wait for each other in the database. */
export async function* answers(statistics: FlightStatistics): AsyncGenerator<Answer> {
  for (const { call, reads, ask } of questions) {
    const { value, ms, events } = await observed(() => ask(statistics))
    yield { call, reads, ms, from: sourceOf(events), value }
  }
}

export async function allAnswers(statistics: FlightStatistics): Promise<Answer[]> {
  const all: Answer[] = []
  for await (const answer of answers(statistics)) all.push(answer)
  return all
}

export function totalMs(pass: readonly Pick<Answer, 'ms'>[]): number {
  return pass.reduce((sum, { ms }) => sum + ms, 0)
}
