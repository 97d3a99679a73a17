// Seeded random rule sets in ovs-ofctl text: tables that lead to one another, with groups, learning and
// conjunctions in the full profile.

import { type ActionContext, randomActions, randomBucketActions } from "./random-actions.ts";
import { ipv4Text, randomMatch } from "./random-matches.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** `basic` keeps to the matches and actions of plain pipelines; `full` has all that the slow path knows. */
export type RuleProfile = "basic" | "full";

/** A drawn rule set. */
export interface RandomRules {
  flows: string[];
  groups: string[];
  meters: string[];
  /** Packets change what later packets meet (learn, NORMAL): each must be settled before the next. */
  stateful: boolean;
  /** What `ovs-ofctl` must speak: OpenFlow 1.0 takes actions on fields that a packet may lack, but no instructions. */
  version: "OpenFlow10" | "OpenFlow15";
}

/** Draws a rule set of 15 to 60 rules. */
export function randomRules(random: SeededRandom, profile: RuleProfile): RandomRules {
  const full = profile === "full";
  const stateful = full && random.chance(20);
  const legacy = random.chance(25);
  const tables = randomTables(random);
  const groups = full && !legacy && random.chance(45) ? range(1, random.int(1, 4)) : [];
  const meters = full && !legacy && random.chance(20) ? [1] : [];
  const context = { full, legacy, ports: 6, groups, meters, stateful };
  const flows: string[] = [];
  for (const [index, table] of tables.entries()) {
    const laterTables = tables.slice(index + 1);
    flows.push(...randomTable(random, table, index > 0, { ...context, laterTables }));
  }
  return {
    flows,
    groups: groups.map((id) =>
      randomGroup(random, id, { ...context, laterTables: tables.slice(-1), groups: [] }),
    ),
    meters: meters.map((id) => `meter=${id},pktps,burst,bands=type=drop,rate=1000000,burst_size=1000000`),
    stateful,
    version: legacy ? "OpenFlow10" : "OpenFlow15",
  };
}

/** Two to seven tables, mostly next to one another. */
function randomTables(random: SeededRandom): number[] {
  const tables = [0];
  for (let n = random.int(1, 6); n > 0; n--) {
    const last = tables[tables.length - 1]!;
    tables.push(random.chance(90) ? last + 1 : Math.min(last + random.int(2, 30), 250));
  }
  return tables;
}

function randomTable(random: SeededRandom, table: number, later: boolean, context: ActionContext): string[] {
  const flows: string[] = [];
  const priorities = distinctPriorities(random, random.int(4, 13));
  for (const priority of priorities) {
    const match = randomMatch(random, later);
    const head = [`table=${table}`, `priority=${priority}`, match.text]
      .filter((part) => part !== "")
      .join(",");
    const cookie = random.chance(30) ? `cookie=0x${random.u32().toString(16)},` : "";
    flows.push(`${cookie}${head} actions=${randomActions(random, match.shape, context)}`);
  }
  if (context.full && random.chance(12)) flows.push(...randomConjunction(random, table, context));
  if (random.chance(75)) {
    const shape = { l3: undefined, l4: undefined, vlan: false } as const;
    flows.push(`table=${table},priority=0 actions=${randomActions(random, shape, context)}`);
  }
  return flows;
}

/** Priorities that no two rules of a table share: which of two equal ones wins is nobody's business. */
function distinctPriorities(random: SeededRandom, count: number): Set<number> {
  const priorities = new Set<number>();
  while (priorities.size < count)
    priorities.add(random.pick([10, 30, 100, 32768, 65500]) + random.int(0, 20));
  return priorities;
}

/** Sources in one set and ports or destinations in another: rules that match when both do. */
function randomConjunction(random: SeededRandom, table: number, context: ActionContext): string[] {
  const id = random.int(1, 1000);
  const head = `table=${table},priority=${random.pick([5, 60, 500])}`;
  const shape = { l3: "ip", l4: undefined, vlan: false } as const;
  const flows = [`${head},conj_id=${id},ip actions=${randomActions(random, shape, context)}`];
  const sources = new Set([ipv4Text(random), ipv4Text(random), ipv4Text(random)]);
  for (const source of sources) flows.push(`${head},ip,nw_src=${source} actions=conjunction(${id},1/2)`);
  const second = random.chance(50)
    ? ["tcp,tp_dst=80", "tcp,tp_dst=443", "udp,tp_dst=53"]
    : ["ip,nw_dst=10.0.0.0/16", "ip,nw_dst=192.168.0.0/24", "ip,nw_dst=224.0.0.0/4"];
  for (const match of second) flows.push(`${head},${match} actions=conjunction(${id},2/2)`);
  return flows;
}

/** A group whose answer is certain: all, indirect, fast failover, or select with one bucket. */
function randomGroup(random: SeededRandom, id: number, context: ActionContext): string {
  const type = random.pick(["all", "indirect", "ff", "select"]);
  const count = type === "indirect" || type === "select" ? 1 : random.int(1, 3);
  const buckets: string[] = [];
  for (let n = 0; n < count; n++) {
    const watch = type === "ff" ? `watch_port:${random.int(1, context.ports)},` : "";
    const weight = type === "select" ? "weight:10," : "";
    buckets.push(`bucket=${watch}${weight}actions=${randomBucketActions(random, context)}`);
  }
  return `group_id=${id},type=${type},${buckets.join(",")}`;
}

function range(low: number, high: number): number[] {
  return Array.from({ length: high - low + 1 }, (_, index) => low + index);
}
