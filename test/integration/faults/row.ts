/** What the table says of a fault. */
export interface Row {
  readonly fault: string
  /** What a call gets of which a value was stored before. */
  readonly cached: string
  /** And of which none was. */
  readonly fresh: string
  readonly invalidated: string
  readonly set: string
  readonly logged: readonly string[]
  /** Of one run: these two are not compared. */
  readonly slowestMs: number
  readonly recoveryMs: number
}

const COMPARED = 6

export const HEADING = [
  '| fault | a stored value | a new one | `invalidate()` | `set()` | logged | slowest call | back after |',
  '|---|---|---|---|---|---|---|---|',
]

export function textOf({ fault, cached, fresh, invalidated, set, logged, slowestMs, recoveryMs }: Row): string {
  const lines = logged.map((line) => `\`${line.replaceAll('|', '\\|')}\``).join('<br>')
  const slowest = slowestMs < 50 ? '< 50 ms' : `${Math.round(slowestMs / 10) * 10} ms`
  const recovery = recoveryMs < 100 ? '< 0.1 s' : `${(recoveryMs / 1_000).toFixed(1)} s`
  return `| ${[fault, cached, fresh, invalidated, set, lines || 'nothing', slowest, recovery].join(' | ')} |`
}

/** What has to be the same in every run. In what order lines are logged is a matter of chance where servers race. */
export function comparable(text: string, withLog: boolean): readonly string[] {
  const cells = text.split(/(?<!\\)\|/).map((cell) => cell.trim())
  const [fault, cached, fresh, invalidated, set, logged] = cells.slice(1, 1 + COMPARED) as string[]
  const lines = withLog ? (logged?.split('<br>') ?? []).sort() : []
  return [fault, cached, fresh, invalidated, set, ...lines] as string[]
}
