import type { Server } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { invalidate } from 'cachewell'
import { type Answer, allAnswers, totalMs } from './answers.ts'
import type { FlightStatistics } from './flight-statistics.ts'
import { listen } from './page-server.ts'
import { formatMs, passTable } from './pass-table.ts'
import { type Delay, recordDelay } from './record-delay.ts'

const delay: Delay = { origin: 'ATL', day: '2001-02-12', minutes: 60 }

/** Cold, warm, a write, and after it: as a table, and with the answers checked. */
export async function runOnce(statistics: FlightStatistics, server: Server): Promise<void> {
  const cold = await allAnswers(statistics)
  const warm = await allAnswers(statistics)
  const written = await recordDelay(statistics, delay)
  const after = await allAnswers(statistics)
  const page = await answersOfPage(server)

  console.log(passTable({ cold, warm, after }))
  console.log('reads: 200k = flights-200k (no airports, no dates), 20k = flights-20k (January to March 2001),')
  console.log('       airports = the directory with the routes of 2008 (flights-airport)\n')
  const effect = written.deferred
    ? 'invalidation kept for when Redis is back'
    : `${written.removed} cached answers removed`
  const write = `recordDelay('ATL', '2001-02-12', 60): ${written.flights} rows updated, ${effect}`
  console.log(`write  ${write}, ${formatMs(written.ms)} ms`)
  console.log(`after  answers that had to come from the function again: ${count(after, fromFunction)}`)
  console.log(`speed  warm was ${(totalMs(cold) / totalMs(warm)).toFixed(1)} times as fast as cold`)

  // All of it is asked once more with the cache emptied: what stayed cached has to be what the database says.
  await invalidate('*')
  const truth = (await allAnswers(statistics)).map((answer) => (fromFunction(answer) ? answer : undefined))
  console.log(`check  warm answers equal to the cold ones: ${equal(warm, cold)}`)
  console.log(`check  answers after the write equal to the database's: ${equal(after, truth)}`)
  console.log(`check  answers that the page is sent equal to these: ${equal(page, after.map(asSent))}`)
}

/** What a browser would fetch. */
async function answersOfPage(server: Server): Promise<Answer[]> {
  const url = await listen(server, 0)
  try {
    const lines = (await (await fetch(`${url}api/answers`)).text()).trim().split('\n')
    return lines.map((line) => JSON.parse(line))
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

function asSent(answer: Answer): Answer {
  return JSON.parse(JSON.stringify(answer))
}

function fromFunction({ from }: Answer): boolean {
  return from === 'function'
}

function equal(pass: readonly Answer[], other: readonly (Answer | undefined)[]): string {
  return count(pass, ({ value }, i) => isDeepStrictEqual(value, other[i]?.value))
}

function count(pass: readonly Answer[], test: (answer: Answer, index: number) => boolean): string {
  return `${pass.filter(test).length} of ${pass.length}`
}
