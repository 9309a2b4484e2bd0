/** Identified by a badge: nothing personal has to be in a cache. */
export interface Driver {
  readonly id: number
  readonly badge: string
  readonly depot: string
}

export interface Incident {
  readonly id: number
  readonly driverId: number
  /** As 2026-01-31. */
  readonly date: string
  /** 1 is minor, 3 is severe. */
  readonly severity: number
}

/** Stands for the database: anything with promises will do. */
export class Table<Row extends { readonly id: number }> {
  /** How often it was read. */
  reads = 0
  readonly #rows = new Map<number, Row>()
  #lastId = 0

  async find(id: number): Promise<Row | null> {
    this.reads++
    return this.#rows.get(id) ?? null
  }

  async where(holds: (row: Row) => boolean): Promise<Row[]> {
    this.reads++
    return [...this.#rows.values()].filter(holds)
  }

  async insert(row: Omit<Row, 'id'>): Promise<Row> {
    const inserted = { ...row, id: ++this.#lastId } as Row
    this.#rows.set(inserted.id, inserted)
    return inserted
  }

  /** Returns the row as it was, or null where there is none to replace: in SQL, `select … for update` and `update`. */
  async replace(row: Row): Promise<Row | null> {
    const before = this.#rows.get(row.id)
    if (!before) return null
    this.#rows.set(row.id, row)
    return before
  }

  /** Returns the row that is gone: in SQL, `delete … returning *`. */
  async remove(id: number): Promise<Row | null> {
    const before = this.#rows.get(id)
    this.#rows.delete(id)
    return before ?? null
  }
}

export class Records {
  readonly drivers = new Table<Driver>()
  readonly incidents = new Table<Incident>()
}
