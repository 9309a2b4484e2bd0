import { now } from '../support/real-time.ts'

/** In ms since the epoch, with fractions: what several processes have in common. */
export const wallClock = (): number => performance.timeOrigin + now()
