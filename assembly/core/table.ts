// The open-addressing hash table of layout/hash-table.ts: flows by masked key and flows by UFID.
//
// HOT: tableHome, and the probes in classifier/lookup.ts. COLD: everything that changes the table.

import {
  TABLE_BASE,
  TABLE_BUCKET_SIZE,
  TABLE_BUCKET_WAYS,
  TABLE_COUNT,
  TABLE_MASK,
  TABLE_MOVE_BUCKETS,
  TABLE_OLD_BASE,
  TABLE_OLD_CURSOR,
  TABLE_OLD_MASK,
  TABLE_SIGNATURE_DELETED,
  TABLE_USED,
} from "../layout/hash-table.ts";

/** The signature of a hash: never 0 (empty) or 1 (deleted). */
export function tableSignature(hash: u32): u32 {
  return hash < 2 ? hash + 2 : hash;
}

/** Binds a table to fresh memory. `buckets` is a power of two; the memory may hold anything. */
export function tableInit(table: u32, base: u32, buckets: u32): void {
  memory.fill(base, 0, buckets * TABLE_BUCKET_SIZE);
  store<u32>(table, base, TABLE_BASE);
  store<u32>(table, buckets - 1, TABLE_MASK);
  store<u32>(table, 0, TABLE_USED);
  store<u32>(table, 0, TABLE_COUNT);
  store<u32>(table, 0, TABLE_OLD_BASE);
}

/** Starts moving to fresh memory: returns false while an earlier move has not ended. */
export function tableGrow(table: u32, base: u32, buckets: u32): bool {
  if (load<u32>(table, TABLE_OLD_BASE) !== 0) return false;
  const entries = load<u32>(table, TABLE_COUNT);
  const oldBase = load<u32>(table, TABLE_BASE);
  const oldMask = load<u32>(table, TABLE_MASK);
  tableInit(table, base, buckets);
  store<u32>(table, entries, TABLE_COUNT);
  store<u32>(table, oldBase, TABLE_OLD_BASE);
  store<u32>(table, oldMask, TABLE_OLD_MASK);
  store<u32>(table, 0, TABLE_OLD_CURSOR);
  return true;
}

/** Moves a few buckets of a growing table. Returns true when that emptied the old memory. */
export function tableMove(table: u32): bool {
  const oldBase = load<u32>(table, TABLE_OLD_BASE);
  if (oldBase === 0) return false;
  const oldMask = load<u32>(table, TABLE_OLD_MASK);
  let cursor = load<u32>(table, TABLE_OLD_CURSOR);
  for (let n: u32 = 0; n < TABLE_MOVE_BUCKETS && cursor <= oldMask; n++, cursor++) {
    const bucket = oldBase + cursor * TABLE_BUCKET_SIZE;
    for (let way: u32 = 0; way < TABLE_BUCKET_WAYS; way++) {
      const slot = bucket + (way << 2);
      const signature = load<u32>(slot);
      if (signature <= TABLE_SIGNATURE_DELETED) continue;
      place(
        load<u32>(table, TABLE_BASE),
        load<u32>(table, TABLE_MASK),
        table,
        signature,
        load<u32>(slot, 16),
      );
      store<u32>(slot, TABLE_SIGNATURE_DELETED);
    }
  }
  store<u32>(table, cursor, TABLE_OLD_CURSOR);
  if (cursor <= oldMask) return false;
  store<u32>(table, 0, TABLE_OLD_BASE);
  return true;
}

/** Adds a reference. The caller has made sure that there is room (tableRoom) and no equal entry. */
export function tableInsert(table: u32, hash: u32, ref: u32): void {
  place(load<u32>(table, TABLE_BASE), load<u32>(table, TABLE_MASK), table, tableSignature(hash), ref);
  store<u32>(table, load<u32>(table, TABLE_COUNT) + 1, TABLE_COUNT);
}

/** Whether one more entry leaves enough empty places for searches to stay short: at most 3/4 full. */
export function tableRoom(table: u32): bool {
  const places = (load<u32>(table, TABLE_MASK) + 1) * TABLE_BUCKET_WAYS;
  const moving =
    load<u32>(table, TABLE_OLD_BASE) !== 0 ? load<u32>(table, TABLE_COUNT) : load<u32>(table, TABLE_USED);
  return moving + 1 <= places - (places >> 2);
}

/** Removes the reference; false when it was not there. */
export function tableRemove(table: u32, hash: u32, ref: u32): bool {
  const found =
    erase(load<u32>(table, TABLE_BASE), load<u32>(table, TABLE_MASK), tableSignature(hash), ref) ||
    (load<u32>(table, TABLE_OLD_BASE) !== 0 &&
      erase(load<u32>(table, TABLE_OLD_BASE), load<u32>(table, TABLE_OLD_MASK), tableSignature(hash), ref));
  if (found) store<u32>(table, load<u32>(table, TABLE_COUNT) - 1, TABLE_COUNT);
  return found;
}

/** The address of the first bucket to look into. */
export function tableHome(base: u32, mask: u32, signature: u32): u32 {
  return base + (signature & mask) * TABLE_BUCKET_SIZE;
}

/** The bucket behind `bucket`, round the end. */
export function tableNext(base: u32, mask: u32, bucket: u32): u32 {
  const next = bucket + TABLE_BUCKET_SIZE;
  return next > base + mask * TABLE_BUCKET_SIZE ? base : next;
}

function place(base: u32, mask: u32, table: u32, signature: u32, ref: u32): void {
  let bucket = tableHome(base, mask, signature);
  while (true) {
    for (let way: u32 = 0; way < TABLE_BUCKET_WAYS; way++) {
      const slot = bucket + (way << 2);
      const there = load<u32>(slot);
      if (there > TABLE_SIGNATURE_DELETED) continue;
      if (there === 0) store<u32>(table, load<u32>(table, TABLE_USED) + 1, TABLE_USED);
      store<u32>(slot, signature);
      store<u32>(slot, ref, 16);
      return;
    }
    bucket = tableNext(base, mask, bucket);
  }
}

function erase(base: u32, mask: u32, signature: u32, ref: u32): bool {
  let bucket = tableHome(base, mask, signature);
  for (let n: u32 = 0; n <= mask; n++) {
    let open = false;
    for (let way: u32 = 0; way < TABLE_BUCKET_WAYS; way++) {
      const slot = bucket + (way << 2);
      if (load<u32>(slot) === signature && load<u32>(slot, 16) === ref) {
        store<u32>(slot, TABLE_SIGNATURE_DELETED);
        store<u32>(slot, 0, 16);
        return true;
      }
      if (load<u32>(slot) === 0) open = true;
    }
    if (open) return false;
    bucket = tableNext(base, mask, bucket);
  }
  return false;
}
