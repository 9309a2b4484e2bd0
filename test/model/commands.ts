import type { Outcome, Place } from './functions.ts'
import type { Reference } from './reference.ts'
import { pass, Step } from './step.ts'
import type { Started, System } from './system.ts'
import { transact, type Write } from './writes.ts'

export class Call extends Step {
  constructor(readonly place: Place) {
    super()
  }

  /** It would look again four times a second, by the clock. */
  check(reference: Reference): boolean {
    return !reference.waitsForRenewal(this.place)
  }

  async act(reference: Reference, system: System): Promise<void> {
    const expected = reference.call(this.place)
    const started = await system.call(this.place)
    if (expected === undefined) system.waiting.get(this.place)?.push(started)
    this.agree(system, started.outcome, expected)
  }

  toString(): string {
    return `${this.place.name}(${this.place.id})`
  }
}

/** Calls that find the same at the same time: the function runs once for all of them. */
export class CallAtOnce extends Call {
  override check(reference: Reference): boolean {
    return super.check(reference) && !reference.held.has(this.place)
  }

  override async act(reference: Reference, system: System): Promise<void> {
    const expected = reference.call(this.place)
    const all = await Promise.all([1, 2, 3].map(() => system.call(this.place)))
    for (const { outcome } of all) this.agree(system, outcome, expected)
  }

  override toString(): string {
    return `three times at once ${super.toString()}`
  }
}

/** A call, or a refresh, whose load takes until it is let go; or a call as soon as the value is not fresh any more. */
export class Hold extends Step {
  constructor(
    readonly place: Place,
    readonly how: 'call' | 'late call' | 'refresh',
  ) {
    super()
  }

  check(reference: Reference): boolean {
    const { place } = this
    if (reference.held.has(place)) return false
    if (this.how === 'call') return reference.wouldLoad(place)
    if (this.how === 'late call') return reference.standing(place) === 'fresh' && reference.held.size === 0
    // Of what a tag has ended there may be something left to be refreshed beside: only the store knows.
    return reference.standing(place) !== 'none' || !hasTags(place)
  }

  async act(reference: Reference, system: System): Promise<void> {
    const { place } = this
    const does = this.how === 'refresh' ? 'refresh' : 'call'
    if (this.how === 'late call') await pass(reference, system, reference.freshFor(place))
    system.holdNext(place)
    const expected = reference.holding(() => reference[does](place))
    const started = await system[does](place)
    system.waiting.set(place, expected === undefined ? [started] : [])
    this.agree(system, started.outcome, expected)
  }

  toString(): string {
    return `hold ${this.how} of ${this.place.name}(${this.place.id})`
  }
}

/** A load that is held comes to its end, and whoever waits for it has an answer. */
export class Release extends Step {
  constructor(readonly which: number) {
    super()
  }

  check({ held }: Reference): boolean {
    return held.size > 0
  }

  async act(reference: Reference, system: System): Promise<void> {
    const held = [...reference.held.keys()]
    const place = held[this.which % held.length] as Place
    system.log(place.key)
    const stored = await system.release(place)
    const expected = reference.release(place, stored)
    const outcomes = (system.waiting.get(place) as Started[]).map(({ outcome }) => outcome)
    system.waiting.delete(place)
    this.agree(system, outcomes, outcomes.length === 0 ? [] : expected)
  }

  toString(): string {
    return `let go of held load ${this.which}`
  }
}

export class Refresh extends Step {
  constructor(readonly place: Place) {
    super()
  }

  /** A refresh waits for a load that has begun before it; then it and those who have joined are in no order. */
  check({ held }: Reference): boolean {
    return !held.has(this.place)
  }

  async act(reference: Reference, system: System): Promise<void> {
    const expected = reference.refresh(this.place)
    this.agree(system, (await system.refresh(this.place)).outcome, expected)
  }

  toString(): string {
    return `${this.place.name}.refresh(${this.place.id})`
  }
}

export class Peek extends Step {
  constructor(readonly place: Place) {
    super()
  }

  check(): boolean {
    return true
  }

  async act(reference: Reference, system: System): Promise<void> {
    this.agree(system, await system.fn(this.place).peek(this.place.id), reference.peek(this.place))
  }

  toString(): string {
    return `${this.place.name}.peek(${this.place.id})`
  }
}

export class Do extends Step {
  constructor(readonly write: Write) {
    super()
  }

  check(): boolean {
    return true
  }

  async act(reference: Reference, system: System): Promise<void> {
    const allows = this.write.expect(reference)
    const answer = await this.write.carryOut(system)
    this.agree(system, { answer, allowed: allows(answer) }, { answer, allowed: true })
  }

  toString(): string {
    return this.write.label
  }
}

/** The same in a transaction, which calls as well, and is committed or rolled back. */
export class InTransaction extends Step {
  constructor(
    readonly place: Place,
    readonly write: Write,
    readonly commits: boolean,
  ) {
    super()
  }

  check(): boolean {
    return true
  }

  async act(reference: Reference, system: System): Promise<void> {
    const called: Outcome = reference.callUncommitted(this.place)
    const peekedOutside = reference.peek(this.place)
    if (this.commits) this.write.expect(reference)
    const seen = await transact(system, this.place, this.write, this.commits)
    this.agree(system, seen, { answer: this.write.held, called, peekedInside: undefined, peekedOutside })
  }

  toString(): string {
    const { name, id } = this.place
    return `commitScope(${this.write.label}, ${name}(${id}))${this.commits ? '' : ', rolled back'}`
  }
}

function hasTags({ declared }: Place): boolean {
  return declared.tags !== undefined || declared.resultTags !== undefined
}
