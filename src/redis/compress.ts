import type { Algorithm, Compression } from '../compression.ts'
import type { Body, Draft, State, Value } from '../drivers/driver.ts'
import { KeptBody } from '../packing.ts'

/*
 * Values are compressed and expanded here, next to the wire, so that all above deals with bodies as they were packed:
 * a hit of a plain value costs one comparison more than without, and no promise.
 *
 * zlib runs in the thread pool where that is cheaper for the event loop. Handing work over takes the loop about as long
 * as compressing or expanding 10 kB, or expanding 100 kB (0.05 to 0.1 ms). So compressing, which begins above that,
 * which may be set to take much longer, and which no caller waits for, is always handed over. Expanding, for which
 * callers do wait, is handed over from 32 KiB on: what is smaller expands in less time than its JSON takes to parse.
 */
const AT_ONCE_BYTES = 32 * 1024
/** Of one read, which may be of 512 keys: some 2 ms. The rest is handed over, however small. */
const AT_ONCE_IN_ALL_BYTES = 256 * 1024
/**
 * Of either direction: more would take all threads of the pool from the rest of the program, and zlib allocates for all
 * that was begun, however few threads there are (256 KiB each; nodejs/node#8871).
 */
const AT_A_TIME = 2

type Zlib = typeof import('node:zlib')
type Options = import('node:zlib').ZlibOptions & import('node:zlib').BrotliOptions
type Callback = (error: Error | null, result: Buffer) => void
type Begin = (data: string | Buffer, options: Options, done: Callback) => void
type Run = (data: Buffer, options: Options) => Buffer

const METHODS = {
  gzip: { compress: 'gzip', expand: 'gunzip', expandNow: 'gunzipSync' },
  brotli: { compress: 'brotliCompress', expand: 'brotliDecompress', expandNow: 'brotliDecompressSync' },
  zstd: { compress: 'zstdCompress', expand: 'zstdDecompress', expandNow: 'zstdDecompressSync' },
} as const

/** With the first value that needs it: most services never do. */
let loading: Promise<Zlib> | undefined
function zlib(): Promise<Zlib> {
  loading ??= import('node:zlib')
  return loading
}

const turnToCompress = turns(AT_A_TIME)
const turnToExpand = turns(AT_A_TIME)

/** What is sent in place of a body, and what it was compressed with. */
export interface Sent {
  readonly data: string | Buffer
  readonly compression?: Algorithm
}

/** A promise only for what is to be compressed. @throws what zlib throws */
export function compress({ body, compression }: Draft): Sent | Promise<Sent> {
  return compression && body.size > compression.above ? compressed(body, compression) : plain(body)
}

async function compressed(body: Body, { algorithm, level }: Compression): Promise<Sent> {
  const library = await zlib()
  const { constants } = library as { constants: Record<string, number> }
  const param = (name: string, value: number) => ({ [constants[name] as number]: value })
  // What knows the size takes no more memory than for that.
  const settings = {
    gzip: { level },
    brotli: { params: { ...param('BROTLI_PARAM_QUALITY', level), ...param('BROTLI_PARAM_SIZE_HINT', body.size) } },
    zstd: { params: param('ZSTD_c_compressionLevel', level), pledgedSrcSize: body.size },
  }[algorithm]
  const begin = methodsOf(library, algorithm)?.compress
  // A program that was declared where there is zstd runs there; to be sure, the value goes as it is.
  if (!begin) return plain(body)
  const options = { ...settings, chunkSize: chunkFor(body.size / 2) }
  const data = await turnToCompress(() => promised(begin, body.data as string | Buffer, options))
  return data.byteLength < body.size ? { data, compression: algorithm } : plain(body)
}

function plain(body: Body): Sent {
  return { data: body.data as string | Buffer }
}

/** States with the bodies of compressed values as they were packed; a promise only where there are any. */
export function expandAll(states: readonly State[], maxBytes: number): readonly State[] | Promise<readonly State[]> {
  return states.some(isCompressed) ? expandThem(states, maxBytes) : states
}

async function expandThem(states: readonly State[], maxBytes: number): Promise<readonly State[]> {
  const library = await zlib()
  let left = AT_ONCE_IN_ALL_BYTES
  const inTurn = (value: Compressed) => {
    const { byteLength } = value.body.data
    const atOnce = byteLength <= Math.min(left, AT_ONCE_BYTES)
    if (atOnce) left -= byteLength
    return expanded(value, library, maxBytes, atOnce)
  }
  return Promise.all(states.map((state) => (isCompressed(state) ? inTurn(state) : state)))
}

type Compressed = Value & { readonly body: { readonly data: Buffer } }

function isCompressed(state: State): state is Compressed {
  if (state.kind !== 'value' || state.header.compression === undefined) return false
  // What is kept has been expanded.
  return state.body.data !== undefined && !(state.body instanceof KeptBody)
}

/** What cannot be expanded is a miss for its own key alone, like any payload that nobody can unpack. */
async function expanded(value: Compressed, library: Zlib, maxBytes: number, atOnce: boolean): Promise<Value> {
  const { header, body } = value
  const algorithm = header.compression as Algorithm
  const unreadable = (flaw: string): Value => ({ ...value, body: { ...body, data: undefined, flaw } })
  const methods = methodsOf(library, algorithm)
  if (!methods) return unreadable(`it is compressed with ${algorithm}, which this version of Node does not have`)
  const payload = body.data
  // What a few bytes expand to has no bounds of its own.
  const options = { maxOutputLength: maxBytes, chunkSize: chunkFor(payload.byteLength * 4) }
  try {
    const data = atOnce
      ? methods.expandNow(payload, options)
      : await turnToExpand(() => promised(methods.expand, payload, options))
    return { ...value, body: { ...body, data, size: data.byteLength } }
  } catch (error) {
    const isLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    return unreadable(isLarge ? `it expands to more than maxValueBytes (${maxBytes})` : 'its compression is corrupt')
  }
}

interface Methods {
  readonly compress: Begin
  readonly expand: Begin
  readonly expandNow: Run
}

/** `undefined` where this version of Node lacks the algorithm. */
function methodsOf(library: Zlib, algorithm: Algorithm): Methods | undefined {
  const all = library as unknown as Record<string, (Begin & Run) | undefined>
  const { compress, expand, expandNow } = METHODS[algorithm]
  const methods = { compress: all[compress], expand: all[expand], expandNow: all[expandNow] }
  return methods.expandNow && (methods as Methods)
}

function promised(begin: Begin, data: string | Buffer, options: Options): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    begin(data, options, (error, result) => (error ? reject(error) : resolve(result)))
  })
}

/** zlib comes back to the loop for every chunk of output: what is expected fits into one, or a few. */
function chunkFor(bytes: number): number {
  return Math.min(Math.max(Math.ceil(bytes), 16 * 1024), 256 * 1024)
}

/** Lets so many work at a time; the others wait, in order. */
function turns(atATime: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let free = atATime
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}
