// COLD: whose turn it is to be received from. Queues share a PMD's time, not its packets: one whose packets
// miss, or are looked up under a thousand masks, costs ten times what established traffic does, and with a
// burst each in turn it would take ten times the time. What a queue's bursts cost beyond its packets is its
// debt, which it pays by letting turns pass while other queues have something to receive.

import { pmd } from "../core/state.ts";
import { PMD_STATS } from "../layout/pmd.ts";
import { RXQ_DEBT, RXQ_PASSED } from "../layout/port.ts";
import { PmdStat } from "../layout/stat.ts";

/** What a miss costs, with its upcall and the megaflow's installation, in packets of established traffic. */
const MISS_COST: u32 = 40;
/** Masks that are tried in the time of such a packet. */
const MASKS_A_PACKET: u32 = 4;
/** Most that a queue may owe: some hundred turns. */
const DEBT_MAX: u32 = 1 << 14;

/** Queues that had packets in the last turn, and in this one so far. */
let busyBefore: u32 = 0;
let busyNow: u32 = 0;
/** Queues that let this turn pass. */
export let passed: u32 = 0;
let misses: u32 = 0;
let masks: u32 = 0;

/** A turn of the PMD begins. */
export function fairTurn(): void {
  busyBefore = busyNow;
  busyNow = 0;
  passed = 0;
}

/** Whether the queue may be received from now; if not it pays for a turn of the others. */
export function isDue(rxq: u32, batch: u32): bool {
  const debt = load<u32>(rxq, RXQ_DEBT);
  if (debt >= batch) {
    const others = load<u32>(rxq, RXQ_PASSED) !== 0 ? busyBefore : busyBefore - min<u32>(busyBefore, 1);
    if (others !== 0) {
      store<u32>(rxq, debt - batch, RXQ_DEBT);
      store<u32>(rxq, 1, RXQ_PASSED);
      passed++;
      return false;
    }
    // Nobody else wants the time: it is free.
    store<u32>(rxq, 0, RXQ_DEBT);
  }
  store<u32>(rxq, 0, RXQ_PASSED);
  misses = statOf(PmdStat.MISS);
  masks = statOf(PmdStat.MASKS_VISITED);
  return true;
}

/** The queue was received from, and its packets have been dealt with: counts what they cost. */
export function hasHadTurn(rxq: u32): void {
  busyNow++;
  const cost =
    (statOf(PmdStat.MISS) - misses) * MISS_COST + (statOf(PmdStat.MASKS_VISITED) - masks) / MASKS_A_PACKET;
  store<u32>(rxq, min<u32>(load<u32>(rxq, RXQ_DEBT) + cost, DEBT_MAX), RXQ_DEBT);
}

/** The lower half of a counter: enough for a difference. */
function statOf(stat: PmdStat): u32 {
  return load<u32>(pmd + ((stat as u32) << 3), PMD_STATS);
}
