import type { Phase, Problem, Sample } from './messages.ts'

/** What a level may come to in the last third of the storm: no more than each of these allows. */
export interface Bound {
  /** This much above the first third. */
  readonly more: number
  /** This share above the first third. */
  readonly share?: number
  /** At any time. */
  readonly most?: number
}

const MiB = 2 ** 20

/**
 * Medians are compared: what happens to Redis just then makes levels go up and down. Of what calls under way hold more
 * or less can be there at any time, and what they do not give back is found at rest, to the last one.
 */
export const BOUNDS: Readonly<Record<string, Bound>> = {
  heap: { more: 16 * MiB, share: 0.2 },
  external: { more: 16 * MiB },
  handles: { more: 100, most: 800 },
  descriptors: { more: 6, most: 80 },
  sockets: { more: 6, most: 40 },
  'listeners of a socket': { more: 2, most: 30 },
  'listeners of the process': { more: 0 },
  loads: { more: 50, most: 500 },
  renewals: { more: 50, most: 500 },
  'watched keys': { more: 50, most: 500 },
  // All keys and tags that there are, and no more.
  'deferred removals': { more: 1_000, most: 2_500 },
}

/** What may be left when nothing is asked any more. */
export const AT_REST: Readonly<Record<string, number>> = {
  // One for commands and one for news, to the single Redis and to each master of the cluster.
  sockets: 8,
  // The worker's own: its pipes.
  handles: 6,
  loads: 0,
  renewals: 0,
  'watched keys': 0,
  'deferred removals': 0,
  // What opened a connection, or set a timer, in the middle of a load, is kept in mind as long as that is there.
  'Flight objects': 20,
  'Watch objects': 0,
  'Connection objects': 16,
  'Timer objects': 40,
}

export const WHEN_CLOSED: Readonly<Record<string, number>> = { sockets: 0, handles: 6 }

const FEWEST_SAMPLES = 9
/** Each of them has to have happened, else nothing was shown. */
const EXERCISED = ['calls', 'hits', 'loads', 'stores', 'removals', 'deferred', 'replayed', 'waits', 'troubles']

export interface Growth {
  readonly first: number
  readonly last: number
  readonly most: number
  /** What `last` may be. */
  readonly limit: number
}

/** What is wrong with what one worker has told. */
export function judge(samples: readonly Sample[]): Problem[] {
  const storm = during('storm', samples)
  if (storm.length < FEWEST_SAMPLES) {
    return [{ rule: 'too little', text: `${storm.length} samples, and it takes ${FEWEST_SAMPLES} to compare thirds` }]
  }
  const growing = Object.entries(BOUNDS).flatMap(([level, bound]) => judgeGrowth(level, growthOf(level, storm), bound))
  return [
    ...growing,
    ...judgeEnd('at rest', during('rest', samples), AT_REST),
    ...judgeEnd('when closed', during('closed', samples), WHEN_CLOSED),
    ...judgeExercise(samples.at(-1) as Sample),
  ]
}

/** `undefined` where it could not be told. */
export function growthOf(level: string, storm: readonly Sample[]): Growth | undefined {
  const values = storm.map(({ levels }) => levels[level]).filter((value) => value !== undefined)
  const third = Math.floor(values.length / 3)
  if (third === 0) return undefined
  const { more = 0, share } = BOUNDS[level] ?? {}
  const first = median(values.slice(0, third))
  const limit = Math.min(first + more, share === undefined ? Number.POSITIVE_INFINITY : first * (1 + share))
  return { first, last: median(values.slice(-third)), most: Math.max(...values), limit }
}

function judgeGrowth(level: string, growth: Growth | undefined, { most = Number.POSITIVE_INFINITY }: Bound): Problem[] {
  if (growth === undefined) return []
  const found: Problem[] = []
  if (growth.last > growth.limit) {
    const text = `${level}: ${show(growth.first)} in the first third, ${show(growth.last)} in the last`
    found.push({ rule: 'growth', text: `${text}, where ${show(growth.limit)} would do` })
  }
  if (growth.most > most) found.push({ rule: 'too much', text: `${level}: ${show(growth.most)}, and at most ${most}` })
  return found
}

function judgeEnd(when: string, samples: readonly Sample[], most: Readonly<Record<string, number>>): Problem[] {
  const last = samples.at(-1)
  if (!last) return [{ rule: 'too little', text: `nothing was told ${when}` }]
  return Object.entries(most).flatMap(([level, limit]) => {
    const value = last.levels[level]
    if (value === undefined || value <= limit) return []
    return [{ rule: 'left over', text: `${level} ${when}: ${value}, and at most ${limit}` }]
  })
}

function judgeExercise({ counts }: Sample): Problem[] {
  return EXERCISED.filter((what) => !counts[what]).map((what) => ({ rule: 'too little', text: `no ${what}` }))
}

export function during(phase: Phase, samples: readonly Sample[]): Sample[] {
  return samples.filter((sample) => sample.phase === phase)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) / 2
  return ((sorted[Math.floor(at)] ?? Number.NaN) + (sorted[Math.ceil(at)] ?? Number.NaN)) / 2
}

/** Bytes where it must be bytes. */
export function show(value: number): string {
  return value < 100_000 ? String(Math.round(value * 10) / 10) : `${(value / MiB).toFixed(1)} MiB`
}
