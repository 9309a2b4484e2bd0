import { Flight } from '../../src/flight.ts'
import { Journal } from '../../src/redis/journal.ts'
import { SCRIPTS } from '../../src/redis/scripts.ts'
import { Storing } from '../../src/storing.ts'
import { NEAR_MUTANTS } from './near-mutants.ts'

/*
 * Caches that do not keep the promises, made of the real one at run time: the checker has to find out each of them.
 */
const MUTANTS = {
  /** Results are stored whatever has become of the lease. */
  fence() {
    replaceScript('cachewellCommit', `redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1`)
  },

  /** Whoever comes while a load runs takes what it comes to. */
  joining() {
    Flight.prototype.mayServe = () => true
  },

  /** Entries note the stamps that stand after the load. */
  stamps() {
    const { store } = Storing.prototype
    Storing.prototype.store = async function (call, flight, lease, value, loadMs) {
      const noted = lease && (await this.note(call))
      return store.call(this, call, flight, noted ? { ...lease, noted } : lease, value, loadMs)
    }
  },

  /** Everybody is granted a lease, whoever else has one. */
  lease() {
    replaceScript('cachewellAcquire', `redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3]) return 'granted'`)
  },

  /** What could not be carried out is forgotten. Only trouble shows it. */
  journal() {
    Journal.prototype.add = () => {}
  },
}

const ALL = { ...MUTANTS, ...NEAR_MUTANTS }

export type Mutant = keyof typeof ALL

export const mutants = Object.keys(MUTANTS) as (keyof typeof MUTANTS)[]
export const nearMutants = Object.keys(NEAR_MUTANTS) as (keyof typeof NEAR_MUTANTS)[]

/** To be called before the cache is made. */
export function breakCache(mutant: Mutant): void {
  ALL[mutant]()
}

function replaceScript(name: keyof typeof SCRIPTS, lua: string): void {
  Object.assign(SCRIPTS, { [name]: lua })
}
