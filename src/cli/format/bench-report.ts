// What `megaflow bench` measured, for scripts and for people.

import type { MeasurementEnvironment } from "../environment.ts";
import { type Rates, ratesJson } from "./rate-line.ts";
import { groupDigits, percent } from "./units.ts";

/** A measurement. */
export interface BenchReport {
  readonly rates: Rates;
  /** Packets dropped because their upcall was lost. */
  readonly upcallLost: number;
  /** Digest of what one pass of the capture sent. */
  readonly hash: string;
}

/** Returns the JSON object, on one line; docs/json.md says what is in it. */
export function benchJson(
  { rates, upcallLost, hash }: BenchReport,
  environment: MeasurementEnvironment,
): string {
  const { mpps, nsPerPacket, cyclesPerPacket, drops, hits, masksPerLookup, megaflows, masks } =
    ratesJson(rates);
  return JSON.stringify({
    mpps,
    nsPerPacket,
    cyclesPerPacket,
    rxPackets: rates.received,
    drops,
    upcallLost,
    hits,
    masksPerLookup,
    megaflows,
    masks,
    hash,
    environment,
  });
}

/** Returns the lines for a person. */
export function benchLines(
  { rates, upcallLost, hash }: BenchReport,
  environment: MeasurementEnvironment,
): string[] {
  const cycles =
    rates.cyclesPerPacket === undefined ? "" : `, ${rates.cyclesPerPacket.toFixed(1)} cycles a packet`;
  const { hits, lookups } = rates;
  const masks = lookups === 0 ? 0 : rates.masksVisited / lookups;
  return [
    `${rates.mpps.toFixed(2)} Mpps, ${rates.nsPerPacket.toFixed(1)} ns a packet${cycles}`,
    `${groupDigits(rates.received)} packets received in ${rates.seconds.toFixed(1)} s, ` +
      `${groupDigits(rates.dropped)} dropped, ${groupDigits(upcallLost)} of them for a lost upcall`,
    `found by: microflow cache ${percent(hits.microflow, lookups)}, mask cache ${percent(hits.maskCache, lookups)}, ` +
      `masked lookup ${percent(hits.masked, lookups)}, upcall ${percent(hits.upcall, lookups)}`,
    `${groupDigits(rates.megaflows)} megaflows under ${groupDigits(rates.masks)} masks, ` +
      `${masks.toFixed(2)} masks visited a lookup`,
    `output hash ${hash}`,
    `megaflow ${environment.megaflow} (profile ${environment.profile}), Node ${environment.node}, ` +
      `${environment.kernel}, ${environment.cpu}`,
    ...environment.placement,
    ...environment.others.map((other) => `disturbed by ${other} of a core`),
  ];
}
