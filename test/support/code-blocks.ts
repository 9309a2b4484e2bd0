export interface Block {
  /** As it is named in messages. */
  readonly file: string
  /** Of the block's first line of code, counted from one. */
  readonly line: number
  readonly code: string
}

/** A block that begins with `// users.ts` is that file, which others on its page can import. */
export function nameOf({ code }: Block): string | undefined {
  return /^\/\/ (\w[\w.-]*\.ts)\n/.exec(code)?.[1]
}

/** Fenced blocks in the language `ts`. */
export function fencedBlocks(lines: readonly string[], file: string, firstLine: number): Block[] {
  const blocks: Block[] = []
  let open: { fence: string; indent: string; isCode: boolean; start: number } | undefined
  lines.forEach((text, index) => {
    const fence = /^(\s*)(`{3,}|~{3,})\s*(\S*)/.exec(text)
    if (open) {
      if (fence?.[3] !== '' || !fence[2]?.startsWith(open.fence)) return
      const { indent, start, isCode } = open
      const code = lines.slice(start, index).map((one) => (one.startsWith(indent) ? one.slice(indent.length) : one))
      if (isCode) blocks.push({ file, line: firstLine + start, code: `${code.join('\n')}\n` })
      open = undefined
    } else if (fence) {
      const [, indent = '', marks = '', language = ''] = fence
      open = { fence: marks, indent, isCode: /^(ts|typescript)$/i.test(language), start: index + 1 }
    }
  })
  if (open) throw new Error(`${file}:${firstLine + open.start - 1}: this block has no end`)
  return blocks
}
