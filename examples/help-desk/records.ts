export interface Ticket {
  readonly id: number
  readonly text: string
  state: 'open' | 'closed'
  agent: string
}

/** What one tenant has. */
export interface Desk {
  readonly tickets: Ticket[]
  settings: { readonly signature: string }
}

/** Stands for the database, with the data of all tenants. */
export class Records {
  /** How often it was read. */
  queries = 0
  readonly #desks = new Map<string, Desk>()

  add(tenant: string, desk: Desk): void {
    this.#desks.set(tenant, desk)
  }

  async query<Result>(tenant: string, look: (desk: Desk) => Result): Promise<Result> {
    this.queries++
    return look(this.#deskOf(tenant))
  }

  /** What `work` changes is there when it has succeeded, and dropped when it throws. */
  async transaction(tenant: string, work: (desk: Desk) => Promise<void>): Promise<void> {
    const draft = structuredClone(this.#deskOf(tenant))
    await work(draft)
    this.#desks.set(tenant, draft)
  }

  #deskOf(tenant: string): Desk {
    const desk = this.#desks.get(tenant)
    if (!desk) throw new Error('no such tenant')
    return desk
  }
}
