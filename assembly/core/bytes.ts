// Copying packets by vectors: memory.copy leaves WebAssembly for each call, which costs a packet of 64 bytes
// 2-3 ns and one of 566 bytes 15.

/** Longest packet that goes as four vectors. */
export const VECTORS_MAX: u32 = 64;

/** Longest packet that is worth copying by vectors: what a small frame holds, and its headroom. */
const LOOP_MAX: u32 = 2048;

/** What is inlined where it is called: a call makes the caller put all that it holds in memory. */
export class Bytes {
  /** Copies VECTORS_MAX bytes. */
  @inline static copyVectors(target: u32, source: u32): void {
    v128.store(target, v128.load(source));
    v128.store(target, v128.load(source, 16), 16);
    v128.store(target, v128.load(source, 32), 32);
    v128.store(target, v128.load(source, 48), 48);
  }
}

/** Copies `length` bytes to elsewhere; where they are fewer than 64, bytes behind the target are overwritten up to there. */
export function copyBytes(target: u32, source: u32, length: u32): void {
  if (length > LOOP_MAX) {
    memory.copy(target, source, length);
    return;
  }
  if (length > VECTORS_MAX) {
    const end = source + length - VECTORS_MAX;
    const lastTarget = target + length - VECTORS_MAX;
    for (; source < end; source += VECTORS_MAX, target += VECTORS_MAX) Bytes.copyVectors(target, source);
    Bytes.copyVectors(lastTarget, end);
    return;
  }
  Bytes.copyVectors(target, source);
}

/** 16 bits in network order from or to the host's. */
export function swap16(value: u32): u32 {
  return ((value & 0xff) << 8) | ((value >> 8) & 0xff);
}
