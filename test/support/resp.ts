export type Reply = string | number | null | Reply[]

/** An error reply of Redis; `code` is its first word, such as `WRONGTYPE`. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError'

  get code(): string {
    return this.message.split(' ', 1)[0] ?? ''
  }
}

interface Parsed {
  reply: Reply | ReplyError
  /** Where the next reply begins. */
  next: number
}

export function encodeCommand(args: readonly (string | number | Buffer)[]): Buffer {
  const parts = args.map((arg) => (Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg))))
  const bulks = parts.flatMap((part) => [Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n')])
  return Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...bulks])
}

/** The RESP2 reply that begins at `at`; undefined while a part of it is still on its way. */
export function parseReply(bytes: Buffer, at = 0): Parsed | undefined {
  const lineEnd = bytes.indexOf('\r\n', at)
  if (lineEnd < 0) return undefined
  const text = bytes.toString('utf8', at + 1, lineEnd)
  const next = lineEnd + 2
  switch (String.fromCharCode(bytes[at] as number)) {
    case '+':
      return { reply: text, next }
    case '-':
      return { reply: new ReplyError(text), next }
    case ':':
      return { reply: Number(text), next }
    case '$':
      return parseBulk(bytes, next, Number(text))
    case '*':
      return parseArray(bytes, next, Number(text))
    default:
      throw new Error(`Not RESP2: ${bytes.toString('latin1', at, at + 40)}`)
  }
}

function parseBulk(bytes: Buffer, at: number, length: number): Parsed | undefined {
  if (length < 0) return { reply: null, next: at }
  const next = at + length + 2
  return bytes.length < next ? undefined : { reply: bytes.toString('utf8', at, at + length), next }
}

function parseArray(bytes: Buffer, at: number, length: number): Parsed | undefined {
  if (length < 0) return { reply: null, next: at }
  const replies: Reply[] = []
  let failure: ReplyError | undefined
  let next = at
  for (let i = 0; i < length; i++) {
    const item = parseReply(bytes, next)
    if (!item) return undefined
    next = item.next
    // An EXEC with one failed command is a failure to whoever asserts on it.
    if (item.reply instanceof ReplyError) failure ??= item.reply
    else replies.push(item.reply)
  }
  return { reply: failure ?? replies, next }
}
