/** When to stop sending commands to a server that does not answer them, and how often to look whether it does again. */
export interface BreakerRules {
  /** Opens after so many failures in a row. */
  readonly failuresInARow: number
  /** Opens when this share of the last {@link WINDOW} commands has failed. */
  readonly failureRate: number
  /** How long it stays open before the first probe, in ms; doubled with each probe that fails. */
  readonly probeAfterMs: number
  readonly probeAtMostMs: number
}

export type BreakerState = 'closed' | 'open' | 'half-open'

const WINDOW = 20

/**
 * A circuit breaker: Nygard, "Release It!". Closed, it counts; open, nothing is sent; half-open, one probe is under way,
 * and no caller waits for it. Its delays are spread at random, so that a fleet does not come back all at once, and grow
 * until it has been closed for a while: a server that answers probes and nothing else is not tried over and over.
 */
export class Breaker {
  readonly #rules: BreakerRules
  readonly #random: () => number
  #state: BreakerState = 'closed'
  #failedInARow = 0
  /** The last outcomes, a bit each, 1 for a failure. */
  #outcomes = 0
  #seen = 0
  #failedProbes = 0

  constructor(rules: BreakerRules, random: () => number = Math.random) {
    this.#rules = rules
    this.#random = random
  }

  get state(): BreakerState {
    return this.#state
  }

  succeeded(): void {
    this.#failedInARow = 0
    if (this.#count(0) === WINDOW) this.#failedProbes = 0
  }

  /** True when that was one failure too many. */
  failed(): boolean {
    const seen = this.#count(1)
    const { failuresInARow, failureRate } = this.#rules
    return ++this.#failedInARow >= failuresInARow || (seen >= WINDOW && ones(this.#outcomes) >= WINDOW * failureRate)
  }

  /** Opens it, or leaves it open after a probe that failed. In how many ms to probe. */
  open(): number {
    const { probeAfterMs, probeAtMostMs } = this.#rules
    this.#state = 'open'
    const most = Math.min(probeAtMostMs, probeAfterMs * 2 ** this.#failedProbes++)
    return most * (0.5 + this.#random() / 2)
  }

  probe(): void {
    this.#state = 'half-open'
  }

  close(): void {
    this.#state = 'closed'
    this.#failedInARow = this.#outcomes = this.#seen = 0
  }

  #count(outcome: 0 | 1): number {
    this.#outcomes = ((this.#outcomes << 1) | outcome) & ((1 << WINDOW) - 1)
    if (this.#seen < WINDOW) this.#seen++
    return this.#seen
  }
}

function ones(bits: number): number {
  let count = 0
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++
  return count
}
