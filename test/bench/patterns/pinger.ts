import { parentPort, workerData } from 'node:worker_threads'
import { Redis } from 'ioredis'

const client = new Redis(workerData as string)
let worst = 0
parentPort?.on('message', () => {
  parentPort?.postMessage(worst)
  worst = 0
})
for (;;) {
  const began = performance.now()
  await client.ping()
  worst = Math.max(worst, performance.now() - began)
  await new Promise((resolve) => setTimeout(resolve, 1))
}
