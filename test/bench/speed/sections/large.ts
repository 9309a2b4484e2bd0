import type { CacheOptions } from 'cachewell'
import { contest, type Entrant } from '../contest.ts'
import { atLeast, baselineRow, ratioRow } from '../row.ts'
import { databaseOf } from '../settings.ts'
import type { Section, Stage } from '../stage.ts'

const KEYS = 20
const TURN_MS = 150
const ROUNDS = 5

/** What one value takes in Redis, as its owner has stored it. */
async function storedBytes(stage: Stage, { settings }: Entrant): Promise<number> {
  const script = `redis.call('SELECT', ARGV[1]) return redis.call('STRLEN', redis.call('RANDOMKEY'))`
  return Number(await stage.redis.command('EVAL', script, 0, databaseOf(settings)))
}

export const large: Section = {
  name: 'large',
  title: 'A value of 300 KB',
  about: `Hits in Redis of one caller, ${KEYS} keys, values of some 300 KB as JSON. Hand-written as above. Rounds of each
launch: ${ROUNDS}, of ${TURN_MS} ms for each side.`,
  async measure(stage) {
    const more = { keys: KEYS, value: 'large' } as const
    const plain = stage.cachewell('cachewell', { keyIs: 'string' }, more)
    const compression = { compression: true } as CacheOptions // Not among the options that every version has.
    const compressed = stage.cachewell('cachewell, compressed', { keyIs: 'string', options: compression }, more)
    const handWritten = stage.handWritten(more)
    const entrants = [plain, compressed]
    const scores = await contest(stage.program('member'), handWritten, entrants, [1], stage.pace(ROUNDS, TURN_MS))
    const absent = scores.find((score) => score.absent !== undefined)?.absent
    const sizeOf = async (entrant: Entrant) => `${((await storedBytes(stage, entrant)) / 1e3).toFixed(0)} kB in Redis`
    const targetOf = (name: string) => (name === plain.name ? atLeast(0.9) : undefined)
    const rows = scores.map((score) => ratioRow(score.name, score, targetOf(score.name)))
    const named = [baselineRow(handWritten.name, scores), ...rows].map(async (row, i) => {
      const entrant = [handWritten, ...entrants][i] as Entrant
      return row.verdict === 'left out' ? row : { ...row, what: `${row.what}, ${await sizeOf(entrant)}` }
    })
    const notes = absent === undefined ? [] : [`Left out: this version does not compress (${absent.split(';')[0]})`]
    return { rows: await Promise.all(named), notes }
  },
}
