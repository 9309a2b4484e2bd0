/** Begins to load ioredis: it is there, or nearly, when the first connection asks for it, to whom it is to say what is wrong. */
export function loadIoredisAhead(): void {
  import('ioredis').catch(() => {})
}
