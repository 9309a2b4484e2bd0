import { pause, withDeadline } from '../deadline.ts'
import type { Removal } from '../drivers/driver.ts'
import { CacheTroubleError } from '../errors.ts'
import type { Watch } from '../watch.ts'
import type { ClientRecipe, RedisClient } from './client.ts'
import { identify } from './identity.ts'
import { keySlot } from './key-slot.ts'
import { sumOfBatches } from './removals.ts'
import { loadScripts } from './scripts.ts'
import { Server, type ServerOptions } from './server.ts'
import { type Endpoint, nameOf, readSlotMap, redirectionOf, type SlotMap } from './slot-map.ts'
import { type Feed, REMOVE_TIMEOUT_MS, type Reply, type Topology } from './topology.ts'
import { toTrouble } from './trouble.ts'

export interface ClusterOptions
  extends Omit<ServerOptions, 'recipe' | 'prepareMore' | 'mayBeReplica' | 'checkMore' | 'onStillAway'> {
  /** Some of its servers, to ask for the others. */
  readonly seeds: readonly Endpoint[]
  recipeFor(endpoint: Endpoint): ClientRecipe
}

/** How long the first callers wait until it is known who has which slot. */
const FIRST_WAIT_MS = 500
/** While a failover or a resharding goes on, everyone would ask all the time. */
const ASK_AGAIN_MS = 50
const MAX_REDIRECTIONS = 5
/** Each key is a command of its own: more of them would hold up this process for too long. */
const UNLINK_AT_ONCE = 250
/** So often a scan is repeated while slots are moving, and how long it waits in between. */
const MAX_SCANS = 5
const SCAN_AGAIN_MS = 100

/**
 * The masters of a Redis Cluster, each a server of its own, with a connection and a breaker of its own: one that is
 * hung costs the keys of the others nothing. Commands are sent once: what was not answered is not sent again, since it
 * might come to stand after an invalidation.
 */
export class Cluster implements Topology {
  readonly #options: ClusterOptions
  readonly #servers = new Map<string, { readonly endpoint: Endpoint; readonly server: Server }>()
  #map: SlotMap | undefined
  /** Of each slot, also while nobody has it. */
  readonly #lastOwners: string[] = []
  #asked = false
  #asking: Promise<void> | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  /** What the first callers wait for; gone when it took too long. */
  #first: Promise<void> | undefined
  #lastError: CacheTroubleError | undefined
  #closed = false

  constructor(options: ClusterOptions) {
    this.#options = options
  }

  away(key: string): boolean {
    const owner = this.#map?.[keySlot(key)]
    if (owner) return this.#serverAt(owner).away()
    if (!this.#asked || this.#first) return false
    void this.#ask()
    return true
  }

  async run<T>(
    key: string,
    command: string,
    send: (client: RedisClient) => Promise<T>,
    timeoutMs?: number,
  ): Promise<T> {
    const { commandTimeoutMs, clock } = this.#options
    await this.#known()
    let at = this.#ownerOf(key)
    let asking = false
    for (let redirections = 0; ; redirections++) {
      try {
        return await this.#serverAt(at).run(key, command, asking ? afterAsking(send) : send, timeoutMs)
      } catch (error) {
        const redirection = redirectionOf(error, at)
        if (!redirection || redirections === MAX_REDIRECTIONS) throw error
        // What is heard of changes is heard where we have asked first.
        this.#options.near?.changed(key)
        asking = redirection.kind === 'ASK'
        // Who has the slot now may have taken over without having got all that was acknowledged: `#install` sees to that.
        if (!asking) {
          const learnt = this.#learn(key, redirection.endpoint)
          await withDeadline(learnt, commandTimeoutMs, 'finding out who has which slot', clock)
        }
        at = redirection.endpoint
      }
    }
  }

  /** In a cluster MGET is only for keys of one slot: each server gets its own in one write. */
  async read(keys: readonly string[]): Promise<readonly Reply[]> {
    const get = (client: RedisClient, key: string) => client.getBuffer(key)
    return this.#each('GET', keys, get)
  }

  async unlink(keys: readonly string[]): Promise<number> {
    const unlink = (client: RedisClient, key: string) => client.unlink([key])
    return sumOfBatches(keys, UNLINK_AT_ONCE, async (batch) => {
      const counts = await this.#each('UNLINK', batch, unlink, REMOVE_TIMEOUT_MS)
      let removed = 0
      for (const count of counts) {
        if (count instanceof Error) throw count
        removed += count
      }
      return removed
    })
  }

  /** One command for each key, and one write for each server. */
  #each<T>(
    command: string,
    keys: readonly string[],
    send: (client: RedisClient, key: string) => Promise<T>,
    timeoutMs?: number,
  ): Promise<(T | CacheTroubleError)[]> {
    const one = (key: string) =>
      this.run(key, command, (client) => send(client, key), timeoutMs).catch((error) =>
        toTrouble(error, this.#options.secrets),
      )
    return Promise.all(keys.map(one))
  }

  /**
   * All masters, one after the other. Keys that are on their way from one to another while they are looked through may be
   * missed by both: then it begins again.
   */
  async *scan(glob: string, looked?: (keys: number) => void): AsyncGenerator<readonly string[]> {
    let last: string | undefined
    for (let scans = 1; ; scans++) {
      await this.#known()
      await this.#asking
      await this.#ask()
      const before = await this.#layout()
      for (const server of this.#masters()) yield* server.scan(glob, looked)
      const after = await this.#layout()
      // A slot that was left on its way is looked through twice: a key that moved went from its old master to the new one.
      if (before.text === after.text && (before.settled || before.text === last)) return
      last = after.text
      if (scans === MAX_SCANS) throw new CacheTroubleError('UNSTABLE', 'slots of the cluster went on moving')
      await pause(SCAN_AGAIN_MS, this.#options.clock)
    }
  }

  /** What every master says of itself: its slots, and which of them are on their way. */
  async #layout(): Promise<{ readonly text: string; readonly settled: boolean }> {
    const nodes = (client: RedisClient) => client.call('CLUSTER', 'NODES')
    const texts = await Promise.all(
      this.#masters().map((server) => server.run('', 'CLUSTER NODES', nodes, REMOVE_TIMEOUT_MS)),
    )
    // <id> <address> <flags> <master> <ping> <pong> <epoch> <link> <slot> … [<slot>->-<id>] …
    const slots = texts.map((text) => /^(\S+) \S+ \S*myself\S*(?: \S+){5} ?(.*)$/m.exec(String(text)))
    const text = slots.map((match) => `${match?.[1]} ${match?.[2]}`).join('\n')
    return { text, settled: !text.includes('[') }
  }

  watch(key: string): Watch {
    return this.#serverAt(this.#map?.[keySlot(key)] ?? (this.#options.seeds[0] as Endpoint)).watch(key)
  }

  async recheck(key: string): Promise<void> {
    await this.#serverAt(this.#ownerOf(key)).recheck()
  }

  feedOf(key: string): Feed | undefined {
    const owner = this.#map?.[keySlot(key)]
    return owner && this.#serverAt(owner).feedOf()
  }

  feeds(): readonly Feed[] {
    return Array.from(this.#servers.values(), ({ server }) => server.feeds()).flat()
  }

  /** By any of the masters: the others pass it on. */
  announce(removal: Removal): void {
    this.#masters()[0]?.announce(removal)
  }

  reset(key?: string): void {
    const owner = key === undefined ? undefined : this.#map?.[keySlot(key)]
    for (const { endpoint, server } of this.#servers.values()) {
      if (owner === undefined || nameOf(owner) === nameOf(endpoint)) server.reset()
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#servers.values(), ({ server }) => server.close()))
  }

  async #known(): Promise<void> {
    if (this.#map) return
    const asking = this.#ask()
    if (!this.#asked) this.#first = this.#waitAtMost(asking)
    this.#asked = true
    await this.#first
    if (this.#map) return
    throw this.#lastError ?? new CacheTroubleError('AWAY', 'no server of the cluster has said who has which slot')
  }

  async #waitAtMost(asking: Promise<void>): Promise<void> {
    await withDeadline(asking, FIRST_WAIT_MS, 'the first connection', this.#options.clock).catch(() => {})
    this.#first = undefined
  }

  #ownerOf(key: string): Endpoint {
    const owner = this.#map?.[keySlot(key)]
    if (owner) return owner
    void this.#ask()
    throw new CacheTroubleError('CLUSTERDOWN', 'no server of the cluster has the slot of this key')
  }

  /** A server has sent us to another one: it may have taken over, whatever the others know of that by now. */
  async #learn(key: string, endpoint: Endpoint): Promise<void> {
    // One that is under way may have been asked for before.
    await this.#asking
    await this.#ask(endpoint)
    const slot = keySlot(key)
    const owner = this.#map?.[slot]
    if (!owner || nameOf(owner) !== nameOf(endpoint)) this.#options.onChanged((other) => keySlot(other) === slot)
  }

  #masters(): Server[] {
    const owners = new Map((this.#map ?? []).flatMap((owner) => (owner ? [[nameOf(owner), owner] as const] : [])))
    return Array.from(owners.values(), (owner) => this.#serverAt(owner))
  }

  /** Asks who has which slot, one server after the other until one knows. Never rejects. */
  #ask(first?: Endpoint): Promise<void> {
    this.#asking ??= this.#askEach(first).finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askEach(first: Endpoint | undefined): Promise<void> {
    const { clock } = this.#options
    const soon = this.#askedAt + ASK_AGAIN_MS - clock.now()
    if (soon > 0) await pause(soon, clock)
    this.#askedAt = clock.now()
    const known = Array.from(this.#servers.values(), ({ endpoint }) => endpoint)
    const ready = known.filter((one) => this.#serverAt(one).ready)
    for (const endpoint of [...(first ? [first] : []), ...ready, ...this.#options.seeds, ...known]) {
      if (this.#closed) return
      try {
        const read = (client: RedisClient) => readSlotMap(client, endpoint)
        return this.#install(await this.#serverAt(endpoint).run('', 'CLUSTER SLOTS', read, REMOVE_TIMEOUT_MS))
      } catch (error) {
        this.#lastError = toTrouble(error, this.#options.secrets)
      }
    }
  }

  #install(map: SlotMap): void {
    this.#map = map
    const masters = new Set(map.flatMap((owner) => (owner ? [nameOf(owner)] : [])))
    for (const [name, { server }] of this.#servers) {
      if (masters.has(name)) continue
      this.#servers.delete(name)
      void server.close()
    }
    const changed = new Set<number>()
    map.forEach((owner, slot) => {
      if (!owner) return
      const name = nameOf(owner)
      if (this.#lastOwners[slot] !== undefined && this.#lastOwners[slot] !== name) changed.add(slot)
      this.#lastOwners[slot] = name
    })
    // A replica that has taken over may not have got what its master had acknowledged.
    if (changed.size > 0) this.#options.onChanged((key) => changed.has(keySlot(key)))
  }

  #serverAt(endpoint: Endpoint): Server {
    const name = nameOf(endpoint)
    const known = this.#servers.get(name)
    if (known) return known.server
    const server = new Server({
      ...this.#options,
      recipe: this.#options.recipeFor(endpoint),
      // A script that a slot on its way is asked for must be there: ioredis would send it anew, and without ASKING.
      prepareMore: loadScripts,
      mayBeReplica: true,
      checkMore: checkMaster,
      // Somebody may have taken over.
      onStillAway: () => void this.#ask(),
      onState: (state, error) => {
        this.#options.onState(state, error)
        if (state === 'lost') void this.#ask()
      },
    })
    this.#servers.set(name, { endpoint, server })
    return server
  }
}

/** A master that the others have given up, or that has become a replica, does not hear of all changes. */
async function checkMaster(client: RedisClient): Promise<void> {
  const [state, { replica }] = await Promise.all([client.call('CLUSTER', 'INFO'), identify(client)])
  if (!replica && String(state).includes('cluster_state:ok')) return
  throw new CacheTroubleError('CLUSTERDOWN', 'this server does not speak for its slots', true)
}

function afterAsking<T>(send: (client: RedisClient) => Promise<T>): (client: RedisClient) => Promise<T> {
  return (client) => {
    // In the same turn of the loop, so that nothing comes between the two.
    client.call('ASKING').catch(() => {})
    return send(client)
  }
}
