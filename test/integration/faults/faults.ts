import { clusterFaults } from './cluster-faults.ts'
import type { Fault } from './fault.ts'
import { networkFaults } from './network-faults.ts'
import { replyFaults } from './reply-faults.ts'
import { sentinelFaults } from './sentinel-faults.ts'
import { serverFaults } from './server-faults.ts'
import { tlsFaults } from './tls-faults.ts'

/** All that goes wrong, by the table of docs/reliability.md in which it stands. */
export const FAULTS = {
  server: serverFaults,
  network: networkFaults,
  replies: replyFaults,
  cluster: clusterFaults,
  sentinel: sentinelFaults,
  tls: tlsFaults,
} satisfies Record<string, readonly Fault[]>
