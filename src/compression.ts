/**
 * How large values are compressed on their way to Redis. Any process reads what any other has written, whatever its own
 * options are. Values in memory are live objects and never compressed.
 *
 * @example
 * ```ts
 * import { createCache } from 'cachewell'
 *
 * export const cache = createCache({ compression: { above: 50_000, algorithm: 'brotli' } })
 * ```
 */
export interface CompressionOptions {
  /** Values of more bytes, as they are encoded, are compressed. Default 10,240. */
  above?: number
  /** Default `gzip`. `zstd` needs Node 22.15 or 23.8. */
  algorithm?: 'gzip' | 'brotli' | 'zstd'
  /** Larger is smaller and slower: 1 to 9 for gzip (default 1), 0 to 11 for brotli (4), 1 to 22 for zstd (1). */
  level?: number
}

export type Compression = Readonly<Required<CompressionOptions>>

export type Algorithm = Compression['algorithm']

/** What more than the usual ones would save is little, and dear: docs/large-values.md has the figures. */
export const LEVELS: Readonly<Record<Algorithm, readonly [least: number, most: number, usual: number]>> = {
  gzip: [1, 9, 1],
  brotli: [0, 11, 4],
  zstd: [1, 22, 1],
}

/** What `true` stands for. What it would save of smaller values, a network carries in less time than it takes to expand. */
export const USUAL: Compression = Object.freeze({ above: 10_240, algorithm: 'gzip', level: 1 })

/** What holds for a function: its own option, or else the cache's. `true` switches on what the cache would do. */
export function compressionFor(
  own: Compression | boolean | undefined,
  ofCache: Compression | undefined,
): Compression | undefined {
  if (own === undefined) return ofCache
  return own === true ? (ofCache ?? USUAL) : own || undefined
}
