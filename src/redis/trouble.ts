import { CacheTroubleError } from '../errors.ts'

/** Error replies that concern the key that was asked for, or our rights to it: the server itself is well. */
const LOCAL_CODES = new Set([
  ...['WRONGTYPE', 'NOPERM', 'ERR', 'CROSSSLOT', 'NOSCRIPT', 'NOREPLICAS'],
  // Writes are refused, for want of memory or disk; what is there can still be read.
  ...['OOM', 'MISCONF'],
  // In a cluster: the key is elsewhere, or on its way.
  ...['MOVED', 'ASK', 'TRYAGAIN'],
])

const REDIRECTIONS = new Set(['MOVED', 'ASK'])

/**
 * What a client threw, as something that may be logged. The original is not kept as a cause: ioredis attaches the
 * command with its arguments, keys, values and AUTH's password among them.
 */
export function toTrouble(error: unknown, secrets: readonly string[]): CacheTroubleError {
  if (error instanceof CacheTroubleError) return error
  const { message: given = error, code } = (error ?? {}) as { message?: unknown; code?: unknown }
  const message = String(given)
  const replyCode = (error as Error)?.name === 'ReplyError' ? /^[A-Z]+/.exec(message)?.[0] : undefined
  const short = replyCode ?? (typeof code === 'string' ? code : 'ERROR')
  // Node tries several addresses, and what it throws when all have failed has a code but no words.
  // Where a redirection leads must be left as it is, and holds no secrets.
  const shown = REDIRECTIONS.has(short) ? message : redact(message || short, secrets)
  return new CacheTroubleError(short, shown, replyCode !== undefined && LOCAL_CODES.has(replyCode))
}

export function redact(text: string, secrets: readonly string[]): string {
  return secrets.reduce((clean, secret) => (secret ? clean.replaceAll(secret, '***') : clean), text)
}
