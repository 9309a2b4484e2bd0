const WORDS = 'alpha beta gamma delta epsilon zeta eta theta order item price shipped pending returned'.split(' ')

/** Rows as an API returns them, the same ones each time: half of them are names and words, half is as good as random. */
export function rowsOf(bytes: number): unknown[] {
  const random = randomFrom(1)
  const word = () => WORDS[Math.floor(random() * WORDS.length)] as string
  const rows: unknown[] = []
  for (let length = 1; length < bytes; ) {
    const row = {
      id: rows.length,
      token: Math.floor(random() * 2 ** 48).toString(16),
      name: `${word()} ${word()} ${word()}`,
      cents: Math.floor(random() * 100_000),
      createdAt: new Date(1.7e12 + Math.floor(random() * 1e10)).toISOString(),
      active: random() > 0.5,
      tags: [word(), word()],
    }
    rows.push(row)
    length += JSON.stringify(row).length + 1
  }
  return rows
}

/** Park and Miller's. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
