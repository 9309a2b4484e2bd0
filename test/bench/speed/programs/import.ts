// Imports nothing itself: what it loads it would take away from what is measured.

export interface ImportReport {
  readonly ms: number
  readonly loadsIoredis: boolean
}

const began = performance.now()
await import(process.env.SPEED_IMPORT as string)
const ms = performance.now() - began
const { createRequire } = await import('node:module')
// A CommonJS module such as ioredis ends up in this cache, imported or required.
const loaded = Object.keys(createRequire(import.meta.url).cache)
const loadsIoredis = loaded.some((path) => /[\\/]node_modules[\\/]ioredis[\\/]/.test(path))
console.log(JSON.stringify({ ms, loadsIoredis } satisfies ImportReport))
