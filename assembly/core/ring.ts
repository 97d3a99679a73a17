// Byte rings between the PMD and the controller: layout/ring.ts. One side of each ring is here, the
// other in src/datapath/ring.ts. A record is written first and published by one atomic store.

import {
  RING_DATA,
  RING_HEAD,
  RING_RECORD_ALIGN,
  RING_RECORD_KIND,
  RING_RECORD_SIZE,
  RING_SIZE,
  RING_SKIP,
  RING_TAIL,
} from "../layout/ring.ts";

let reservedHead: u32 = 0;

/** Room for a record of `size` bytes with its header, or 0 when the ring is full. Commit it next. */
export function ringReserve(ring: u32, size: u32, kind: u32): u32 {
  const capacity = load<u32>(ring, RING_SIZE);
  const bytes = (size + RING_RECORD_ALIGN - 1) & ~(RING_RECORD_ALIGN - 1);
  let head = load<u32>(ring, RING_HEAD);
  let free = capacity - (head - atomic.load<u32>(ring, RING_TAIL));
  const toEnd = capacity - (head & (capacity - 1));
  if (toEnd < bytes) {
    if (free < toEnd + bytes) return 0;
    const filler = ring + RING_DATA + (head & (capacity - 1));
    store<u32>(filler, toEnd, RING_RECORD_SIZE);
    store<u32>(filler, RING_SKIP, RING_RECORD_KIND);
    head += toEnd;
    free -= toEnd;
  }
  if (free < bytes) return 0;
  const record = ring + RING_DATA + (head & (capacity - 1));
  store<u32>(record, bytes, RING_RECORD_SIZE);
  store<u32>(record, kind, RING_RECORD_KIND);
  reservedHead = head + bytes;
  return record;
}

/** Makes the record reserved last smaller: `size` bytes with its header. */
export function ringShrink(record: u32, size: u32): void {
  const bytes = (size + RING_RECORD_ALIGN - 1) & ~(RING_RECORD_ALIGN - 1);
  reservedHead -= load<u32>(record, RING_RECORD_SIZE) - bytes;
  store<u32>(record, bytes, RING_RECORD_SIZE);
}

/** Bytes of the ring. */
export function ringCapacity(ring: u32): u32 {
  return load<u32>(ring, RING_SIZE);
}

/** Bytes of it that the reader has not given back. */
export function ringUsed(ring: u32): u32 {
  return load<u32>(ring, RING_HEAD) - atomic.load<u32>(ring, RING_TAIL);
}

/** Publishes the record reserved last. */
export function ringCommit(ring: u32): void {
  atomic.store<u32>(ring, reservedHead, RING_HEAD);
}

/** The oldest record, or 0 when the ring is empty. Release it when done. */
export function ringPeek(ring: u32): u32 {
  const capacity = load<u32>(ring, RING_SIZE);
  let tail = load<u32>(ring, RING_TAIL);
  const head = atomic.load<u32>(ring, RING_HEAD);
  if (head === tail) return 0;
  let record = ring + RING_DATA + (tail & (capacity - 1));
  if (load<u32>(record, RING_RECORD_KIND) === RING_SKIP) {
    tail += load<u32>(record, RING_RECORD_SIZE);
    atomic.store<u32>(ring, tail, RING_TAIL);
    if (head === tail) return 0;
    record = ring + RING_DATA + (tail & (capacity - 1));
  }
  return record;
}

/** Gives back the space of the record that ringPeek returned. */
export function ringRelease(ring: u32, record: u32): void {
  const tail = load<u32>(ring, RING_TAIL);
  atomic.store<u32>(ring, tail + load<u32>(record, RING_RECORD_SIZE), RING_TAIL);
}
