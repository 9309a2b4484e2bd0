/**
 * The one source of time. Durations are measured on `now`, which never jumps; `wall` is used only to find the offset
 * to the server's clock.
 */
export interface Clock {
  /** Milliseconds on a monotonic clock. */
  now(): number
  /** Milliseconds since 1970, by this host's clock. */
  wall(): number
  setTimeout(callback: () => void, ms: number): Timer
  clearTimeout(timer: Timer): void
  setImmediate(callback: () => void): void
}

export interface Timer {
  ref?(): unknown
  unref?(): unknown
}

// Captured when the module loads: a test that installs fake timers later must not stop our deadlines.
const { setTimeout, clearTimeout, setImmediate } = globalThis
const now = performance.now.bind(performance)
/** Those of Jest stop this, too. Edge runtimes have none, and no Redis to ask for it. */
export const nextTick = globalThis.process?.nextTick
const wall = Date.now.bind(Date)

/** Some 24 days: a timer that is set for longer would fire at once. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now,
  wall,
  setTimeout: (callback, ms) => setTimeout(callback, Math.min(ms, LONGEST_MS)),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  // Edge runtimes have no setImmediate; there is no poll phase to wait for there either.
  setImmediate: setImmediate ? (callback) => setImmediate(callback) : (callback) => setTimeout(callback, 0),
}
