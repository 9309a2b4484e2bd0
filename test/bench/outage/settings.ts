/** The function that is cached takes so long. */
export const LOAD_MS = 5
/** Calls are made for so long while Redis is away. */
export const OUTAGE_MS = 3_000
/** A call that is not back by then is not waited for, and ends its contestant's row. */
export const CALL_LIMIT_MS = 5_000
export const RECOVERY_LIMIT_MS = 6_000
