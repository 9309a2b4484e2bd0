import { contest } from '../contest.ts'
import { atLeast, baselineRow, ratioRow } from '../row.ts'
import type { Section, Stage } from '../stage.ts'

const OWN = 'cachewell, string key'
const TARGETS = new Map([
  [1, atLeast(0.95)],
  [64, atLeast(2)],
  [256, atLeast(2.8)],
])
const MANY = [64, 256]
const ROUNDS = 4
/** At least: no two processes are compiled alike. */
const LAUNCHES = 5
const PEERS = { launches: 2, rounds: 3 } as const
/** One caller alone makes some thousand hits in 100 ms: too few for a processor that has done something else before. */
const TURN_MS = { one: 500, many: 120 }

export const redis: Section = {
  name: 'redis',
  title: 'A hit in Redis',
  about: `So many callers in one process, each of which awaits one hit after the other; those of one moment ask for
different keys. The baseline is \`ioredis.get\` and \`JSON.parse\` over one client as it comes, in an async function that
makes its key of the argument. The keys are hot: what Redis gives again, byte for byte, is not parsed again. What hits cost
where there are too many keys for that is below, by the number of keys. Peers: Redis and nothing else to store in, as their guides set them up.
With one caller what counts is how long a round trip takes, and that is a third of the time while the system has put server
and program on one processor: there they are kept on processors of their own (on Linux, where there are two).
Launches: ${LAUNCHES} or more; rounds of each: ${ROUNDS}, of peers ${PEERS.rounds} of ${PEERS.launches} launches, of ${TURN_MS.one} ms for each side
with one caller, and of ${TURN_MS.many} ms with many.`,
  async measure(stage) {
    const one = await alone(stage)
    const many = await contestOf(stage, MANY, TURN_MS.many)
    const rows = [...TARGETS.keys()].flatMap((count) => {
      const title = (name: string) => `${name}, ${count} caller${count === 1 ? '' : 's'}`
      const here = [...one, ...many].filter((score) => score.callers === count)
      const targetOf = (name: string) => (name === OWN ? TARGETS.get(count) : undefined)
      return [
        baselineRow(title('hand-written'), here),
        ...here.map((score) => ratioRow(title(score.name), score, targetOf(score.name))),
      ]
    })
    return { rows }
  },
}

async function alone(stage: Stage) {
  using apart = stage.apart()
  return await contestOf(stage, [1], TURN_MS.one, apart.env)
}

function contestOf(stage: Stage, callers: readonly number[], turnMs: number, more: Record<string, string> = {}) {
  const some = { ...PEERS, callers: callers.slice(0, 1) }
  const entrants = [
    stage.cachewell(OWN, { keyIs: 'string' }),
    { ...stage.cachewell('cachewell, array key', { keyIs: 'array' }), ...some },
    ...stage.peers('redis', some),
  ]
  const { file, env } = stage.program('member')
  const pace = { ...stage.pace(ROUNDS, turnMs), launches: Math.max(LAUNCHES, stage.launches) }
  return contest({ file, env: { ...env, ...more } }, stage.handWritten(), entrants, callers, pace)
}
