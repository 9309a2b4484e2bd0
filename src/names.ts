import { must } from './checks.ts'
import { environment } from './environment.ts'

/**
 * Names that keys were derived from because none was given. Two functions behind one name would read each other's
 * values: bundlers rename classes, and a function made in a loop has the same name each time.
 */
export class Names {
  readonly #owners = new Map<string, WeakRef<object>>()

  /** @throws CacheConfigError when another function that is still there has the name */
  claim(name: string, owner: object): void {
    const known = this.#owners.get(name)?.deref()
    // While developing, modules are evaluated again and again: the newest is the one in use.
    must(
      known === undefined || known === owner || environment().NODE_ENV === 'development',
      `two cached functions would have keys named '${name}' and read each other's values: ` +
        `give one of them a key, as in key: '${name.slice(name.lastIndexOf('^') + 1).toLowerCase()}'`,
    )
    this.#owners.set(name, new WeakRef(owner))
  }
}
