/** What follows `--only`. */
export function namesIn(text: string, known: readonly string[]): string[] {
  const names = text.split(',')
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`--only knows ${known.join(', ')}; not ${unknown}`)
  return names
}

export function wholeNumber(text: string, usage: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text)
  throw new Error(`'${text}' is no whole number above zero. ${usage}`)
}
