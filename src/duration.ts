import { must, mustBe } from './checks.ts'

/**
 * A length of time: a string with units (`'500ms'`, `'30s'`, `'5m'`, `'1h30m'`, `'7d'`), or a number of **seconds**,
 * as in Redis. A bare number above 30 days (2,592,000) is refused: it was meant as milliseconds.
 */
export type Duration = string | number

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const
/** Sticky: what stands between parts is not looked over. */
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/gy
const DURATION =
  "a duration such as '500ms', '30s', '5m', '1h30m' or '7d', or a number of seconds, above zero and up to 100 years"
const MAX_SECONDS = 30 * 86_400
/** The wire format has 13 digits for a point in time (until the year 2286), and a ttl has to stay well inside. */
const MAX_MS = 100 * 365 * UNITS.d

/**
 * The duration in whole milliseconds, at least 1.
 *
 * @param what - names the option in the error, for instance `ttl`
 * @throws CacheConfigError when it is no duration, not above zero, or a bare number above 30 days
 */
export function milliseconds(duration: unknown, what: string): number {
  const bare = typeof duration === 'number'
  const ms = bare ? duration * 1_000 : inText(duration)
  mustBe(ms > 0 && ms <= (bare ? Number.MAX_VALUE : MAX_MS), DURATION, duration, what)
  const days = Math.round(ms / UNITS.d)
  must(
    !bare || duration <= MAX_SECONDS,
    `${what} is ${duration} seconds, which is ${days} days: write '${duration}ms' if milliseconds were meant, else write '${days}d'`,
  )
  return Math.max(1, Math.round(ms))
}

/** Not a number where it is no duration. */
function inText(text: unknown): number {
  let sum = 0
  const add = (_: string, amount: string, unit: keyof typeof UNITS) => {
    sum += Number(amount) * UNITS[unit]
    return ''
  }
  return typeof text === 'string' && text.replace(PART, add) === '' ? sum : Number.NaN
}
