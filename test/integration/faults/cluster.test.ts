import { afterAll, expect, test } from 'vitest'
import { describeRedis } from '../../support/redis-available.ts'
import { deniedInClusters, disposeOfClusters } from './cluster-faults.ts'
import { describeFaults } from './describe-faults.ts'

afterAll(disposeOfClusters)

describeFaults('cluster')

describeRedis('through all of that', () => {
  test('nothing was tried that the rights in the docs do not cover', async () => {
    expect(await deniedInClusters()).toEqual([])
  })
})
