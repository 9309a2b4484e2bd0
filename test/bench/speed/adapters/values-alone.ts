import type { SpeedAdapter } from '../settings.ts'

/** No cache: what the values take by themselves. */
const valuesAlone: SpeedAdapter = async (_url, load) => {
  const values: unknown[] = []
  return async (id) => {
    values[id] ??= await load(id)
    return values[id]
  }
}

export default valuesAlone
