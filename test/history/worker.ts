import { onParentMessage, tellParent } from '../support/parent.ts'
import { breakCache, type Mutant } from './mutants.ts'
import { Random } from './random.ts'
import { Recorder } from './recorder.ts'
import { leaveHitsUnheard, watchLeases, watchNear, watchRevivals } from './watching.ts'
import { Workload } from './workload.ts'

/** What the parent may ask for: `hush` is answered when nothing changes the cache any more, until `speak`. */
export interface Order {
  readonly type: 'hush' | 'speak' | 'stop'
}

/** One process of the fleet: works until its input says that it is enough. */
const { HISTORY_CACHE_URL: url, HISTORY_TRUTH_URL: truthUrl, HISTORY_FILE: file, HISTORY_BREAK: mutant } = process.env
if (!url || !truthUrl || !file) throw new Error('run.ts starts this')
const by = Number(process.env.HISTORY_BY)
const seed = Number(process.env.HISTORY_SEED)

const nearMs = process.env.HISTORY_NEAR_MS === undefined ? undefined : Number(process.env.HISTORY_NEAR_MS)
watchLeases()
const nearTroubles = watchNear()
leaveHitsUnheard()
if (mutant) breakCache(mutant as Mutant)
const recorder = new Recorder(file, by)
watchRevivals(() => recorder.befell('revived'))
const workload = new Workload({ url, truthUrl, nearMs }, recorder, new Random(seed * 1_000 + by))

const orders: Record<Order['type'], () => Promise<void> | void> = {
  async hush() {
    await workload.hush()
    tellParent({ type: 'hushed' })
  },
  speak: () => workload.speak(),
  async stop() {
    clearInterval(telling)
    await workload.stop()
    recorder.flush()
    tellParent({ type: 'done', operations: recorder.operations, ...workload.stats(), ...nearTroubles })
    stopListening()
  },
}
const stopListening = onParentMessage((message) => void orders[(message as Order).type]())
await workload.start()
tellParent({ type: 'ready' })
const telling = setInterval(() => tellParent({ type: 'operations', operations: recorder.operations }), 100)
