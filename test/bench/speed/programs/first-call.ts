// Imports nothing itself: what it loads it would take away from what is measured.

export interface FirstCallReport {
  readonly ms: number
  readonly loads: number
}

const began = performance.now()
const settings = JSON.parse(process.env.SPEED_SETTINGS as string)
const { default: adapter } = await import(settings.adapter)
let loads = 0
const get = await adapter(settings.url, async (id: number) => ({ id, loads: ++loads }), 3_600_000, settings)
await get(100)
const ms = performance.now() - began
console.log(JSON.stringify({ ms, loads } satisfies FirstCallReport))
process.exit()
