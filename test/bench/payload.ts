/** With it a value takes some 800 bytes as JSON. */
export const PAYLOAD = Array.from({ length: 10 }, (_, id) => ({
  id,
  name: `item number ${id}`,
  price: id * 1.5,
  tags: ['a', 'b'],
}))
