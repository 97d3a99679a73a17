// Checksums for the plain model of the actions: whole sums over whole packets, nothing incremental.

/** The Internet checksum (RFC 1071) of the bytes, 0 to 65534; its field is taken as zero already. */
export function internetChecksum(covered: Buffer): number {
  let sum = 0;
  for (let i = 0; i < covered.length; i += 2) sum += covered[i]! * 256 + (covered[i + 1] ?? 0);
  return 65535 - (sum % 65535 === 0 ? 65535 : sum % 65535);
}

/**
 * The checksum field of a packet whose covered bytes went from `before` to `after`: right if it was
 * right, and otherwise wrong by as much as it was.
 */
export function carryChecksum(stored: number, before: Buffer, after: Buffer): number {
  if (before.equals(after)) return stored;
  return (stored + 65535 - internetChecksum(before) + internetChecksum(after)) % 65535;
}

/** CRC-32C of the bytes (RFC 9260 appendix A), bit by bit. */
export function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}
