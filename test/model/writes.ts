import { commitScope } from 'cachewell'
import type { Place, Result } from './functions.ts'
import type { Reference } from './reference.ts'
import type { System } from './system.ts'

/** Anything that changes what is stored, and is held until the commit where there is one to come. */
export interface Write {
  readonly label: string
  /** Carries it out on the reference: whether the cache may answer so. */
  expect(reference: Reference): (answer: unknown) => boolean
  carryOut(system: System): Promise<unknown>
  /** The answer in a transaction. */
  readonly held: unknown
}

const HELD = { removed: 0, deferred: true }

/** What was served before is counted; what is kept for other reasons, a lease for instance, may be. */
const hasRemoved = (stood: boolean) => (answer: unknown) => {
  const { removed, deferred } = answer as { removed: number; deferred: boolean }
  return !deferred && removed >= (stood ? 1 : 0)
}

export function invalidateByArguments(place: Place): Write {
  return {
    label: `${place.name}.invalidate(${place.id})`,
    expect: (reference) => hasRemoved(reference.invalidate((other) => other === place)),
    carryOut: (system) => system.fn(place).invalidate(place.id),
    held: HELD,
  }
}

export function invalidateByKey(place: Place): Write {
  return {
    label: `invalidate(['${place.name}', ${place.id}])`,
    expect: (reference) => hasRemoved(reference.invalidate((other) => other === place)),
    carryOut: (system) => system.cache.invalidate([place.name, place.id]),
    held: HELD,
  }
}

export function invalidateByPattern(pattern: string, hit: (place: Place) => boolean): Write {
  return {
    label: `invalidate('${pattern}')`,
    expect: (reference) => hasRemoved(reference.invalidate(hit)),
    carryOut: (system) => system.cache.invalidate(pattern),
    held: HELD,
  }
}

export function expireByArguments(place: Place): Write {
  return {
    label: `${place.name}.expire(${place.id})`,
    expect: (reference) => hasRemoved(reference.expire((other) => other === place)),
    carryOut: (system) => system.fn(place).expire(place.id),
    held: HELD,
  }
}

export function expireByPattern(name: string): Write {
  return {
    label: `invalidate('${name}:*', { mode: 'expire' })`,
    expect: (reference) => hasRemoved(reference.expire((place) => place.name === name)),
    carryOut: (system) => system.cache.invalidate(`${name}:*`, { mode: 'expire' }),
    held: HELD,
  }
}

export function invalidateByTags(tags: readonly string[]): Write {
  return {
    label: `invalidateTags(${tags.map((tag) => `'${tag}'`).join(', ')})`,
    expect(reference) {
      reference.invalidateTags(tags)
      return (answer) => !(answer as { deferred: boolean }).deferred
    },
    carryOut: (system) => system.cache.invalidateTags(...tags),
    held: { deferred: true },
  }
}

export function remove(place: Place): Write {
  return {
    label: `delete(['${place.name}', ${place.id}])`,
    expect(reference) {
      const stood = reference.invalidate((other) => other === place)
      return (answer) => answer === true || (answer === false && !stood)
    },
    carryOut: (system) => system.cache.delete([place.name, place.id]),
    held: false,
  }
}

export function store(place: Place, value: Result): Write {
  return {
    label: `${place.name}.set([${place.id}], ${JSON.stringify(value)})`,
    expect(reference) {
      const stored = reference.set(place, value)
      return (answer) => answer === stored
    },
    carryOut: (system) => system.fn(place).set([place.id], value && { ...value }),
    held: false,
  }
}

/** What a transaction has seen, and what others were served while it ran. */
export interface Transaction {
  readonly answer: unknown
  readonly called: unknown
  readonly peekedInside: unknown
  readonly peekedOutside: unknown
}

/** Writes in a transaction, calls, and lets others look before it ends. */
export async function transact(system: System, place: Place, write: Write, commits: boolean): Promise<Transaction> {
  let end!: () => void
  const ending = new Promise<void>((resolve) => {
    end = resolve
  })
  let inside!: Omit<Transaction, 'peekedOutside'>
  const scope = commitScope(async () => {
    const answer = await write.carryOut(system)
    const called = (await system.call(place)).outcome
    inside = { answer, called, peekedInside: await system.fn(place).peek(place.id) }
    await ending
    if (!commits) throw new Error('rolled back')
  })
  const ended = scope.then(
    () => 'committed',
    (error: Error) => error.message,
  )
  while (inside === undefined) await new Promise((resolve) => setImmediate(resolve))
  const peekedOutside = await system.fn(place).peek(place.id)
  end()
  if ((await ended) !== (commits ? 'committed' : 'rolled back')) throw new Error(`the transaction was ${await ended}`)
  return { ...inside, peekedOutside }
}
