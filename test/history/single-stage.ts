import { sleep } from '../support/real-time.ts'
import { RedisServer } from '../support/redis-server.ts'
import type { Stage } from './stage.ts'

/** One Redis, for the source of truth too: it is paused, and processes are killed and stopped. */
export async function singleStage(): Promise<Stage> {
  const redis = await RedisServer.start()
  return {
    urlFor: () => redis.url,
    truthUrl: redis.url,
    restMs: [500, 2_500],
    troubles(fleet, random) {
      const pause = () =>
        fleet.without(async () => {
          redis.pause()
          await sleep(random.between(200, 900))
          redis.resume()
        })
      return [
        ['pauses', pause],
        ['kills', () => fleet.kill()],
        ['pauses', pause],
        ['stops', () => fleet.stall()],
      ]
    },
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  }
}
