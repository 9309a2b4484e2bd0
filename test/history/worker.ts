import { onParentMessage, tellParent } from '../support/parent.ts'
import { breakCache, type Mutant } from './mutants.ts'
import { Random } from './random.ts'
import { Recorder } from './recorder.ts'
import { watchLeases } from './watching.ts'
import { Workload } from './workload.ts'

/** One process of the fleet: works until its input says that it is enough. */
const { HISTORY_REDIS_URL: url, HISTORY_FILE: file, HISTORY_BREAK: mutant } = process.env
if (!url || !file) throw new Error('run.ts starts this')
const by = Number(process.env.HISTORY_BY)
const seed = Number(process.env.HISTORY_SEED)

watchLeases()
if (mutant) breakCache(mutant as Mutant)
const recorder = new Recorder(file, by)
const workload = new Workload(url, recorder, new Random(seed * 1_000 + by))

const stopListening = onParentMessage(async () => {
  clearInterval(telling)
  await workload.stop()
  recorder.flush()
  tellParent({ type: 'done', operations: recorder.operations, ...workload.stats() })
  stopListening()
})
await workload.start()
tellParent({ type: 'ready' })
const telling = setInterval(() => tellParent({ type: 'operations', operations: recorder.operations }), 100)
