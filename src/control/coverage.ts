// Counters of rare and not so rare events under the names that Open vSwitch's coverage/show gives them, where it
// has the same; drops by reason are datapath_drop_REASON.

import type { Snapshot } from "../observe/snapshot.ts";
import { dropReasonNames } from "../odp/drop-reason.ts";
import type { ControlAnswer, ControlContext } from "./command.ts";
import { ControlError } from "./command.ts";

/** Reasons that Open vSwitch counts too, under names of its own (lib/dpif-netdev.c, lib/odp-execute.c). */
const knownNames: Readonly<Record<string, string>> = {
  "upcall lost": "datapath_drop_upcall_error",
  "no port": "datapath_drop_invalid_port",
  "recirc unknown": "datapath_drop_recirc_error",
  runt: "datapath_drop_rx_invalid_packet",
};

/** Returns every counter of a snapshot, those at 0 included. */
export function coverageOf({ totals, pmds }: Snapshot): Map<string, number> {
  const sum = (of: (pmd: (typeof pmds)[number]) => number) => pmds.reduce((all, pmd) => all + of(pmd), 0);
  const counters = new Map<string, number>([
    ["flow_extract", totals.lookups],
    ["datapath_recirculation", totals.recirculated],
    ["dpif_execute", totals.injected],
    ["handler_upcall", totals.upcalls],
    ["handler_duplicate_upcall", totals.upcallsJoined],
    ["xlate_actions", sum((pmd) => pmd.controller.translations)],
    ["dpif_flow_put", sum((pmd) => pmd.controller.installed)],
    ["dpif_flow_put_error", sum((pmd) => pmd.controller.notInstalled)],
    ["dpif_flow_del", sum((pmd) => pmd.controller.deleted)],
    ["microflow_insert", totals.microflowInserts],
    ["mask_cache_insert", totals.maskCacheInserts],
  ]);
  for (const reason of dropReasonNames()) {
    if (reason === "none") continue;
    counters.set(coverageName(reason), totals.drops[reason] ?? 0);
  }
  return counters;
}

/** coverage/show. */
export function coverageShow({ history }: ControlContext): ControlAnswer {
  const now = history.now();
  const before = [5, 60, 3600].map((seconds) => history.ago(seconds));
  const lines: string[] = [];
  let never = 0;
  for (const [name, total] of [...now.coverage].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (total === 0) {
      never++;
      continue;
    }
    const [five, minute, hour] = before.map((then) => {
      const seconds = (now.timeMs - then.timeMs) / 1000;
      return seconds > 0 ? Math.max(0, total - (then.coverage.get(name) ?? 0)) / seconds : 0;
    }) as [number, number, number];
    const rates = `${five.toFixed(1).padStart(5)}/sec ${minute.toFixed(3).padStart(9)}/sec`;
    lines.push(`${name.padEnd(24)} ${rates} ${hour.toFixed(4).padStart(13)}/sec   total: ${total}`);
  }
  const hash = fingerprint([...now.coverage.keys()].join("\n"));
  return [
    `Event coverage, avg rate over last: 5 seconds, last minute, last hour,  hash=${hash}:`,
    ...lines,
    `${never} events never hit`,
  ];
}

/** coverage/read-counter. */
export function coverageRead({ history }: ControlContext, [name]: readonly string[]): ControlAnswer {
  const count = history.now().coverage.get(name as string);
  if (count === undefined) throw new ControlError(`No such counter: ${name}`);
  return [String(count)];
}

function coverageName(reason: string): string {
  return knownNames[reason] ?? `datapath_drop_${reason.replaceAll(" ", "_")}`;
}

/** FNV-1a: says at a glance whether two outputs have the same counters. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
