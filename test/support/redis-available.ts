import { describeWhere } from './describe-where.ts'
import { findRedisBinary } from './redis-binary.ts'

/** For tests that need a redis-server; `CACHEWELL_REQUIRE_REDIS=1` lets none be skipped. */
export function describeRedis(name: string, fn: () => void): void {
  const needed = {
    program: 'redis-server',
    found: findRedisBinary() !== undefined,
    required: 'CACHEWELL_REQUIRE_REDIS',
    missing: 'no redis-server on this machine; install it, or set REDIS_SERVER_BIN',
    tests: 'The tests against a real Redis',
  }
  describeWhere(needed, name, fn)
}
