/*
 * What a worker and the process that has started it tell each other, a JSON object on each line.
 */

/**
 * `warm-up`: it works, and nothing happens yet. `storm`: Redis is broken all the time. `calm`: no more, and the work goes
 * on. `rest`: no work. `closed`: and no cache.
 */
export type Phase = 'warm-up' | 'storm' | 'calm' | 'rest' | 'closed'

/** For the worker. It enters the phase, and says so when what belongs to it is done. */
export interface Enter {
  readonly enter: Phase
}

export interface Entered {
  readonly type: 'entered'
  readonly phase: Phase
}

/** Of a worker, taken after a garbage collection. */
export interface Sample {
  readonly type: 'sample'
  readonly phase: Phase
  /** Since its start, in seconds. */
  readonly at: number
  /** What must not grow: bytes, handles, and what the caches hold. */
  readonly levels: Readonly<Record<string, number>>
  /** What only grows: what was done, and what came of it. */
  readonly counts: Readonly<Record<string, number>>
}

/** A broken promise. */
export interface Problem {
  readonly rule: string
  readonly text: string
}

export interface Found extends Problem {
  readonly type: 'problem'
}

export type Message = Entered | Sample | Found
