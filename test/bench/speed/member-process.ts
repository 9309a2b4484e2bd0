import { type Child, runChild } from '../../support/child.ts'
import { sleep } from '../../support/real-time.ts'
import { heard } from '../heard.ts'
import type { Ready, Turn, TurnReport } from './programs/member.ts'
import type { MemberSettings } from './settings.ts'

export interface Program {
  readonly file: URL
  readonly env: Record<string, string>
}

/** Hits. */
export interface Rate {
  readonly perSecond: number
  /** Of this process alone: what others do meanwhile, and waiting, do not count. */
  readonly perCpuSecond: number
}

const START_LIMIT_MS = 120_000
const TURN_LIMIT_MS = 30_000
const ATTEMPTS = 6
const RECOVERY_MS = 1_000
/** It ends with ours in any case. */
const LIFE_MS = 3_600_000

/** A fresh process in which one contestant is open, filled and warm. */
export class MemberProcess implements AsyncDisposable {
  /** Turns that had to be repeated, of all processes so far. */
  static repeated = 0
  readonly #child: Child
  /** Why there is nothing to measure. */
  readonly absent: string | undefined
  #turns = 0

  private constructor(child: Child, absent: string | undefined) {
    this.#child = child
    this.absent = absent
  }

  static async start(program: Program, settings: MemberSettings): Promise<MemberProcess> {
    const child = runChild(program.file, {
      env: { ...program.env, NODE_ENV: 'production', SPEED_SETTINGS: JSON.stringify(settings) },
      timeoutMs: LIFE_MS,
    })
    try {
      const { absent } = await heard<Ready>(child, 'ready', START_LIMIT_MS)
      return new MemberProcess(child, absent)
    } catch (error) {
      child.kill()
      await child.done
      throw error
    }
  }

  /**
   * A figure for anything else than hits would be worse than none: a turn with a load in it is repeated. It comes to that
   * where a machine is so busy that Redis takes longer to answer than a contestant waits.
   */
  async take(callers: number, forMs: number): Promise<Rate> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { calls, ms, cpuMs, loads } = await this.#turn(callers, forMs)
      if (loads === 0) return { perSecond: (calls / ms) * 1_000, perCpuSecond: (calls / cpuMs) * 1_000 }
      MemberProcess.repeated++
      await sleep(RECOVERY_MS)
    }
    throw new Error(`no turn of ${ATTEMPTS} was made of hits alone`)
  }

  #turn(callers: number, forMs: number): Promise<TurnReport> {
    const turn: Turn = { turn: ++this.#turns, callers, forMs }
    this.#child.send(turn)
    return heard<TurnReport>(this.#child, 'turn', TURN_LIMIT_MS, (report) => report.turn === turn.turn)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill()
    await this.#child.done
  }
}
