// What a team needs to test its services without a Redis.

export type { Duration } from '../duration.ts'
export { CacheAssertionError } from './assertion-error.ts'
export type { Assertions, InvalidationTarget } from './assertions.ts'
export type { Recorded, RecordedCall } from './recording.ts'
export type { Target } from './target.ts'
export { createTestCache, type TestCache, type TestCacheOptions } from './test-cache.ts'
export { TestClock } from './test-clock.ts'
export { type InstalledTestCache, useTestCache } from './use-test-cache.ts'
