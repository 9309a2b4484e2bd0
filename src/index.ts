// Doors to the default cache, one per process.

export type { ByHand } from './by-hand.ts'
export type { Cache, CachePart } from './cache.ts'
// Caches of your own.
export { createCache } from './cache.ts'
// Declaring what is cached.
export type { CachedFactory, CachedFunction, CachedMembers } from './cached.ts'
export type { CachedManyFactory, CachedManyFunction, CachedManyMembers } from './cached-many.ts'
export type { Clock, Timer } from './clock.ts'
// Transactions.
export { commitScope } from './commit-scope.ts'
export type { CompressionOptions } from './compression.ts'
export { configureCache, defaultCache } from './configure.ts'
export type {
  CachedDecoratorFactory,
  CachedManyDecoratorFactory,
  CacheInvalidateDecoratorFactory,
  CacheUpdateDecoratorFactory,
} from './decorators.ts'
export {
  Cached,
  CachedMany,
  CacheInvalidate,
  CacheUpdate,
  cached,
  cachedMany,
  explain,
  invalidate,
  invalidateAll,
  invalidateTags,
  warm,
} from './default.ts'
export type { SetOptions } from './direct.ts'
export type { InvalidationMode } from './drivers/driver.ts'
export type { Duration } from './duration.ts'
export { CacheConfigError, CacheTroubleError, LoadTimeoutError } from './errors.ts'
// What happened.
export type {
  BypassEvent,
  BypassReason,
  CacheEvent,
  CacheListener,
  CacheStats,
  ConnectionEvent,
  HitEvent,
  InvalidateEvent,
  LoadErrorEvent,
  MissEvent,
  MissReason,
  NearStats,
  NoticeEvent,
  ReplayEvent,
  StoreEvent,
  Tier,
  TroubleEvent,
  UnstoredReason,
} from './events.ts'
export type { Explanation, LeaseState, StoredEntry, TagState } from './explanation.ts'
export type {
  InvalidateOptions,
  InvalidateProgress,
  InvalidateResult,
  InvalidateTagsResult,
  SweepOptions,
} from './invalidation.ts'
export type { Isolation } from './isolation.ts'
export type { Secret } from './key.ts'
// Keys and patterns.
export { secret } from './key.ts'
export type { KeyParts } from './key-plan.ts'
export { type LoadSignal, loadSignal } from './load-signal.ts'
export type { Logger } from './log.ts'
export type { CacheOptions } from './options.ts'
export type { Serializer } from './packing.ts'
export { pattern } from './pattern.ts'
export type { TierChoice } from './policy.ts'
export type { RedisClientLike } from './redis/check-client.ts'
export type { StandardSchema } from './schema.ts'
export type { Tenant, TenantResolver } from './tenant.ts'
export type {
  AsyncFunction,
  AsyncMethodDecorator,
  CachedFunctionOptions,
  CachedManyFunctionOptions,
  CachedManyOptions,
  CachedOptions,
  CacheInvalidateOptions,
  CacheUpdateOptions,
  Callable,
  FunctionDefaults,
  ManyFunction,
  ManyMethodDecorator,
  NamespaceOptions,
  NoOthers,
  PlainOptions,
  SelfOption,
  TemplateFor,
} from './types.ts'
export type { WarmOptions, WarmProgress, WarmResult } from './warm.ts'
