// Internet checksums (RFC 1071), changed by the difference of what they cover (RFC 1624, equation 3), so
// that a checksum that was wrong stays wrong by as much; and SCTP's CRC32c (RFC 9260), changed likewise.
// Differences are made by masked.ts.

/** Changes the checksum at `address` by a difference. */
export function adjustChecksum(address: u32, difference: u64): void {
  if (difference === 0) return;
  store<u16>(address, adjusted(load<u16>(address), difference));
}

/** Changes UDP's checksum at `address`: 0 means that there is none, and a sum of 0 is sent as 0xffff. */
export function adjustUdpChecksum(address: u32, difference: u64): void {
  const old: u32 = load<u16>(address);
  if (old === 0 || difference === 0) return;
  const checksum = adjusted(old, difference);
  store<u16>(address, checksum === 0 ? 0xffff : checksum);
}

/**
 * The checksum field for a sum of 16-bit values. Adding the halves of a word to each other, carries
 * included, is adding the word to itself with its halves exchanged: the upper half is the answer.
 */
export function checksumOf(sum: u64): u32 {
  const folded = ((sum + rotl<u64>(sum, 32)) >> 32) as u32;
  return ~(folded + rotl<u32>(folded, 16)) >> 16;
}

/** The sum of `length` bytes as 16-bit values, an odd last byte being followed by a zero. */
export function sumBytes(address: u32, length: u32): u64 {
  const end = address + length;
  let sum: u64 = 0;
  let at = address;
  for (; at + 4 <= end; at += 4) sum += load<u32>(at);
  if (at + 2 <= end) {
    sum += load<u16>(at);
    at += 2;
  }
  if (at < end) sum += load<u8>(at);
  return sum;
}

/**
 * What a CRC32c changes by when 32 bits of the message, in the order of a little-endian load, change by
 * `difference` (old ^ new) and `trailing` bytes follow them. The CRC is linear, so the rest of the
 * message does not matter: the result is difference * x^(8 * trailing + 32) modulo the polynomial.
 */
export function crc32cDifference(difference: u32, trailing: u32): u32 {
  let factor = CRC32C_X32;
  let power = CRC32C_X8;
  for (let rest = trailing; rest !== 0; rest >>= 1) {
    if ((rest & 1) !== 0) factor = crc32cMultiply(factor, power);
    power = crc32cMultiply(power, power);
  }
  return crc32cMultiply(factor, difference);
}

/** x^32 and x^8 modulo the polynomial, and the polynomial itself, bits reflected: x^31 is bit 0. */
const CRC32C_X32: u32 = 0x82f63b78;
const CRC32C_X8: u32 = 0x00800000;
const CRC32C_POLYNOMIAL: u32 = 0x82f63b78;

/** The product of two polynomials modulo CRC32c's. */
function crc32cMultiply(a: u32, b: u32): u32 {
  let product: u32 = 0;
  let shifted = b;
  for (let bit: u32 = 0x80000000; bit !== 0; bit >>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) !== 0 ? (shifted >> 1) ^ CRC32C_POLYNOMIAL : shifted >> 1;
  }
  return product;
}

function adjusted(checksum: u32, difference: u64): u32 {
  return checksumOf(((~checksum & 0xffff) as u64) + difference);
}
