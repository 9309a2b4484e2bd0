/*
 * The core and what it needs of Redis, as one module: who knows from the start that there is a Redis waits for one import,
 * and not for two of which the second is asked for by the first.
 */
export { makeCore } from './core.ts'
export { openRedis } from './redis/open.ts'
