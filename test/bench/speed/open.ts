import type { Load } from '../contestants.ts'
import { type Get, type MemberSettings, type SpeedAdapter, TTL_MS } from './settings.ts'

/** In the process that is measured: the contestant that the parent has chosen, around this function. */
export async function openContestant(load: Get): Promise<{ get: Get; settings: MemberSettings }> {
  const settings = JSON.parse(process.env.SPEED_SETTINGS as string) as MemberSettings
  const { default: adapter } = await import(settings.adapter)
  if (!settings.takesKey)
    return { get: await (adapter as SpeedAdapter)(settings.url, load, TTL_MS, settings), settings }
  const loadKey: Load = (key) => load(Number(key.slice('item:'.length)))
  const get = (await adapter(settings.url, loadKey, TTL_MS)) as Load
  return { get: (id) => get(`item:${id}`), settings }
}

/** Cachewell says so of an option that it does not have. */
export const isMissingOption = (error: unknown): error is Error =>
  error instanceof Error && error.name === 'CacheConfigError' && /has no option/.test(error.message)
