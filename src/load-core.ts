import type { Core } from './engine.ts'
import type { Events } from './events.ts'
import type { ResolvedOptions } from './options.ts'

/** The one dynamic import of a first call. */
export async function loadCore(options: ResolvedOptions, events: Events): Promise<Core> {
  const { makeCore } = await import('./core.ts')
  return makeCore(options, events)
}
