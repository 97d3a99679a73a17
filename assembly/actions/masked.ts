// Fields changed under a mask (new = old & ~mask | value), and what the change means for a checksum: a
// difference, that is a sum of ~old + new over 16- or 32-bit values as loaded. One's complement sums do
// not mind the byte order, nor whether 16 or 32 bits are added at a time. A field that keeps its value
// makes a difference of 0 rather than one congruent to 0, which would turn a checksum of 0xffff into 0.

/** Changes 8 bits that are the first of a 16-bit value. */
export function replaceFirst8(at: u32, value: u32, mask: u32): u64 {
  const old: u32 = load<u8>(at);
  const changed = (old & ~mask & 0xff) | (value & 0xff);
  store<u8>(at, changed);
  return difference16(old, changed);
}

/** Changes 8 bits that are the second of a 16-bit value. */
export function replaceSecond8(at: u32, value: u32, mask: u32): u64 {
  const old: u32 = load<u8>(at);
  const changed = (old & ~mask & 0xff) | (value & 0xff);
  store<u8>(at, changed);
  return difference16(old << 8, changed << 8);
}

/** Changes 16 bits; only the low halves of value and mask count. */
export function replace16(at: u32, value: u32, mask: u32): u64 {
  const old: u32 = load<u16>(at);
  const changed = ((old & ~mask) | value) & 0xffff;
  store<u16>(at, changed);
  return difference16(old, changed);
}

/** Changes 32 bits. */
export function replace32(at: u32, value: u32, mask: u32): u64 {
  const old = load<u32>(at);
  const changed = (old & ~mask) | value;
  store<u32>(at, changed);
  return old === changed ? 0 : (~old as u64) + (changed as u64);
}

/** Changes a MAC address; value and mask are given by their addresses. */
export function replaceMac(at: u32, value: u32, mask: u32): u64 {
  return (
    replace32(at, load<u32>(value), load<u32>(mask)) +
    replace16(at + 4, load<u16>(value, 4), load<u16>(mask, 4))
  );
}

/** Changes 16 bytes; value and mask are given by their addresses. */
export function replace128(at: u32, value: u32, mask: u32): u64 {
  const old = v128.load(at);
  const changed = v128.or(v128.andnot(old, v128.load(mask)), v128.load(value));
  if (!v128.any_true(v128.xor(old, changed))) return 0;
  v128.store(at, changed);
  const gone = v128.not(old);
  const sums = i64x2.add(
    i64x2.add(i64x2.extend_low_i32x4_u(gone), i64x2.extend_high_i32x4_u(gone)),
    i64x2.add(i64x2.extend_low_i32x4_u(changed), i64x2.extend_high_i32x4_u(changed)),
  );
  return (i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1)) as u64;
}

function difference16(old: u32, changed: u32): u64 {
  return old === changed ? 0 : (((~old & 0xffff) + changed) as u64);
}
