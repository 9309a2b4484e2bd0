import type { Contestant } from '../contestants.ts'
import { median, table } from '../table.ts'
import type { Traffic } from '../traffic.ts'
import type { Outcome } from './fleet.ts'

export interface Result {
  readonly contestant: Contestant
  readonly rounds: readonly Outcome[]
  readonly counted: readonly Traffic[]
}

export interface Summary {
  readonly name: string
  readonly version: string
  readonly loads: { readonly median: number; readonly worst: number }
  readonly overLoaderMs: { readonly median: number; readonly worst: number }
  readonly commands: number
  readonly inScripts: number
  readonly pushes: number
  /** Callers of all rounds together that did not get the value. */
  readonly failed: number
}

/** How much longer than the loader itself the slowest caller may wait. */
export const MAX_OVER_LOADER_MS = 30

export function summarise({ contestant, rounds, counted }: Result, loadMs: number): Summary {
  const loads = rounds.map((round) => round.loads)
  const over = rounds.map(({ slowestMs }) => slowestMs - loadMs)
  return {
    name: contestant.name,
    version: contestant.version,
    loads: { median: median(loads), worst: Math.max(...loads) },
    overLoaderMs: { median: median(over), worst: Math.max(...over) },
    commands: median(counted.map(({ commands }) => commands)),
    inScripts: median(counted.map(({ inScripts }) => inScripts)),
    pushes: median(counted.map(({ pushes }) => pushes)),
    failed: rounds.reduce((total, { failed }) => total + failed, 0),
  }
}

/** What cachewell promises and has not kept, a line each. */
export function brokenPromises({ loads, overLoaderMs, failed }: Summary): string[] {
  const broken: string[] = []
  if (loads.worst > 1) broken.push(`${loads.worst} loads in one stampede, where 1 is promised`)
  if (overLoaderMs.median > MAX_OVER_LOADER_MS) {
    broken.push(
      `the slowest caller waits ${ms(overLoaderMs.median)} ms over the loader, more than ${MAX_OVER_LOADER_MS}`,
    )
  }
  if (failed > 0) broken.push(`${failed} callers did not get the value`)
  return broken
}

const HEADS = ['', 'loads', 'slowest: median', 'worst', 'commands', '+ in scripts', 'messages'] as const

export function resultTable(summaries: readonly Summary[]): string {
  const rows = summaries.map(({ name, version, loads, overLoaderMs, commands, inScripts, pushes }) => [
    `${name} ${version}`.trim(),
    loads.worst === loads.median ? String(loads.median) : `${loads.median} (worst ${loads.worst})`,
    `+${ms(overLoaderMs.median)}`,
    `+${ms(overLoaderMs.worst)}`,
    String(commands),
    String(inScripts),
    String(pushes),
  ])
  return table(HEADS, rows)
}

const ms = (value: number): string => value.toFixed(1)
