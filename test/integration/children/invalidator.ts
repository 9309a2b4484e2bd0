import { defaultCache, invalidate } from 'cachewell'
import { tellParent } from '../../support/parent.ts'

// A script that invalidates twice and ends: nothing but the invalidations keeps it alive.
for (const pattern of ['a:*', 'b:*']) tellParent({ deferred: (await invalidate(pattern)).deferred })
await defaultCache.close()
