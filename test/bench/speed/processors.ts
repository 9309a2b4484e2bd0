import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** Where there is a processor for the server and another for whoever measures, and the system can be told so: it is Linux's. */
export const canKeepApart = availableParallelism() > 1 && runOn(process.pid, 'all')

/** Has a process run on one processor, from 0 on. Its other threads, which collect garbage, go where they like. */
export function runOn(pid: number | undefined, processor: number | 'all'): boolean {
  const processors = processor === 'all' ? `0-${availableParallelism() - 1}` : `${processor}`
  return spawnSync('taskset', ['-cp', processors, `${pid}`]).status === 0
}
