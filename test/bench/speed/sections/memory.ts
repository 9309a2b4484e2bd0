import { contest, type Entrant } from '../contest.ts'
import { atLeast, baselineRow, leftOut, type Row, ratioRow } from '../row.ts'
import type { CachewellSettings } from '../settings.ts'
import type { Section, Stage } from '../stage.ts'

type Isolation = 'share' | 'freeze' | 'clone'

/** Enough for a hit to be made thousands of times. */
const TURN_MS = 60
const ROUNDS = 6
const PEERS = { launches: 2, rounds: 3 } as const
const COPIES = { times: 5, of: 'bentocache' } as const
const TARGETS = { string: atLeast(0.6), array: atLeast(0.4) } as const

const VARIANTS = (['share', 'freeze', 'clone'] as const).flatMap((isolation) =>
  (['string', 'array'] as const).map((keyIs) => ({ isolation, keyIs })),
)
/** Frozen or shared makes no difference to a hit. */
const NEAR_VARIANTS = VARIANTS.filter(({ isolation }) => isolation !== 'freeze')

const titleOf = (isolation: Isolation, keyIs: string): string => {
  const whose = { share: 'object shared', freeze: 'object frozen', clone: 'a copy for each caller (the default)' }
  return `cachewell, ${whose[isolation]}, ${keyIs} key`
}

const settingsOf = (where: 'memory' | 'near', isolation: Isolation): CachewellSettings['options'] =>
  // `near` is not among the options that every version has.
  ({ memory: { isolation }, ...(where === 'near' ? { near: true } : {}) }) as CachewellSettings['options']

async function hits(stage: Stage, where: 'memory' | 'near', peers: readonly Entrant[]) {
  const store = where === 'memory' ? { url: 'memory:' as const } : {}
  const own = (isolation: Isolation, keyIs: 'string' | 'array') =>
    stage.cachewell(titleOf(isolation, keyIs), { ...store, keyIs, options: settingsOf(where, isolation) })
  const program = stage.program('member')
  const variants = where === 'memory' ? VARIANTS : NEAR_VARIANTS
  const entrants = variants.map(({ isolation, keyIs }) => own(isolation, keyIs))
  const pace = stage.pace(ROUNDS, TURN_MS)
  const scores = await contest(program, stage.lruCache(), [...entrants, ...peers], [1], pace)
  const mine = scores.slice(0, variants.length)
  const isThere = mine.every(({ absent }) => absent === undefined)

  const copies = own('clone', 'string')
  const serialized = stage.peer(COPIES.of, 'memory')
  const what = `${copies.name}, against ${serialized.name}`
  const target = atLeast(COPIES.times)
  const [copied] = isThere ? await contest(program, serialized, [copies], [1], pace) : []
  const rows: Row[] = [
    ...(isThere ? [baselineRow('hand-written: lru-cache', scores)] : []),
    ...mine.map((score, i) => {
      const { isolation, keyIs } = variants[i] as (typeof VARIANTS)[number]
      return ratioRow(score.name, score, isolation === 'clone' ? undefined : TARGETS[keyIs])
    }),
    copied ? ratioRow(what, copied, target) : leftOut(what, target),
    ...scores.slice(variants.length).map((score) => ratioRow(score.name, score)),
  ]
  return { rows, absent: mine.find(({ absent }) => absent !== undefined)?.absent }
}

export const memory: Section = {
  name: 'memory',
  title: 'A hit in memory',
  about: `One caller awaits one hit after the other. The baseline is an async function over \`lru-cache\` with \`max\` and
\`ttl\`, which makes its key of the argument and hands everyone the same object; ratios are to it. Peers: each with its own
memory store, bounded to 10,000 where it can be, and else as it comes. Copies are compared with BentoCache's, which
serializes. Rounds of each launch: ${ROUNDS}, of peers ${PEERS.rounds}
of ${PEERS.launches} launches, of ${TURN_MS} ms for each side.`,
  measure: async (stage) => hits(stage, 'memory', stage.peers('memory', PEERS)),
}

export const near: Section = {
  name: 'near',
  title: 'A hit in the near cache',
  about: `As in memory, of a cache over Redis with \`near: true\`.`,
  async measure(stage) {
    const { rows, absent } = await hits(stage, 'near', [])
    return {
      rows,
      notes: absent === undefined ? [] : [`Left out: this version has no near cache (${absent.split(';')[0]})`],
    }
  },
}
