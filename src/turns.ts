/** So many may run at a time. There is one who hands the turns out. */
export class Turns {
  #left: number
  #wake = () => {}

  constructor(count: number) {
    this.#left = count
  }

  /** A turn, when there is one. */
  async take(): Promise<Turn> {
    while (this.#left < 1) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return new Turn((difference) => {
      this.#left += difference
      if (difference > 0) this.#wake()
    })
  }
}

/** Of one that runs, or is about to find out whether it has to. */
export class Turn {
  readonly #change: (difference: 1 | -1) => void
  #held = false

  constructor(change: (difference: 1 | -1) => void) {
    this.#change = change
    this.hold()
  }

  /**
   * It runs after all. It never waits for that: whoever runs may be waiting for it. If all turns are taken, there is one
   * more than there should be, and the next to be handed out comes the later.
   */
  hold(): void {
    if (this.#held) return
    this.#held = true
    this.#change(-1)
  }

  /** It has ended, or waits for somebody else. */
  pass(): void {
    if (!this.#held) return
    this.#held = false
    this.#change(1)
  }
}
