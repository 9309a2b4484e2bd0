import { median } from '../../table.ts'
import { reportOf } from '../child-report.ts'
import type { Entrant } from '../contest.ts'
import type { FootprintReport } from '../programs/footprint.ts'
import { numberRow } from '../row.ts'
import type { Section } from '../stage.ts'

const ENTRIES = 100_000

export const footprint: Section = {
  name: 'footprint',
  title: 'Memory of an entry',
  about: `Heap and buffers after a garbage collection, per entry, ${ENTRIES.toLocaleString('en')} entries in memory with
values of two fields, in fresh processes. What the values take by themselves, in an array, has been taken off.`,
  async measure(stage) {
    const more = { keys: ENTRIES, value: 'small' } as const
    const own = (name: string, isolation: 'share' | 'clone') =>
      stage.cachewell(name, { url: 'memory:', keyIs: 'string', options: { memory: { isolation } } }, more)
    const lru = { ...stage.lruCache(more), name: 'hand-written: lru-cache' }
    const entrants = [lru, own('cachewell, object shared', 'share'), own('cachewell, copies', 'clone')]
    const alone: Entrant = { name: 'alone', settings: { ...lru.settings, adapter: stage.adapter('values-alone') } }
    const program = stage.program('footprint')
    const bytesOf = async ({ settings }: Entrant) =>
      (await reportOf<FootprintReport>(program, { SPEED_SETTINGS: JSON.stringify(settings) }, ['--expose-gc'])).bytes
    const over = entrants.map(() => [] as number[])
    for (let launch = 0; launch < stage.launches; launch++) {
      const values = await bytesOf(alone)
      for (const [i, entrant] of entrants.entries()) over[i]?.push((await bytesOf(entrant)) - values)
    }
    const theirs = median(over[0] ?? [])
    const rows = entrants.map(({ name }, i) => ({
      ...numberRow(name, over[i] ?? [], 'bytes'),
      absolute: `${(median(over[i] ?? []) / theirs).toFixed(2)} x`,
    }))
    return { rows }
  },
}
