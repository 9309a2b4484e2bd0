// Taken when the module loads, so that a test's fake timers cannot freeze the harness around it.
const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis

/** Milliseconds on a clock that only goes forward. */
export const now = performance.now.bind(performance)

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => startTimer(resolve, ms))

export const late = Symbol('late')

/** What `promise` comes to, or `late`; leaves no timer behind to keep the process up. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | typeof late> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<typeof late>((resolve) => {
    timer = startTimer(() => resolve(late), ms)
  })
  try {
    return await Promise.race([promise, deadline])
  } finally {
    stopTimer(timer)
  }
}
