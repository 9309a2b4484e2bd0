import { contest } from '../contest.ts'
import { atLeast, baselineRow, ratioRow } from '../row.ts'
import type { Section } from '../stage.ts'

const TURN_MS = 120
const ROUNDS = 6
const PEERS = { launches: 2, rounds: 3 } as const
const TARGETS = new Map([
  [1, atLeast(0.95)],
  [64, atLeast(2)],
  [256, atLeast(2.8)],
])
const PEERS_AT = [1, 64]

export const redis: Section = {
  name: 'redis',
  title: 'A hit in Redis',
  about: `So many callers in one process, each of which awaits one hit after the other; those of one moment ask for
different keys. The baseline is \`ioredis.get\` and \`JSON.parse\` over one client as it comes, in an async function that
makes its key of the argument. The keys are hot: what Redis gives again, byte for byte, is not parsed again. What hits cost
where there are too many keys for that is below, by the number of keys. Peers: Redis and nothing else to store in, as their guides set them up.
Rounds of each launch: ${ROUNDS}, of peers ${PEERS.rounds} of ${PEERS.launches}
launches, of ${TURN_MS} ms for each side.`,
  async measure(stage) {
    const callers = [...TARGETS.keys()]
    const own = (keyIs: 'string' | 'array') => stage.cachewell(`cachewell, ${keyIs} key`, { keyIs })
    const entrants = [own('string'), { ...own('array'), ...PEERS, callers: PEERS_AT }]
    const peers = stage.peers('redis', { ...PEERS, callers: PEERS_AT })
    const pace = stage.pace(ROUNDS, TURN_MS)
    const scores = await contest(stage.program('member'), stage.handWritten(), [...entrants, ...peers], callers, pace)
    const rows = callers.flatMap((count) => {
      const title = (name: string) => `${name}, ${count} caller${count === 1 ? '' : 's'}`
      const here = scores.filter((score) => score.callers === count)
      const targetOf = (name: string) => (name === entrants[0]?.name ? TARGETS.get(count) : undefined)
      return [
        baselineRow(title('hand-written'), here),
        ...here.map((score) => ratioRow(title(score.name), score, targetOf(score.name))),
      ]
    })
    return { rows }
  },
}
