// A child that starts servers, says where they are, and does not dispose of them: it waits for its end.
import { tellParent } from './parent.ts'
import { RedisCluster } from './redis-cluster.ts'
import { RedisSentinel } from './redis-sentinel.ts'

async function start() {
  if (process.argv[2] === 'cluster') return (await RedisCluster.start()).nodes
  const { servers, sentinels } = await RedisSentinel.start()
  return [...servers, ...sentinels]
}

tellParent({ ports: (await start()).map((server) => server.port) })
setInterval(() => {}, 1_000)
