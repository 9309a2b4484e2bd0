import { must, show } from './checks.ts'

/**
 * A length of time: a string with units (`'500ms'`, `'30s'`, `'5m'`, `'1h30m'`, `'7d'`), or a number of **seconds**,
 * as in Redis. A bare number above 30 days (2,592,000) is refused: it was meant as milliseconds.
 */
export type Duration = string | number

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
/** Sticky: what stands between parts is not looked over. */
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/gy
const EXAMPLES = "write '500ms', '30s', '5m', '1h30m' or '7d', or a number of seconds"
const MAX_SECONDS = 30 * 86_400
/** The wire format has 13 digits for a point in time (until the year 2286), and a ttl has to stay well inside. */
const MAX_MS = 100 * 365 * UNITS.d

/**
 * The duration in whole milliseconds, at least 1.
 *
 * @param what - names the option in the error, for instance `ttl`
 * @throws CacheConfigError when it is no duration, not above zero, or a bare number above 30 days
 */
export function milliseconds(duration: Duration, what: string): number {
  const ms = typeof duration === 'number' ? fromSeconds(duration, what) : fromText(duration, what)
  must(ms > 0, `${what} must be above zero, got ${show(duration)}: ${EXAMPLES}`)
  must(ms <= MAX_MS, `${what} must be at most 100 years, got ${show(duration)}`)
  return Math.max(1, Math.round(ms))
}

function fromSeconds(seconds: number, what: string): number {
  must(Number.isFinite(seconds), `${what} must be a finite number, got ${seconds}: ${EXAMPLES}`)
  const days = Math.round(seconds / 86_400)
  must(
    seconds <= MAX_SECONDS,
    `${what} is ${seconds}, and a bare number is seconds: that is ${days} days. ` +
      `If milliseconds were meant, write '${seconds}ms', else write '${days}d'`,
  )
  return seconds * 1_000
}

function fromText(text: string, what: string): number {
  let sum = 0
  const add = (_: string, amount: string, unit: keyof typeof UNITS) => {
    sum += Number(amount) * UNITS[unit]
    return ''
  }
  const rest = typeof text === 'string' ? text.replace(PART, add) : text
  must(text !== '' && rest === '', `${what} is ${show(text)}, which is no duration: ${EXAMPLES}`)
  return sum
}
