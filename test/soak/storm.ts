import type { Random } from '../history/random.ts'
import { sleep, within } from '../support/real-time.ts'

/** Something that happens to a Redis. When it resolves all is well again, or soon will be. */
export interface Trouble {
  readonly name: string
  happen(): Promise<void>
}

/** One trouble after the other, each kind as often as the others, in an order of the seed's. */
export class Storm {
  /** How often each has happened. */
  readonly happened: Record<string, number> = {}
  /** What did not come about: that is the machine's fault, or that of the harness. */
  readonly failures: string[] = []
  #end = () => {}
  readonly #ended = new Promise<void>((resolve) => {
    this.#end = resolve
  })
  #over: Promise<void> | undefined

  constructor(
    readonly name: string,
    private readonly troubles: readonly Trouble[],
    private readonly random: Random,
    private readonly everyMs: number,
  ) {}

  begin(): void {
    this.#over = this.#rage()
  }

  /** Resolves when the last trouble is over. */
  async end(): Promise<void> {
    this.#end()
    await this.#over
  }

  async #rage(): Promise<void> {
    let over = false
    void this.#ended.then(() => {
      over = true
    })
    for (let left: Trouble[] = []; ; left = left.length > 0 ? left : [...this.troubles]) {
      await within(this.#ended, this.random.between(0.5, 1.5) * this.everyMs)
      if (over) return
      const [trouble] = left.splice(Math.floor(this.random.between(0, left.length)), 1)
      if (trouble) await this.#let(trouble)
    }
  }

  async #let({ name, happen }: Trouble): Promise<void> {
    try {
      await happen()
      this.happened[name] = (this.happened[name] ?? 0) + 1
    } catch (error) {
      this.failures.push(`${this.name}: ${name}: ${(error as Error).message.split('\n')[0]}`)
    }
  }
}

/** Everything that clients have open is closed, as a proxy or an operator would. */
export async function killClients(server: {
  command(...args: [string, ...string[]]): Promise<unknown>
}): Promise<void> {
  for (const type of ['normal', 'pubsub']) await server.command('CLIENT', 'KILL', 'TYPE', type)
}

/** Not answered for so long that breakers open, or just not. */
export async function hang(server: { pause(): void; resume(): void }, random: Random): Promise<void> {
  server.pause()
  await sleep(random.between(1_000, 3_000))
  server.resume()
}
