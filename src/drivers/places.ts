/**
 * How keys are called in this process: those of entries without the prefix, so that a call is looked up by what its key
 * function returned, and all others behind a space, which no such key holds.
 */
export interface Places {
  of(key: string): string
  keyAt(place: string): string
}

export function placesBelow(prefix: string): Places {
  const scope = `${prefix}::`
  return {
    of: (key) => (key.startsWith(scope) ? key.slice(scope.length) : ` ${key}`),
    keyAt: (place) => (place.startsWith(' ') ? place.slice(1) : scope + place),
  }
}
