import fc from 'fast-check'
import { Call, CallAtOnce, Do, Hold, InTransaction, Peek, Refresh, Release } from './commands.ts'
import { IDS, type Name, type Place, type Result, TAGS } from './functions.ts'
import { Advance, ChangeSource, TurnSource } from './outside.ts'
import type { Command, Commands } from './step.ts'
import {
  expireByArguments,
  expireByPattern,
  invalidateByArguments,
  invalidateByKey,
  invalidateByPattern,
  invalidateByTags,
  remove,
  store,
  type Write,
} from './writes.ts'

/**
 * Commands on these entries. Each list of them does without some of the kinds that there are: what one kind brings
 * about, another would mostly undo, so that with all of them no long story would come about.
 */
export function commandsOn(places: readonly Place[], maxCommands: number): fc.Arbitrary<Commands> {
  const place = placeIn(places)
  const call = place.map((at) => new Call(at))
  const always = [call, call, toEdge]
  const kinds = [...loading(place), ...outside, ...changing(place)]
  return fc
    .subarray(kinds, { minLength: 2 })
    .chain((some) => fc.commands([...always, ...some], { maxCommands, size: 'max' }))
}

/** One of them more often, so that more happens to the same entry. */
const id = fc.constantFrom(...IDS, IDS[0], IDS[0], IDS[0])

function placeIn(places: readonly Place[]): fc.Arbitrary<Place> {
  const often = places.filter((place) => place.id === IDS[0])
  return fc.constantFrom(...places, ...often, ...often, ...often)
}

const toEdge: fc.Arbitrary<Command> = fc
  .record({ edge: fc.nat(2), offset: fc.constantFrom(-1, 0, 1) })
  .map((by) => new Advance(by))

function loading(place: fc.Arbitrary<Place>): fc.Arbitrary<Command>[] {
  return [
    place.map((at) => new CallAtOnce(at)),
    place.map((at) => new Hold(at, 'call')),
    place.map((at) => new Hold(at, 'late call')),
    place.map((at) => new Hold(at, 'refresh')),
    fc.nat(2).map((which) => new Release(which)),
    place.map((at) => new Refresh(at)),
    place.map((at) => new Peek(at)),
  ]
}

const group = fc.constantFrom('a', 'b')
const keep = fc.constantFrom(true, true, false)

/** Time passes, and the source comes and goes. */
const outside: fc.Arbitrary<Command>[] = [
  fc.constantFrom(1, 999, 1_000, 1_999, 2_000, 4_999, 5_000, 9_999, 10_000, 30_000).map((ms) => new Advance(ms)),
  toEdge,
  fc.tuple(id, group, keep).map((parts) => new ChangeSource(...parts)),
  id.map((at) => new TurnSource(at, 'fails')),
  id.map((at) => new TurnSource(at, 'well')),
  fc.tuple(id, fc.constantFrom('null', 'undefined')).map((parts) => new TurnSource(...parts)),
]

function changing(place: fc.Arbitrary<Place>): fc.Arbitrary<Command>[] {
  const writes = writesOn(place)
  const transaction = fc.tuple(place, fc.oneof(...writes), fc.boolean())
  return [
    ...writes.map((write) => write.map((one) => new Do(one))),
    transaction.map((parts) => new InTransaction(...parts)),
  ]
}

function writesOn(place: fc.Arbitrary<Place>): fc.Arbitrary<Write>[] {
  // Versions that the source does not come to.
  const version = fc.integer({ min: 1_000, max: 9_999 })
  const row = fc.record({ id, version, group, keep }, { noNullPrototype: true })
  const value: fc.Arbitrary<Result> = fc.oneof({ weight: 5, arbitrary: row }, fc.constantFrom(null, undefined))
  return [
    place.map(invalidateByArguments),
    place.map(invalidateByKey),
    place.map(expireByArguments),
    place.map(({ name }) => expireByPattern(name)),
    place.map(remove),
    place.chain(({ name }) => fc.constantFrom(...patternsOn(name))),
    fc.subarray([...TAGS], { minLength: 1, maxLength: 2 }).map(invalidateByTags),
    fc.tuple(place, value).map((parts) => store(...parts)),
  ]
}

function patternsOn(name: Name): Write[] {
  return [
    invalidateByPattern(`${name}:*`, (place) => place.name === name),
    invalidateByPattern(`${name}:[12]`, (place) => place.name === name && place.id < 3),
    invalidateByPattern('*:1', (place) => place.id === 1),
    invalidateByPattern(`?${name.slice(1)}:3`, (place) => place.name === name && place.id === 3),
  ]
}
