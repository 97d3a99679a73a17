// The trace's lines about rules, actions and fields, in the words of Open vSwitch's ofproto/trace.

import type { OfAction } from "../openflow/action.ts";
import { FIELDS, type Field, formatSubfield, type Subfield } from "../openflow/field.ts";
import { fieldGet, subfieldGet } from "../openflow/field-value.ts";
import { formatAction, formatActions } from "../openflow/format-action.ts";
import { formatMatch } from "../openflow/format-match.ts";
import { formatFieldValue, formatHex } from "../openflow/format-value.ts";
import { actionSetToList } from "./action-set.ts";
import type { Xlate } from "./context.ts";
import type { TableRule } from "./table-rule.ts";
import type { TraceNode } from "./trace-node.ts";

/** Records that a table was looked up, and what was found. */
export function reportRule(x: Xlate, rule: TableRule | null, tableId: number): TraceNode | null {
  if (x.trace === null) return null;
  const what = rule === null ? "No match." : describeRule(rule);
  return x.report("table", `${tableId.toString().padStart(2)}. ${what}`);
}

/** `ip,nw_dst=10.0.0.1, priority 32768, cookie 0x5`. */
export function describeRule(rule: TableRule): string {
  const match = formatMatch(rule.expandedMatch());
  const cookie = rule.cookie === 0n ? "" : `, cookie 0x${rule.cookie.toString(16)}`;
  return `${match === "" ? "" : `${match}, `}priority ${rule.priority}${cookie}`;
}

/** Records an action that is about to be carried out. */
export function reportAction(x: Xlate, action: OfAction): void {
  x.report("action", formatAction(action));
}

/** Records the action set, as the list that it amounts to. */
export function reportActionSet(x: Xlate, verb: "is" | "was"): void {
  if (x.trace === null) return;
  const list = actionSetToList(x.actionSet);
  x.report(
    "detail",
    list.length === 0 ? `action set ${verb} empty` : `action set ${verb}: ${formatActions(list)}`,
  );
}

/** Records what part of a field is after it was written. */
export function reportSubfield(x: Xlate, part: Subfield): void {
  if (x.trace === null) return;
  const { field } = part;
  const { flow } = x.state;
  const whole = part.offset === 0 && part.width >= field.width;
  const text = whole
    ? formatFieldValue(field, fieldGet(flow, field), field.valueMask)
    : formatHex(subfieldGet(flow, part));
  x.report("detail", `${formatSubfield(part)} is now ${text}`);
}

const namesOfMask = new WeakMap<Uint32Array, string>();

/** The fields that a mask has bits in, for a reader: `eth_type,ip_dst/8`; `any` for none. */
export function describeMask(mask: Uint32Array): string {
  let text = namesOfMask.get(mask);
  if (text === undefined) {
    text = fieldsOfMask(mask).join(",") || "nothing";
    namesOfMask.set(mask, text);
  }
  return text;
}

/** The names of the fields that a mask has bits in, each bit under the first field that holds it. */
export function fieldsOfMask(mask: Uint32Array): string[] {
  const left = mask.slice();
  const bytes = new Uint8Array(left.buffer);
  const names: string[] = [];
  for (const field of FIELDS) {
    if (field.offset + field.size > bytes.length || !isPlain(field)) continue;
    const bits = fieldGet(left, field);
    if (bits === 0n) continue;
    names.push(field.name + maskSuffix(bits, field));
    bytes.fill(0, field.offset, field.offset + field.size);
  }
  return names;
}

/** Fields that say no more than another one does are left out. */
function isPlain(field: Field): boolean {
  return field.quirk !== "port16" && field.quirk !== "dlVlan" && field.quirk !== "vlanPcp";
}

/** `/8` for a prefix, `&0x3` for other parts of a field, nothing for all of it. */
function maskSuffix(bits: bigint, field: Field): string {
  if (bits === field.valueMask) return "";
  const inverse = bits ^ field.valueMask;
  const isPrefix = (inverse & (inverse + 1n)) === 0n;
  if (isPrefix) return `/${bits.toString(2).replaceAll("0", "").length}`;
  return `&0x${bits.toString(16)}`;
}
