import { NoTenantError } from './errors.ts'
import type { Events } from './events.ts'
import type { Space } from './space.ts'

/** Does something with keys of who has asked. Where there is no tenant, nothing is stored either, and one notice says so. */
export function inSpace<T>(
  spaceOf: () => Space,
  name: string,
  events: Events,
  without: T,
  use: (space: Space) => Promise<T>,
  what = name,
): Promise<T> {
  let space: Space
  try {
    space = spaceOf()
  } catch (error) {
    if (!(error instanceof NoTenantError)) throw error
    const message = `${what} did nothing, since ${error.message}`
    events.emit({ type: 'notice', code: 'no-tenant', level: 'warn', name, message })
    return Promise.resolve(without)
  }
  return use(space)
}
