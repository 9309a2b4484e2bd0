import { randomInt } from 'node:crypto'

/**
 * A port that is probably free. It is below those that systems hand to outgoing connections (from 32768 on Linux), and
 * so is its cluster bus, 10000 above: else a client that reconnects to a dead server's port can be given that very port
 * for its own end, and then talks to itself.
 */
export const likelyPort = (): number => randomInt(12_000, 22_000)
