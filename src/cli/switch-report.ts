// Reads off a switch what the commands print: counters over all PMDs, megaflows, tables.

import { DropReason } from "../../assembly/layout/stat.ts";
import type { PmdStats } from "../datapath/pmd-stats.ts";
import { shownKey } from "../observe/megaflows.ts";
import { dropReasonName } from "../odp/drop-reason.ts";
import { formatOdpMatch } from "../odp/format.ts";
import { formatOdpActions } from "../odp/format-actions.ts";
import { formatUfid } from "../odp/ufid.ts";
import { formatFlow } from "../openflow/format-flow.ts";
import type { Switch } from "../switch.ts";
import type { TableRule } from "../xlate/table-rule.ts";
import type { MegaflowReport, SwitchCounters, TableReport } from "./engine.ts";

/** Returns the counters of a switch, over all its PMDs. */
export function countersOf(owner: Switch): SwitchCounters {
  const all = owner.stats();
  const sum = (of: (stats: PmdStats) => number) => all.reduce((total, stats) => total + of(stats), 0);
  const dropped: Record<string, number> = {};
  for (let reason = 0; reason < DropReason.COUNT; reason++) {
    const count = sum((stats) => stats.drops[reason] ?? 0);
    if (count > 0) dropped[dropReasonName(reason)] = count;
  }
  return {
    received: sum((stats) => stats.counters.RX),
    forwarded: sum((stats) => stats.counters.FORWARDED),
    transmissions: sum((stats) => stats.counters.TX),
    consumed: sum((stats) => stats.counters.CONSUMED),
    inFlight: sum((stats) => stats.inFlight),
    dropped,
    upcalls: sum((stats) => stats.counters.UPCALLS),
    hits: {
      microflow: sum((stats) => stats.counters.HIT_MICROFLOW),
      maskCache: sum((stats) => stats.counters.HIT_MASK_CACHE),
      masked: sum((stats) => stats.counters.HIT_MASKED),
      upcall: sum((stats) => stats.counters.MISS),
    },
    masksVisited: sum((stats) => stats.counters.MASKS_VISITED),
    megaflows: sum((stats) => stats.flows),
    masks: sum((stats) => stats.masks),
  };
}

/** Returns the megaflows of a switch; equal ones of several PMDs are one, with their counters added up. */
export function megaflowsOf(owner: Switch): MegaflowReport[] {
  const byUfid = new Map<string, MegaflowReport>();
  for (const ukey of owner.megaflows()) {
    const ufid = formatUfid(ukey.ufid);
    const same = byUfid.get(ufid);
    byUfid.set(ufid, {
      ufid,
      match: same?.match ?? formatOdpMatch(shownKey(ukey), ukey.mask),
      actions: same?.actions ?? formatOdpActions(ukey.actions),
      packets: (same?.packets ?? 0) + ukey.packets,
      bytes: (same?.bytes ?? 0) + ukey.bytes,
    });
  }
  return [...byUfid.values()];
}

/** Returns the tables that have rules, the most important rules first; their text leaves the table out. */
export function tablesOf(owner: Switch): TableReport[] {
  const tables = new Map<number, TableRule[]>();
  owner.bridge.forEachRule((rule) => {
    const rules = tables.get(rule.tableId) ?? [];
    rules.push(rule);
    tables.set(rule.tableId, rules);
  });
  return [...tables].map(([id, rules]) => ({
    id,
    rules: rules
      .sort((a, b) => b.priority - a.priority)
      .map((rule) => formatFlow(rule).replace(/\btable=\d+, /, "")),
  }));
}
