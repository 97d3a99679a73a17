// The account of a switch: every received packet under what became of it, with the sum checked.

import type { MegaflowReport, SwitchCounters } from "../engine.ts";
import { countOf, groupDigits } from "./units.ts";

/** Megaflows printed before the rest is only counted. */
const MEGAFLOWS_SHOWN = 20;

/** Returns the lines of the account. */
export function accountLines(counters: SwitchCounters): string[] {
  const reasons = Object.entries(counters.dropped);
  const dropped = reasons.reduce((sum, [, count]) => sum + count, 0);
  const rows: [string, number, string][] = [
    ["received", counters.received, ""],
    ["forwarded", counters.forwarded, `in ${countOf(counters.transmissions, "transmission")}`],
    ["controller", counters.consumed, ""],
    ["dropped", dropped, reasons.map(([reason, count]) => `${reason} ${groupDigits(count)}`).join(", ")],
    ["in flight", counters.inFlight, ""],
  ];
  const width = Math.max(...rows.map(([, count]) => groupDigits(count).length));
  const lines = rows.map(([name, count, note]) =>
    `${name.padEnd(10)}  ${groupDigits(count).padStart(width)}  ${note}`.trimEnd(),
  );
  const accounted = counters.forwarded + counters.consumed + dropped + counters.inFlight;
  const missing = counters.received - accounted;
  lines.push(
    missing === 0
      ? `every packet is accounted for: ${groupDigits(accounted)} of ${groupDigits(counters.received)}`
      : `NOT accounted for: ${groupDigits(missing)} of ${groupDigits(counters.received)}`,
  );
  return lines;
}

/** Returns the lines of the megaflows, the busiest first. */
export function megaflowLines(megaflows: readonly MegaflowReport[], masks: number): string[] {
  const busiest = [...megaflows].sort((a, b) => b.packets - a.packets || (a.match < b.match ? -1 : 1));
  const lines = [`${countOf(megaflows.length, "megaflow")} under ${countOf(masks, "mask")}:`];
  for (const { match, actions, packets, bytes } of busiest.slice(0, MEGAFLOWS_SHOWN)) {
    lines.push(`  ${match}, packets:${packets}, bytes:${bytes}, actions:${actions}`);
  }
  const rest = busiest.slice(MEGAFLOWS_SHOWN);
  if (rest.length > 0) {
    const packets = rest.reduce((sum, megaflow) => sum + megaflow.packets, 0);
    lines.push(`  and ${countOf(rest.length, "more", "more")} with ${countOf(packets, "packet")}`);
  }
  return lines;
}
