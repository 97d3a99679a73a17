// The body of pmd-perf-show for one PMD: Open vSwitch's lines (lib/dpif-netdev-perf.c), and below them what it has
// no word for: the mask cache, and the cycles of every stage.

import type { PmdSnapshot } from "../observe/snapshot.ts";

/** Numbers of a PMD since they were cleared. */
export interface PerfNumbers {
  readonly pmd: PmdSnapshot;
  readonly seconds: number;
  /** Cycles a second. */
  readonly hz: number;
}

/** Returns the lines below the thread's name. */
export function perfLines(numbers: PerfNumbers): string[] {
  if (numbers.seconds <= 0) return [];
  const { pmd, seconds } = numbers;
  return [
    ...(pmd.time.busy + pmd.time.idle > 0 ? iterationLines(numbers) : []),
    ...receiveLines(numbers),
    ...transmitLines(pmd, seconds),
    ...ownLines(pmd),
    "",
  ];
}

function iterationLines({ pmd, seconds, hz }: PerfNumbers): string[] {
  const { busy, idle, asleep, sleeps } = pmd.time;
  const used = busy + idle;
  const us = (cycles: number): number => (cycles * 1e6) / hz;
  const perIteration = pmd.polls === 0 ? 0 : us(used + asleep) / pmd.polls;
  const share = (part: number, whole: number): string =>
    (whole === 0 ? 0 : (part * 100) / whole).toFixed(1).padStart(5);
  const perSleep = pmd.polls === 0 ? 0 : us(asleep) / pmd.polls;
  return [
    `  Iterations:         ${wide(pmd.polls)}  (${perIteration.toFixed(2)} us/it)`,
    `  - Used TSC cycles:  ${wide(used)}  (${share(used, seconds * hz)} % of total cycles)`,
    `  - idle iterations:  ${wide(pmd.pollsIdle)}  (${share(idle, used)} % of used cycles)`,
    `  - busy iterations:  ${wide(pmd.polls - pmd.pollsIdle)}  (${share(busy, used)} % of used cycles)`,
    `  - sleep iterations: ${wide(sleeps)}  (${share(sleeps, pmd.polls)} % of iterations)`,
    `  Sleep time (us):    ${wide(us(asleep))}  (${perSleep.toFixed(0).padStart(3)} us/iteration avg.)`,
  ];
}

function receiveLines({ pmd, seconds }: PerfNumbers): string[] {
  const { rxPackets, lookups, hits } = pmd;
  if (rxPackets === 0) return [`  Rx packets:         ${wide(0)}`];
  const exact = pmd.caches.microflow.mode === "exact";
  const megaflow = hits.maskCache + hits.masked;
  const cycles = pmd.time.busy === 0 ? "" : `, ${(pmd.time.busy / rxPackets).toFixed(0)} cycles/pkt`;
  const passes = lookups / rxPackets;
  const share = (count: number): string =>
    (lookups === 0 ? 0 : (count * 100) / lookups).toFixed(1).padStart(5);
  const tried = megaflow === 0 ? 0 : pmd.masksTried / megaflow;
  return [
    `  Rx packets:         ${wide(rxPackets)}  (${kpps(rxPackets, seconds)} Kpps${cycles})`,
    `  Datapath passes:    ${wide(lookups)}  (${passes.toFixed(2)} passes/pkt)`,
    `  - PHWOL hits:       ${wide(0)}  (${share(0)} %)`,
    `  - Simple Match hits:${wide(0)}  (${share(0)} %)`,
    `  - EMC hits:         ${wide(exact ? hits.microflow : 0)}  (${share(exact ? hits.microflow : 0)} %)`,
    `  - SMC hits:         ${wide(exact ? 0 : hits.microflow)}  (${share(exact ? 0 : hits.microflow)} %)`,
    `  - Megaflow hits:    ${wide(megaflow)}  (${share(megaflow)} %, ${tried.toFixed(2)} subtbl lookups/hit)`,
    `  - Upcalls:          ${wide(hits.upcall)}  (${share(hits.upcall)} %, 0.0 us/upcall)`,
    `  - Lost upcalls:     ${wide(pmd.upcallsLost)}  (${share(pmd.upcallsLost)} %)`,
  ];
}

function transmitLines({ txPackets, batches }: PmdSnapshot, seconds: number): string[] {
  if (txPackets === 0) return [`  Tx packets:         ${wide(0)}`];
  const each = batches === 0 ? 0 : txPackets / batches;
  return [
    `  Tx packets:         ${wide(txPackets)}  (${kpps(txPackets, seconds)} Kpps)`,
    `  Tx batches:         ${wide(batches)}  (${each.toFixed(2)} pkts/batch)`,
  ];
}

function ownLines(pmd: PmdSnapshot): string[] {
  const { hits, lookups, stagePackets } = pmd;
  const share = lookups === 0 ? 0 : (hits.maskCache * 100) / lookups;
  const lines = [`  Mask cache hits:    ${wide(hits.maskCache)}  (${share.toFixed(1).padStart(5)} %)`];
  if (stagePackets === 0) return lines;
  lines.push("  Cycles/pkt by stage:");
  for (const { stage, cycles } of pmd.stages) {
    lines.push(`  - ${`${stage}:`.padEnd(21)}${(cycles / stagePackets).toFixed(1).padStart(9)}`);
  }
  return lines;
}

function wide(count: number): string {
  return count.toFixed(0).padStart(12);
}

function kpps(packets: number, seconds: number): string {
  return (packets / seconds / 1000).toFixed(0);
}
