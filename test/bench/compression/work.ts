import * as zlib from 'node:zlib'
import { median } from '../table.ts'

export interface Method {
  readonly name: string
  compress(data: Buffer): Buffer
  expand(data: Buffer): Buffer
}

export interface Work {
  readonly name: string
  readonly bytes: number
  readonly compressMs: number
  readonly expandMs: number
}

type Sync = (data: Buffer, options?: object) => Buffer

const { BROTLI_PARAM_QUALITY } = zlib.constants
const { zstdCompressSync, zstdDecompressSync } = zlib as { zstdCompressSync?: Sync; zstdDecompressSync?: Sync }
const { ZSTD_c_compressionLevel } = zlib.constants as unknown as Record<string, number>

const gzip = (level: number): Method => ({
  name: `gzip ${level}`,
  compress: (data) => zlib.gzipSync(data, { level }),
  expand: (data) => zlib.gunzipSync(data),
})
const brotli = (level: number): Method => ({
  name: `brotli ${level}`,
  compress: (data) => zlib.brotliCompressSync(data, { params: { [BROTLI_PARAM_QUALITY]: level } }),
  expand: (data) => zlib.brotliDecompressSync(data),
})
const zstd = (level: number): Method => ({
  name: `zstd ${level}`,
  compress: (data) => (zstdCompressSync as Sync)(data, { params: { [ZSTD_c_compressionLevel as number]: level } }),
  expand: (data) => (zstdDecompressSync as Sync)(data),
})

export const METHODS: readonly Method[] = [
  ...[gzip(1), gzip(6), brotli(1), brotli(4), brotli(5)],
  ...(zstdCompressSync ? [zstd(1), zstd(3)] : []),
]

/** What it takes to make and to read the JSON itself, to compare with. */
export function workOfJson(value: unknown, rounds: number): Work {
  const text = JSON.stringify(value)
  return {
    name: 'JSON',
    bytes: Buffer.byteLength(text),
    compressMs: medianMs(rounds, () => JSON.stringify(value)),
    expandMs: medianMs(rounds, () => JSON.parse(text)),
  }
}

export function workOf({ name, compress, expand }: Method, data: Buffer, rounds: number): Work {
  const small = compress(data)
  if (!expand(small).equals(data)) throw new Error(`${name} does not give back what it was given`)
  return {
    name,
    bytes: small.byteLength,
    compressMs: medianMs(rounds, () => compress(data)),
    expandMs: medianMs(rounds, () => expand(small)),
  }
}

function medianMs(rounds: number, work: () => unknown): number {
  const times = Array.from({ length: rounds }, () => {
    const began = performance.now()
    work()
    return performance.now() - began
  })
  return median(times)
}
