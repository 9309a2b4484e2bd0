import type { Random } from '../history/random.ts'
import { sleep } from '../support/real-time.ts'
import type { RedisServer } from '../support/redis-server.ts'
import { hang, killClients, type Trouble } from './storm.ts'

/** What happens to a single Redis. It starts with what was saved last, if anything was. */
export function serverTroubles(server: RedisServer, random: Random): Trouble[] {
  return [
    { name: 'restarted', happen: () => server.restart() },
    {
      name: 'gone for a while',
      async happen() {
        await server.kill()
        await sleep(random.between(500, 3_000))
        await server.restart()
      },
    },
    {
      name: 'back with old data',
      async happen() {
        await server.command('SAVE')
        await sleep(random.between(200, 2_000))
        await server.kill()
        await server.restart()
      },
    },
    { name: 'hung', happen: () => hang(server, random) },
    { name: 'clients killed', happen: () => killClients(server) },
    { name: 'flushed', happen: async () => void (await server.command('FLUSHALL')) },
  ]
}
