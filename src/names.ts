import { must } from './checks.ts'
import { environment } from './environment.ts'

/**
 * What compilers and minifiers call a class. The next build may give the name to another one, and that would read the
 * values of the first.
 */
const GENERATED = /^(?:_?[a-z]{1,2}\d*|class(?:_\d+)?|(?:\w+_)?default(?:_\d+)?)$/

/** `undefined` for no name; a static member called `name` hides the name of the class too. */
export function nameOf(owner: object): string | undefined {
  const name: unknown = typeof owner === 'function' ? owner.name : owner.constructor?.name
  return typeof name === 'string' && !GENERATED.test(name) ? name : undefined
}

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
