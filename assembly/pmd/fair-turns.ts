// COLD: whose turn it is to be received from. Queues share a PMD's time, not its packets: one whose packets
// miss, are looked up under a thousand masks, or meet flows that no cache has any more, costs several times what
// established traffic does, and with a burst each in turn it would take as many times the time. What a queue's
// bursts cost beyond its packets is its debt, which it pays by letting turns pass while other queues have
// something to receive. Counters tell misses and masks; how many flows are cold one burst in 16 tells.

import { clock, pmd } from "../core/state.ts";
import { BATCH_COUNT, BATCH_FLOWS } from "../layout/batch.ts";
import { FLOW_USED } from "../layout/flow.ts";
import { PMD_STATS } from "../layout/pmd.ts";
import { RXQ_COLD, RXQ_DEBT, RXQ_PASSED } from "../layout/port.ts";
import { PmdStat } from "../layout/stat.ts";

/**
 * What a miss costs, in packets of established traffic: some 50 with its upcall and the megaflow's installation, and more for the
 * caches that it empties for others.
 */
const MISS_COST: u32 = 120;
/** Masks that are tried in the time of such a packet. */
const MASKS_A_PACKET: u32 = 4;
/** What a packet costs more whose flow was not used for COLD_MS: its record, mask and actions come from memory. */
const COLD_COST: u32 = 8;
const COLD_MS: u32 = 2;
/** Turns of which the bursts of one are looked at closely. */
const WATCHED: u32 = 16;
/** RXQ_COLD of a queue of which every packet is cold, and the weight (a shift) of a burst in it. */
const ALL_COLD_LOG: u32 = 12;
const WEIGHT_LOG: u32 = 3;
/** Most that a queue may owe: some hundred turns. */
const DEBT_MAX: u32 = 1 << 14;

/** Queues that had packets in the last turn, and in this one so far. */
let busyBefore: u32 = 0;
let busyNow: u32 = 0;
/** Queues that let this turn pass. */
export let passed: u32 = 0;
let misses: u32 = 0;
let masks: u32 = 0;
let turns: u32 = 0;

/** A turn of the PMD begins. */
export function fairTurn(): void {
  busyBefore = busyNow;
  busyNow = 0;
  passed = 0;
  turns++;
}

/** Whether the bursts of this turn are to be watched. */
export function isWatched(): bool {
  return (turns & (WATCHED - 1)) === 0;
}

/** Takes note of the flows that a burst's packets have been found to meet, before they are counted there. */
export function watchFlows(rxq: u32, context: u32): void {
  const packets = load<u32>(context, BATCH_COUNT);
  let cold: u32 = 0;
  for (let i: u32 = 0; i < packets; i++) {
    const flow = load<u32>(context + (i << 2), BATCH_FLOWS);
    if (flow !== 0 && clock - load<u32>(flow, FLOW_USED) >= COLD_MS) cold++;
  }
  const average = load<u16>(rxq, RXQ_COLD) as u32;
  const share = (cold << ALL_COLD_LOG) / packets;
  store<u16>(rxq, average + (share >> WEIGHT_LOG) - (average >> WEIGHT_LOG), RXQ_COLD);
}

/** Whether the queue may be received from now; if not it pays for a turn of the others. */
export function isDue(rxq: u32, batch: u32): bool {
  const debt = load<u32>(rxq, RXQ_DEBT);
  if (debt >= batch) {
    const others = load<u16>(rxq, RXQ_PASSED) !== 0 ? busyBefore : busyBefore - min<u32>(busyBefore, 1);
    if (others !== 0) {
      store<u32>(rxq, debt - batch, RXQ_DEBT);
      store<u16>(rxq, 1, RXQ_PASSED);
      passed++;
      return false;
    }
    // Nobody else wants the time: it is free.
    store<u32>(rxq, 0, RXQ_DEBT);
  }
  store<u16>(rxq, 0, RXQ_PASSED);
  misses = statOf(PmdStat.MISS);
  masks = statOf(PmdStat.MASKS_VISITED);
  return true;
}

/** The queue was received from, and its packets have been dealt with: counts what they cost. */
export function hasHadTurn(rxq: u32, packets: u32): void {
  busyNow++;
  const cost =
    (statOf(PmdStat.MISS) - misses) * MISS_COST +
    (statOf(PmdStat.MASKS_VISITED) - masks) / MASKS_A_PACKET +
    ((packets * (load<u16>(rxq, RXQ_COLD) as u32) * COLD_COST) >> ALL_COLD_LOG);
  store<u32>(rxq, min<u32>(load<u32>(rxq, RXQ_DEBT) + cost, DEBT_MAX), RXQ_DEBT);
}

/** The lower half of a counter: enough for a difference. */
function statOf(stat: PmdStat): u32 {
  return load<u32>(pmd + ((stat as u32) << 3), PMD_STATS);
}
