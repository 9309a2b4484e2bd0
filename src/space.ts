/** Where keys and tags are that code names directly: below the cache's prefix, in a tenant or a namespace of it. */
export interface Space {
  /** What its keys begin with. */
  readonly keys: string
  /** What its tags begin with. */
  readonly tags: string
  /** What the versions of its values have behind that of the cache, as `levels` puts them together. */
  readonly version: string
}

/** All that a cache without tenants has. */
export const WHOLE: Space = Object.freeze({ keys: '', tags: '', version: '' })
