// One line a second of a running switch: what happened since the line before.

import type { SwitchCounters } from "../engine.ts";
import { groupDigits, percent } from "./units.ts";

/** What happened between two readings of the counters. */
export interface Rates {
  /** Seconds since the start, at the end of the interval. */
  readonly atSeconds: number;
  readonly seconds: number;
  readonly received: number;
  readonly transmissions: number;
  /** Packets sent a microsecond. */
  readonly mpps: number;
  /** Wall-clock time over packets received, all PMDs together; 0 when there were none. */
  readonly nsPerPacket: number;
  /** Undefined where the clock rate is not known. */
  readonly cyclesPerPacket: number | undefined;
  readonly hits: SwitchCounters["hits"];
  readonly lookups: number;
  readonly masksVisited: number;
  readonly upcalls: number;
  readonly dropped: number;
  readonly megaflows: number;
  readonly masks: number;
}

/** Reads rates off two readings `seconds` apart. */
export function ratesBetween(
  before: SwitchCounters,
  after: SwitchCounters,
  time: { readonly atSeconds: number; readonly seconds: number },
  cyclesPerNs: number | undefined,
): Rates {
  const received = after.received - before.received;
  const transmissions = after.transmissions - before.transmissions;
  const hits = {
    microflow: after.hits.microflow - before.hits.microflow,
    maskCache: after.hits.maskCache - before.hits.maskCache,
    masked: after.hits.masked - before.hits.masked,
    upcall: after.hits.upcall - before.hits.upcall,
  };
  const nsPerPacket = received === 0 ? 0 : (time.seconds * 1e9) / received;
  return {
    ...time,
    received,
    transmissions,
    mpps: transmissions / time.seconds / 1e6,
    nsPerPacket,
    cyclesPerPacket: cyclesPerNs === undefined ? undefined : nsPerPacket * cyclesPerNs,
    hits,
    lookups: hits.microflow + hits.maskCache + hits.masked + hits.upcall,
    masksVisited: after.masksVisited - before.masksVisited,
    upcalls: after.upcalls - before.upcalls,
    dropped: droppedTotal(after) - droppedTotal(before),
    megaflows: after.megaflows,
    masks: after.masks,
  };
}

/** Packets dropped for any reason. */
export function droppedTotal(counters: SwitchCounters): number {
  return Object.values(counters.dropped).reduce((sum, count) => sum + count, 0);
}

/** Columns: title and width. */
const columns: readonly (readonly [string, number])[] = [
  ["time", 7],
  ["Mpps", 8],
  ["ns/packet", 10],
  ["cycles", 8],
  ["microflow", 10],
  ["mask cache", 11],
  ["masked", 8],
  ["upcalls", 9],
  ["dropped", 11],
  ["megaflows", 10],
  ["masks", 6],
];

/** Returns the line above the numbers. */
export function rateHeader(): string {
  return columns.map(([title, width]) => title.padStart(width)).join("");
}

/** Returns one line of numbers. */
export function rateLine(rates: Rates): string {
  const idle = rates.received === 0;
  const cells = [
    `${rates.atSeconds.toFixed(1)}s`,
    rates.mpps.toFixed(2),
    idle ? "-" : short(rates.nsPerPacket),
    idle || rates.cyclesPerPacket === undefined ? "-" : short(rates.cyclesPerPacket),
    percent(rates.hits.microflow, rates.lookups),
    percent(rates.hits.maskCache, rates.lookups),
    percent(rates.hits.masked, rates.lookups),
    groupDigits(rates.upcalls),
    groupDigits(rates.dropped),
    groupDigits(rates.megaflows),
    groupDigits(rates.masks),
  ];
  return cells.map((cell, i) => cell.padStart((columns[i] as readonly [string, number])[1])).join("");
}

/** At most seven characters, as a switch with few packets has large ones. */
function short(value: number): string {
  if (value < 99_999) return value.toFixed(1);
  return value < 1e9 ? `${(value / 1e6).toFixed(1)}M` : `${(value / 1e9).toFixed(1)}G`;
}

/** Returns the same as an object for `--json`. */
export function ratesJson(rates: Rates): Record<string, unknown> {
  const share = (count: number) => (rates.lookups === 0 ? 0 : count / rates.lookups);
  return {
    second: rates.atSeconds,
    mpps: rates.mpps,
    nsPerPacket: rates.nsPerPacket,
    cyclesPerPacket: rates.cyclesPerPacket ?? null,
    received: rates.received,
    transmissions: rates.transmissions,
    drops: rates.dropped,
    hits: {
      microflow: share(rates.hits.microflow),
      maskCache: share(rates.hits.maskCache),
      masked: share(rates.hits.masked),
      upcall: share(rates.hits.upcall),
    },
    masksPerLookup: share(rates.masksVisited),
    upcalls: rates.upcalls,
    megaflows: rates.megaflows,
    masks: rates.masks,
  };
}
