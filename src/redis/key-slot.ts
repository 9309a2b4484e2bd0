/** Of a cluster. */
export const SLOTS = 16_384

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

/** CRC16 (XMODEM), as in the Redis Cluster specification. Our keys hold no braces, and so no hash tags. */
export function keySlot(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(key)) crc = ((crc << 8) ^ (TABLE[((crc >> 8) ^ byte) & 0xff] as number)) & 0xffff
  return crc % SLOTS
}
