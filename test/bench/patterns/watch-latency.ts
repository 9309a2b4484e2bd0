import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'

/** The worst that others saw while something went on. */
export interface Latency {
  readonly ms: number
  /** Of this process' event loop. */
  readonly stallMs: number
  /** Of another client's pings to the same Redis, from another thread. */
  readonly pingMs: number
}

const RESOLUTION_MS = 1

/** Another client of the same Redis, which pings all the time and tells how long that took at worst. */
export class Pinger implements AsyncDisposable {
  readonly #worker: Worker

  /** @param program - pinger.ts, as JavaScript */
  constructor(program: URL, url: string) {
    this.#worker = new Worker(program, { workerData: url })
  }

  /** The worst since it was asked last. */
  worstMs(): Promise<number> {
    const answer = new Promise<number>((resolve) => this.#worker.once('message', resolve))
    this.#worker.postMessage('worst')
    return answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }
}

export async function watched(pinger: Pinger, work: () => Promise<unknown>): Promise<Latency> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  await pinger.worstMs()
  delay.enable()
  const began = performance.now()
  await work()
  const ms = performance.now() - began
  delay.disable()
  // Its timer is due each millisecond, and what it tells is from one time to the next.
  return { ms, stallMs: Math.max(0, delay.max / 1e6 - RESOLUTION_MS), pingMs: await pinger.worstMs() }
}
