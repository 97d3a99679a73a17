// Rings between two PMDs: layout/peer.ts. The producer publishes once a turn, the consumer likewise.

import { PAIR_DATA, PAIR_ENTRY_SIZE, PAIR_HEAD, PAIR_MASK, PAIR_OWN, PAIR_TAIL } from "../layout/peer.ts";

/** Entries that the producer can still put. */
export function pairRoom(ring: u32): u32 {
  return load<u32>(ring, PAIR_MASK) + 1 - (load<u32>(ring, PAIR_OWN) - atomic.load<u32>(ring, PAIR_TAIL));
}

/** Puts an entry for which there is room; pairPublish shows it. */
export function pairPut(ring: u32, frame: u32, port: u32): void {
  const own = load<u32>(ring, PAIR_OWN);
  const entry = ring + PAIR_DATA + (own & load<u32>(ring, PAIR_MASK)) * PAIR_ENTRY_SIZE;
  store<u32>(entry, frame);
  store<u32>(entry, port, 4);
  store<u32>(ring, own + 1, PAIR_OWN);
}

/** Shows what was put since the last call; returns whether that was anything. */
export function pairPublish(ring: u32): bool {
  const own = load<u32>(ring, PAIR_OWN);
  if (own === load<u32>(ring, PAIR_HEAD)) return false;
  atomic.store<u32>(ring, own, PAIR_HEAD);
  return true;
}

/** Entries that the consumer can take. */
export function pairCount(ring: u32): u32 {
  return atomic.load<u32>(ring, PAIR_HEAD) - load<u32>(ring, PAIR_TAIL);
}

/** Address of the i-th entry from the oldest. */
export function pairEntry(ring: u32, i: u32): u32 {
  const at = (load<u32>(ring, PAIR_TAIL) + i) & load<u32>(ring, PAIR_MASK);
  return ring + PAIR_DATA + at * PAIR_ENTRY_SIZE;
}

/** Gives the oldest entries' places back. */
export function pairRelease(ring: u32, entries: u32): void {
  if (entries !== 0) atomic.store<u32>(ring, load<u32>(ring, PAIR_TAIL) + entries, PAIR_TAIL);
}
