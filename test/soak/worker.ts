import { Random } from '../history/random.ts'
import { onParentMessage, tellParent } from '../support/parent.ts'
import { late, sleep, within } from '../support/real-time.ts'
import { until } from '../support/until.ts'
import { Holdings, reachable } from './holdings.ts'
import { levels } from './levels.ts'
import type { Enter, Entered, Phase, Sample } from './messages.ts'
import { Problems } from './problems.ts'
import { Sockets } from './sockets.ts'
import { Workload } from './workload.ts'

/** One process of the fleet: works, and tells what it holds, until it is told that it is enough. */
const { SOAK_SERVER_URL: serverUrl, SOAK_CLUSTER_URL: clusterUrl, SOAK_BY, SOAK_SEED, SOAK_SAMPLE_MS } = process.env
if (!serverUrl || !clusterUrl) throw new Error('run-soak.ts starts this')
const by = Number(SOAK_BY)

/** A cache is back after one more probe of its breaker, mostly. The rest is for a machine that has other things to do. */
const RECOVERY_MS = 15_000
/** Who waits for the load of another process gives up after 10 s. */
const END_MS = 30_000
/** The system takes its time to close what was closed. */
const CLOSING_MS = 500

const began = performance.now()
const problems = new Problems()
problems.watchProcess()
const sockets = new Sockets()
const holdings = new Holdings()
holdings.observe()
const workloads = Object.entries({ server: serverUrl, cluster: clusterUrl }).map(
  ([name, url], i) => new Workload(name, url, by, new Random(Number(SOAK_SEED) * 1_000 + by * 10 + i), problems),
)
let phase: Phase = 'warm-up'

function sample(more: Record<string, number> = {}): void {
  const told: Sample = {
    type: 'sample',
    phase,
    at: (performance.now() - began) / 1_000,
    levels: { ...levels(holdings, sockets), ...more },
    counts: { ...sums(workloads.map((workload) => workload.stats())), waits: holdings.waits, problems: problems.count },
  }
  tellParent(told)
}

function sums(all: readonly Record<string, number>[]): Record<string, number> {
  const names = Object.keys(all[0] ?? {})
  const join = (name: string, values: number[]) =>
    name.startsWith('slowest') ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0)
  return Object.fromEntries(
    names.map((name) => [
      name,
      join(
        name,
        all.map((one) => one[name] ?? 0),
      ),
    ]),
  )
}

/** Redis is well again: calls are cached again. */
async function calm(): Promise<void> {
  const probe = (workload: Workload) => {
    const isWell = () => workload.probe().then(() => true)
    return until(isWell, { label: `${workload.name} to be well again`, timeoutMs: RECOVERY_MS, everyMs: 100 }).catch(
      (error) => problems.add('no recovery', String(error.message)),
    )
  }
  await Promise.all(workloads.map(probe))
}

/** Nothing more is asked: what is left is what was forgotten. */
async function rest(): Promise<void> {
  if ((await within(Promise.all(workloads.map((workload) => workload.stop())), END_MS)) === late) {
    problems.add('hung', `calls that do not end: ${workloads.flatMap((workload) => workload.overdue()).join(', ')}`)
  }
  clearInterval(sampling)
  const isIdle = () => Object.values(holdings.sizes()).every((size) => size === 0)
  await until(isIdle, { timeoutMs: RECOVERY_MS }).catch(() => {}) // The sample says what is left.
  sample(reachable())
}

async function close(): Promise<void> {
  await Promise.all(workloads.map((workload) => workload.close()))
  await sleep(CLOSING_MS)
  sample()
  stopListening()
}

const entering: Partial<Record<Phase, () => Promise<void>>> = { calm, rest, closed: close }

const stopListening = onParentMessage(async (message) => {
  phase = (message as Enter).enter
  await entering[phase]?.()
  const entered: Entered = { type: 'entered', phase }
  tellParent(entered)
})
for (const workload of workloads) workload.start()
const sampling = setInterval(() => {
  for (const what of workloads.flatMap((workload) => workload.overdue())) problems.add('hung', `${what} does not end`)
  sample()
}, Number(SOAK_SAMPLE_MS))
const entered: Entered = { type: 'entered', phase }
tellParent(entered)
