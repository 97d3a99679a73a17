// Rules, groups and meters as ovs-ofctl prints them (`dump-flows`, `dump-groups`, `dump-meters`).

import { formatActions } from "./format-action.ts";
import { formatMatch } from "./format-match.ts";
import { formatFieldValue, formatPort } from "./format-value.ts";
import { type Bucket, GROUP_ANY, type Group, type GroupSelection } from "./group.ts";
import { BUCKET_ALL, type BucketSpec } from "./group-mod.ts";
import { METER_CONTROLLER, METER_ID_MAX, type Meter } from "./meter.ts";
import { OFPP_ANY, type PortNames } from "./port.ts";
import {
  FLOW_CHECK_OVERLAP,
  FLOW_NO_BYTE_COUNTS,
  FLOW_NO_PACKET_COUNTS,
  FLOW_RESET_COUNTS,
  FLOW_SEND_FLOW_REM,
  type Rule,
} from "./rule.ts";

/** How to print a rule. */
export interface FlowFormatOptions {
  readonly ports?: PortNames | undefined;
  /** Print counters and ages as of this time; without it the text says only what the rule is. */
  readonly nowMs?: number | undefined;
}

const FLAGS: readonly (readonly [flag: number, name: string])[] = [
  [FLOW_SEND_FLOW_REM, "send_flow_rem"],
  [FLOW_CHECK_OVERLAP, "check_overlap"],
  [FLOW_RESET_COUNTS, "reset_counts"],
  [FLOW_NO_PACKET_COUNTS, "no_packet_counts"],
  [FLOW_NO_BYTE_COUNTS, "no_byte_counts"],
];

/** Returns a rule on one line. Without `nowMs` it reads back as the same rule. */
export function formatFlow(rule: Rule, options: FlowFormatOptions = {}): string {
  const { nowMs, ports } = options;
  const stats = nowMs !== undefined;
  let text = "";
  if (stats || rule.cookie !== 0n) text += `cookie=0x${rule.cookie.toString(16)}, `;
  if (stats) text += `duration=${((nowMs - rule.createdMs) / 1000).toFixed(3).replace(/\.?0+$/, "")}s, `;
  if (stats || rule.tableId !== 0) text += `table=${rule.tableId}, `;
  if (stats) text += `n_packets=${rule.packets}, n_bytes=${rule.bytes}, `;
  if (rule.idleTimeout !== 0) text += `idle_timeout=${rule.idleTimeout}, `;
  if (rule.hardTimeout !== 0) text += `hard_timeout=${rule.hardTimeout}, `;
  for (const [flag, name] of FLAGS) if ((rule.flags & flag) !== 0) text += `${name} `;
  if (rule.importance !== 0) text += `importance=${rule.importance}, `;
  if (stats) text += ages(rule, nowMs);
  const match = formatMatch(rule.expandedMatch(), rule.priority, ports);
  return `${text}${match}${match === "" ? "" : " "}actions=${formatActions(rule.actions, ports)}`;
}

/** Returns a group on one line, in the syntax that it is read in. */
export function formatGroup(
  group: Pick<Group, "groupId" | "type" | "selection"> & { buckets: readonly BucketSpec[] },
  ports?: PortNames,
): string {
  const type = group.type === "fast_failover" ? "ff" : group.type;
  const parts = [`group_id=${group.groupId}`, `type=${type}`, ...selectionParts(group.selection, ports)];
  for (const bucket of group.buckets) parts.push(formatBucket(bucket, group.type === "select", ports));
  return parts.join(",");
}

/** Returns a meter on one line, in the syntax that it is read in. */
export function formatMeter(meter: Meter): string {
  const special = meter.meterId === METER_CONTROLLER ? "controller" : "slowpath";
  const words = [`meter=${meter.meterId <= METER_ID_MAX ? meter.meterId : special}`, meter.unit];
  if (meter.burst) words.push("burst");
  if (meter.stats) words.push("stats");
  words.push("bands=");
  for (const band of meter.bands) {
    words.push(`type=${band.type}`, `rate=${band.rate}`);
    if (meter.burst) words.push(`burst_size=${band.burst}`);
    if (band.type === "dscp_remark") words.push(`prec_level=${band.precLevel}`);
  }
  return words.join(" ");
}

function ages(rule: Rule, nowMs: number): string {
  const idle = Math.floor((nowMs - Math.max(rule.usedMs, rule.createdMs)) / 1000);
  const hard = Math.floor((nowMs - rule.modifiedMs) / 1000);
  const sameAsDuration = hard === Math.floor((nowMs - rule.createdMs) / 1000);
  return `idle_age=${idle}, ${sameAsDuration ? "" : `hard_age=${hard}, `}`;
}

function selectionParts({ method, param, fields }: GroupSelection, ports?: PortNames): string[] {
  if (method === "") return [];
  const parts = [`selection_method=${method}`];
  if (param !== 0n) parts.push(`selection_method_param=${param}`);
  if (fields.length > 0) {
    const texts = fields.map(({ field, mask }) =>
      mask === field.valueMask
        ? field.name
        : `${field.name}=${formatFieldValue(field, mask, field.valueMask, ports)}`,
    );
    parts.push(fields.length === 1 ? `fields=${texts[0]}` : `fields(${texts.join(",")})`);
  }
  return parts;
}

function formatBucket(bucket: BucketSpec | Bucket, selects: boolean, ports?: PortNames): string {
  const parts: string[] = [];
  if (bucket.bucketId !== BUCKET_ALL) parts.push(`bucket_id:${bucket.bucketId}`);
  if (selects && bucket.weight !== 1) parts.push(`weight:${bucket.weight}`);
  if (bucket.watchPort !== OFPP_ANY) parts.push(`watch_port:${formatPort(bucket.watchPort, ports)}`);
  if (bucket.watchGroup !== GROUP_ANY) parts.push(`watch_group:${bucket.watchGroup}`);
  parts.push(`actions=${formatActions(bucket.actions, ports)}`);
  return `bucket=${parts.join(",")}`;
}
