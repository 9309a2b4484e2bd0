import type { EventEmitter } from 'node:events'
import { readdirSync } from 'node:fs'
import type { Holdings } from './holdings.ts'
import type { Sockets } from './sockets.ts'

/** What must not grow, after a garbage collection. */
export function levels(holdings: Holdings, sockets: Sockets): Record<string, number> {
  if (!globalThis.gc) throw new Error('run-soak.ts starts this, with --expose-gc')
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  const open = sockets.open()
  return {
    heap: heapUsed,
    external,
    handles: process.getActiveResourcesInfo().length,
    ...descriptors(),
    sockets: open.length,
    'listeners of a socket': Math.max(0, ...open.map(listenersOf)),
    'listeners of the process': listenersOf(process),
    ...holdings.sizes(),
  }
}

function listenersOf(emitter: EventEmitter): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
}

/** What the system says is open. Only Linux tells it so simply. */
function descriptors(): { descriptors?: number } {
  try {
    return { descriptors: readdirSync('/proc/self/fd').length }
  } catch {
    return {}
  }
}
