import { type Contestant, cachewell, handWritten, PEER_NAMES, peer, uncached } from '../contestants.ts'

const OWN = [uncached, handWritten(new URL('./adapters/hand-written.ts', import.meta.url)), cachewell]

export const NAMES: readonly string[] = [...OWN.map(({ name }) => name), ...PEER_NAMES]

/** Of a peer: when the peers are installed. */
export const contestant = (name: string): Contestant => OWN.find((own) => own.name === name) ?? peer(name)
