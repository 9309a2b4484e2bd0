type Crypto = typeof import('node:crypto')

/** Found when it is first needed: it takes as long to load as all that importing this package does. */
let crypto: Crypto | undefined

// A Node before 20.16, or another runtime, has no way to do so at once: it begins now, and is ready for the first call.
if (!globalThis.process?.getBuiltinModule) {
  import('node:crypto').then(
    (loaded) => {
      crypto = loaded
    },
    () => {},
  )
}

/** SHA-256, 256 bits in 43 characters. */
export function digest(text: string): string {
  crypto ??= process.getBuiltinModule('node:crypto')
  return crypto.createHash('sha256').update(text).digest('base64url')
}
