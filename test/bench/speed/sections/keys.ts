import { RawSession } from '../../../support/raw-session.ts'
import { median } from '../../table.ts'
import { contest, type Entrant } from '../contest.ts'
import { MemberProcess } from '../member-process.ts'
import type { Curve } from '../plot.ts'
import { type Row, ratioRow } from '../row.ts'
import { databaseOf, FIRST_ID, type MemberSettings } from '../settings.ts'
import type { Section, Stage } from '../stage.ts'

const COUNTS = [1e3, 1e4, 1e5, 1e6]
const CALLERS = 64
const ROUNDS = 5
const TURN_MS = 120
/** A server that runs a script for longer answers nobody meanwhile. */
const COPIES_AT_A_TIME = 20_000
const COPY = `
local value = redis.call('DUMP', KEYS[1])
local head = string.sub(KEYS[1], 1, -1 - string.len(ARGV[1]))
for id = tonumber(ARGV[2]), tonumber(ARGV[3]) do redis.call('RESTORE', head .. id, ARGV[4], value, 'REPLACE') end`

interface Point {
  readonly count: number
  readonly theirs: number
  readonly ours: number
  readonly row: Row
}

/** Both once more for each number of keys, in processes of their own. */
async function against(stage: Stage, count: number, callers: number, theirs: Entrant, ours: Entrant): Promise<Point> {
  const pace = { launches: 1, rounds: ROUNDS, turnMs: TURN_MS }
  const [score] = await contest(stage.program('member'), theirs, [ours], [callers], pace)
  if (score === undefined) throw new Error('nobody took part')
  const row = ratioRow(`${ours.name}, ${count.toLocaleString('en')} keys`, score)
  return { count, theirs: median(score.baselineRates), ours: median(score.rates), row }
}

async function inMemory(stage: Stage, count: number): Promise<Point> {
  // One object for all keys: so many of their own would make it a test of the garbage collector.
  const more: Partial<MemberSettings> = { keys: count, value: 'one' }
  const shared = { url: 'memory:', keyIs: 'string', options: { memory: { isolation: 'share' } } } as const
  return against(stage, count, 1, stage.lruCache(more), stage.cachewell('memory', shared, more))
}

async function inRedis(stage: Stage, count: number): Promise<Point> {
  const filled = async (entrant: Entrant): Promise<Entrant> => {
    const settings: MemberSettings = { ...entrant.settings, value: 'one', keys: count }
    const seed = await MemberProcess.start(stage.program('member'), { ...settings, keys: 1 })
    await seed[Symbol.asyncDispose]()
    await copyFirst(stage, settings)
    return { ...entrant, settings: { ...settings, isFilled: true } }
  }
  const theirs = await filled(stage.handWritten())
  const ours = await filled(stage.cachewell('Redis', { keyIs: 'string' }))
  const point = await against(stage, count, CALLERS, theirs, ours)
  await stage.redis.command('FLUSHALL')
  return point
}

/** The first value at the keys of all others, in the server. */
async function copyFirst(stage: Stage, settings: MemberSettings): Promise<void> {
  using session = new RawSession(stage.redis)
  await session.command('SELECT', databaseOf(settings))
  const key = String(await session.command('RANDOMKEY'))
  const left = Number(await session.command('PTTL', key))
  for (let from = FIRST_ID + 1; from < FIRST_ID + settings.keys; from += COPIES_AT_A_TIME) {
    const to = Math.min(from + COPIES_AT_A_TIME, FIRST_ID + settings.keys) - 1
    await session.command('EVAL', COPY, 1, key, FIRST_ID, from, to, left)
  }
}

const curve = (name: string, points: readonly Point[], rate: (point: Point) => number): Curve => ({
  name,
  points: points.map((point) => [point.count, rate(point)]),
})

export const keys: Section = {
  name: 'keys',
  title: 'Throughput by the number of keys',
  about: `Hits in memory (one caller, object shared, one object for all keys) and in Redis (${CALLERS} callers), in an
order that no processor foresees; ratios are to the same by hand. From 10,000 keys on, nearly every value that comes from
Redis is parsed. Rounds for each number: ${ROUNDS}, in one launch.`,
  async measure(stage) {
    const memory: Point[] = []
    const redis: Point[] = []
    for (const count of COUNTS) {
      memory.push(await inMemory(stage, count))
      redis.push(await inRedis(stage, count))
    }
    const curves = (points: readonly Point[]) => [
      curve('cachewell', points, ({ ours }) => ours),
      curve('hand-written', points, ({ theirs }) => theirs),
    ]
    const axes = { x: { label: 'keys', scale: 'log' }, y: { label: 'hits per second', scale: 'linear' } } as const
    return {
      rows: [...memory, ...redis].map(({ row }) => row),
      plots: [
        { file: 'keys-memory.svg', title: 'Hits in memory by the number of keys', axes, curves: curves(memory) },
        { file: 'keys-redis.svg', title: `Hits in Redis by the number of keys`, axes, curves: curves(redis) },
      ],
    }
  },
}
