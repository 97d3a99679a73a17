// HOT: hashing and comparing a key under a mask. A packet under a mask of lanes 0 and 1 reads 32 bytes of
// key, 32 of mask and 32 of flow.
//
// The hash is NH (Black et al., UMAC, CRYPTO '99; RFC 4418): sums of products of pairs of 32-bit words,
// each with a random key word added. It is 2^-32-almost-universal and takes one multiply a lane.

import { pmd, random32 } from "../core/state.ts";
import { FLOW_KEY } from "../layout/flow.ts";
import { KEY_LANE_COUNT } from "../layout/flow-key.ts";
import {
  MASK_BYTES,
  MASK_KIND,
  MASK_KIND_ANY,
  MASK_KIND_TWO,
  MASK_LANES,
  MASK_OFFSETS,
  MASK_SALT,
} from "../layout/mask.ts";
import { PMD_HASH_KEYS } from "../layout/pmd.ts";

let hashKeys: u32 = 0;
let finalKey: u64 = 0;

/** Draws the secret words of the hash. */
export function maskedHashInit(): void {
  hashKeys = pmd + PMD_HASH_KEYS;
  for (let i: u32 = 0; i < KEY_LANE_COUNT * 4; i++) store<u32>(hashKeys + (i << 2), random32());
  finalKey = ((random32() as u64) << 32) | (random32() as u64) | 1;
}

/** Hash of `key` under the mask. */
export function maskedHash(mask: u32, key: u32): u32 {
  const kind = load<u32>(mask, MASK_KIND);
  if (kind === MASK_KIND_ANY) return maskedHashAny(mask, key);
  let sum = i64x2.add(
    product(v128.and(v128.load(key), v128.load(mask, MASK_BYTES)), 0),
    product(v128.and(v128.load(key, 16), v128.load(mask, MASK_BYTES + 16)), 16),
  );
  if (kind === MASK_KIND_TWO) return finish(sum, mask);
  sum = i64x2.add(sum, product(v128.and(v128.load(key, 32), v128.load(mask, MASK_BYTES + 32)), 32));
  sum = i64x2.add(sum, product(v128.and(v128.load(key, 48), v128.load(mask, MASK_BYTES + 48)), 48));
  return finish(sum, mask);
}

/** Hash of a key that is packed and masked already, as a flow stores it. */
export function packedHash(mask: u32, packed: u32): u32 {
  const lanes = load<u32>(mask, MASK_LANES);
  let sum = i64x2.splat(0);
  for (let i: u32 = 0; i < lanes; i++) {
    sum = i64x2.add(sum, product(v128.load(packed + (i << 4)), load<u16>(mask + (i << 1), MASK_OFFSETS)));
  }
  return finish(sum, mask);
}

/** What is inlined where it is called. */
export class Masked {
  /** The hash's secret words for the lane at `offset`. */
  @inline static secret(offset: u32): v128 {
    return v128.load(hashKeys + offset);
  }

  /** maskedHash under a mask of lanes 0 and 1, for a loop over masks that holds the key and its secrets. */
  @inline static hashTwo(mask: u32, lane0: v128, lane1: v128, secret0: v128, secret1: v128): u32 {
    const keyed0 = i32x4.add(v128.and(lane0, v128.load(mask, MASK_BYTES)), secret0);
    const keyed1 = i32x4.add(v128.and(lane1, v128.load(mask, MASK_BYTES + 16)), secret1);
    return finish(i64x2.add(nh(keyed0), nh(keyed1)), mask);
  }

  /** maskedEquals, with the commonest kind of mask inline. */
  @inline static equals(flow: u32, mask: u32, key: u32): bool {
    if (load<u32>(mask, MASK_KIND) !== MASK_KIND_TWO) return maskedEquals(flow, mask, key);
    return !v128.any_true(
      v128.or(
        v128.xor(v128.and(v128.load(key), v128.load(mask, MASK_BYTES)), v128.load(flow, FLOW_KEY)),
        v128.xor(
          v128.and(v128.load(key, 16), v128.load(mask, MASK_BYTES + 16)),
          v128.load(flow, FLOW_KEY + 16),
        ),
      ),
    );
  }
}

/** Whether the flow, which lies under `mask`, matches the key. */
export function maskedEquals(flow: u32, mask: u32, key: u32): bool {
  const kind = load<u32>(mask, MASK_KIND);
  if (kind === MASK_KIND_ANY) return maskedEqualsAny(flow, mask, key);
  let difference = v128.or(
    v128.xor(v128.and(v128.load(key), v128.load(mask, MASK_BYTES)), v128.load(flow, FLOW_KEY)),
    v128.xor(v128.and(v128.load(key, 16), v128.load(mask, MASK_BYTES + 16)), v128.load(flow, FLOW_KEY + 16)),
  );
  if (kind === MASK_KIND_TWO) return !v128.any_true(difference);
  difference = v128.or(
    difference,
    v128.xor(v128.and(v128.load(key, 32), v128.load(mask, MASK_BYTES + 32)), v128.load(flow, FLOW_KEY + 32)),
  );
  difference = v128.or(
    difference,
    v128.xor(v128.and(v128.load(key, 48), v128.load(mask, MASK_BYTES + 48)), v128.load(flow, FLOW_KEY + 48)),
  );
  return !v128.any_true(difference);
}

function maskedHashAny(mask: u32, key: u32): u32 {
  const lanes = load<u32>(mask, MASK_LANES);
  let sum = i64x2.splat(0);
  for (let i: u32 = 0; i < lanes; i++) {
    const offset = load<u16>(mask + (i << 1), MASK_OFFSETS) as u32;
    sum = i64x2.add(
      sum,
      product(v128.and(v128.load(key + offset), v128.load(mask + (i << 4), MASK_BYTES)), offset),
    );
  }
  return finish(sum, mask);
}

function maskedEqualsAny(flow: u32, mask: u32, key: u32): bool {
  const lanes = load<u32>(mask, MASK_LANES);
  let difference = i64x2.splat(0);
  for (let i: u32 = 0; i < lanes; i++) {
    const offset = load<u16>(mask + (i << 1), MASK_OFFSETS) as u32;
    const masked = v128.and(v128.load(key + offset), v128.load(mask + (i << 4), MASK_BYTES));
    difference = v128.or(difference, v128.xor(masked, v128.load(flow + (i << 4), FLOW_KEY)));
  }
  return !v128.any_true(difference);
}

/** NH of the lane at `offset`: (w0 + k0)(w2 + k2) and (w1 + k1)(w3 + k3) as two 64-bit sums. */
function product(lane: v128, offset: u32): v128 {
  return nh(i32x4.add(lane, v128.load(hashKeys + offset)));
}

function nh(keyed: v128): v128 {
  return i64x2.extmul_low_i32x4_u(keyed, v128.shuffle<i32>(keyed, keyed, 2, 3, 0, 1));
}

function finish(sum: v128, mask: u32): u32 {
  const folded =
    i64x2.extract_lane(sum, 0) + rotl<u64>(i64x2.extract_lane(sum, 1), 32) + load<u64>(mask, MASK_SALT);
  return (((folded ^ (folded >> 32)) * finalKey) >> 32) as u32;
}
