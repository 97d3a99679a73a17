// What the yardsticks of all PMDs say about one window: the datapath's cost of a packet in units of the yardstick.
import type { YardstickReading } from "../pmd/yardstick.ts";
import { median } from "./statistics.ts";

/** Medians over the readings of a window. */
export interface YardstickWindow {
  /** TSC cycles of a block of the yardstick: how slow the machine was. */
  readonly block: number;
  /** TSC cycles of the datapath for a packet, in calls that nobody interrupted. */
  readonly packet: number;
  /** Of which copying it from the trace takes so much: through caches that the machine's other users share. */
  readonly source: number;
  /** A packet without its source, in blocks, reading by reading: what does not depend on how fast the machine was. */
  readonly cost: number;
  /** Readings that count. */
  readonly readings: number;
}

/** The machine's speed changed between two readings whose blocks differ by more than this: what lies in between is dropped. */
const STEADY = 1.08;

/** Of the readings of one window, by PMD; undefined where none counts. */
export function yardstickWindow(
  byPmd: readonly (readonly YardstickReading[])[],
): YardstickWindow | undefined {
  const packets: number[] = [];
  const sources: number[] = [];
  const blocks: number[] = [];
  const costs: number[] = [];
  for (const readings of byPmd) {
    for (let i = 1; i < readings.length; i++) {
      const before = readings[i - 1]!.block;
      const { block, packet, source } = readings[i]!;
      if (Math.max(before, block) > STEADY * Math.min(before, block)) continue;
      // The datapath worked between the two.
      const meanwhile = Math.sqrt(before * block);
      packets.push(packet);
      sources.push(source);
      blocks.push(meanwhile);
      costs.push((packet - source) / meanwhile);
    }
  }
  if (costs.length === 0) return undefined;
  return {
    block: median(blocks),
    packet: median(packets),
    source: median(sources),
    cost: median(costs),
    readings: costs.length,
  };
}
