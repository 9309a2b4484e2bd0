import { openContestant } from '../open.ts'
import { FIRST_ID } from '../settings.ts'
import { makeValue } from '../values.ts'

export interface FootprintReport {
  /** For each entry, its value included. */
  readonly bytes: number
}

/** Of Node's `--expose-gc`. */
declare const gc: () => void

/** Awaited in turns, so that nothing is left of the calls themselves. */
async function fill(from: number, to: number): Promise<void> {
  for (let id = from; id < to; id++) await get(id)
}

function held(): number {
  gc()
  gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

// Before it is opened: some take what they may need at once. Their code is a few bytes per entry.
const before = held()
const { get, settings } = await openContestant(async (id) => makeValue(settings.value, id))
await fill(FIRST_ID, FIRST_ID + settings.keys)
const bytes = (held() - before) / settings.keys
await get(FIRST_ID) // Nothing of it could be collected before.
console.log(JSON.stringify({ bytes } satisfies FootprintReport))
process.exit()
