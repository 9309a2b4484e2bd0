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
const wall = Date.now.bind(Date)

export const systemClock: Clock = {
  now,
  wall,
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
  // Edge runtimes have no setImmediate; there is no poll phase to wait for there either.
  setImmediate: setImmediate ? (callback) => setImmediate(callback) : (callback) => setTimeout(callback, 0),
}
