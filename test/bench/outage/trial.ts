import { type Child, runChild } from '../../support/child.ts'
import { sleep } from '../../support/real-time.ts'
import { RedisServer } from '../../support/redis-server.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'
import type { Contestant } from '../contestants.ts'
import { heard } from '../heard.ts'
import { wallClock } from '../wall-clock.ts'
import type { News, OutageReport, RecoveryReport } from './member.ts'
import type { Outage, Place } from './outages.ts'
import { CALL_LIMIT_MS, OUTAGE_MS, RECOVERY_LIMIT_MS } from './settings.ts'

/** One contestant, as it comes or not, and what it has to endure. */
export interface Entry {
  readonly contestant: Contestant
  readonly outage: Outage
  readonly commandTimeout?: `${number}ms`
  /** So many more call at the same time until the outage: some of them it meets at each step of a call. */
  readonly crowd?: number
}

export interface Trial {
  readonly entry: Entry
  readonly outage?: OutageReport
  /** Not of those for whom a call did not come back. */
  readonly recovery?: RecoveryReport
  /** What the library threw outside of any call. */
  readonly uncaught: readonly string[]
  /** Why there is no more. */
  readonly error?: string
}

export interface Running {
  /** A call of it is out for so long that the machine is free for others. Or else it is over. */
  readonly idle: Promise<void>
  /** Never rejects. */
  readonly over: Promise<Trial>
}

const START_LIMIT_MS = 30_000
/** On top of what the calls take: the machine may be busy. */
const MARGIN_MS = 10_000
const LIFE_MS = START_LIMIT_MS + OUTAGE_MS + CALL_LIMIT_MS + RECOVERY_LIMIT_MS + 3 * MARGIN_MS
/** Calls with a Redis that is well, before it is not. */
const BEFORE_MS = 500

export function startTrial(entry: Entry, env: Record<string, string>): Running {
  let settle = () => {}
  const idle = new Promise<void>((resolve) => {
    settle = resolve
  })
  return { idle, over: trial(entry, env, settle).finally(settle) }
}

async function trial(entry: Entry, env: Record<string, string>, onWaiting: () => void): Promise<Trial> {
  const uncaught: string[] = []
  try {
    await using redis = await RedisServer.start()
    await using proxy = await TcpProxy.start(redis)
    const place = { redis, proxy }
    const child = runChild('test/bench/outage/member.ts', {
      env: environment(entry, place, env),
      timeoutMs: LIFE_MS,
      onMessage(message) {
        const { type, message: text } = message as { type?: string; message: string }
        if (type === 'waiting') onWaiting()
        if (type === 'uncaught') uncaught.push(text)
      },
    })
    try {
      return { entry, uncaught, ...(await conduct(child, entry.outage, place)) }
    } finally {
      child.kill()
      await child.done
    }
  } catch (error) {
    return { entry, uncaught, error: error instanceof Error ? error.message : String(error) }
  }
}

function environment(
  { contestant, outage, commandTimeout, crowd = 0 }: Entry,
  place: Place,
  env: Record<string, string>,
) {
  return {
    ...env,
    NODE_ENV: 'production',
    OUTAGE_ADAPTER: contestant.adapter.href,
    OUTAGE_REDIS_URL: outage.url(place),
    OUTAGE_CROWD: String(crowd),
    BENCH_COMMAND_TIMEOUT: commandTimeout,
  }
}

async function conduct(child: Child, outage: Outage, place: Place): Promise<Pick<Trial, 'outage' | 'recovery'>> {
  const tell = (event: News['event'], at: number) => child.send({ event, at } satisfies News)

  await heard(child, 'ready', START_LIMIT_MS)
  await sleep(BEFORE_MS)
  const struckAt = wallClock()
  await outage.strike(place)
  tell('struck', struckAt)
  const endured = await heard<OutageReport>(child, 'outage', OUTAGE_MS + CALL_LIMIT_MS + MARGIN_MS)
  if (endured.calls.at(-1)?.outcome === 'late') return { outage: endured }

  await outage.heal(place)
  tell('healed', wallClock())
  const recovery = await heard<RecoveryReport>(child, 'recovery', RECOVERY_LIMIT_MS + CALL_LIMIT_MS + MARGIN_MS)
  return { outage: endured, recovery }
}
