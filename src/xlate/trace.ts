// Explains what a switch does with a packet, in the text of Open vSwitch's ofproto/trace: tables and
// rules, the final flow, the megaflow and the datapath's actions; then the same for every recirculation.

import {
  KEY_IN_PORT,
  KEY_RECIRC_ID,
  KEY_TCI0,
  KEY_TPID0,
  KEY_WORD_COUNT,
} from "../../assembly/layout/flow-key.ts";
import { DropReason } from "../../assembly/layout/stat.ts";
import type { OdpAction, OdpPort } from "../odp/action.ts";
import { dropReasonName } from "../odp/drop-reason.ts";
import { type FlowKey, getBe16, setBe16 } from "../odp/flow-key.ts";
import {
  FLOW_ACTSET_OUTPUT,
  FLOW_METADATA,
  FLOW_OF_IN_PORT,
  FLOW_WORD_COUNT,
} from "../openflow/flow-layout.ts";
import { formatMatch } from "../openflow/format-match.ts";
import type { Match } from "../openflow/match.ts";
import { OFPP_UNSET, odpPortToOf } from "../openflow/port.ts";
import { exactMask } from "./finish-mask.ts";
import { fieldsOfMask } from "./report.ts";
import type { TraceNode } from "./trace-node.ts";
import { translate } from "./translate.ts";
import type { TranslateContext, Translation } from "./translation.ts";

/** Recirculations that a trace follows: as many as the datapath does. */
const RECIRC_MAX = 8;

/** How to print a trace. */
export interface TraceOptions {
  /** Say for every bit of the megaflow's mask what asked for it. */
  readonly explain?: boolean;
  /** Prints datapath actions. */
  readonly formatActions: (actions: readonly OdpAction[]) => string;
}

/** Returns the trace of a packet as text, ending in a line end. */
export function traceText(env: TranslateContext, key: FlowKey, options: TraceOptions): string {
  const tracing: TranslateContext = { ...env, options: { ...env.options, trace: true } };
  const parts: string[] = [];
  const queue: { key: FlowKey; depth: number }[] = [{ key, depth: 0 }];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { key: packet, depth } = next;
    const result = translate(tracing, packet);
    const id = packet[KEY_RECIRC_ID >>> 2] as number;
    if (id !== 0) parts.push(recircBanner(id));
    parts.push(passText(packet, result, options));
    if (depth === RECIRC_MAX) continue;
    for (const recircId of result.recircIds) {
      queue.push({ key: recirculatedKey(result, packet, recircId), depth: depth + 1 });
    }
  }
  return parts.join("");
}

/** The key that a packet comes back with, as far as translation can tell. */
function recirculatedKey({ finalFlow }: Translation, key: FlowKey, recircId: number): FlowKey {
  const again = (finalFlow ?? key).slice(0, KEY_WORD_COUNT);
  again[KEY_RECIRC_ID >>> 2] = recircId;
  again[KEY_IN_PORT >>> 2] = key[KEY_IN_PORT >>> 2] as number;
  return again;
}

function recircBanner(id: number): string {
  const rule = "=".repeat(79);
  return `\n${rule}\nrecirc(0x${id.toString(16)})\n${rule}\n\n`;
}

function passText(key: FlowKey, result: Translation, options: TraceOptions): string {
  const initial = flowOf(key);
  const lines = [`Flow: ${flowText(initial)}`];
  if (result.trace !== null) printNodes(lines, [result.trace], 0);
  const { finalFlow } = result;
  const unchanged = finalFlow === null || initial.every((word, i) => word === finalFlow[i]);
  lines.push("", `Final flow: ${unchanged ? "unchanged" : flowText(finalFlow)}`);
  lines.push(`Megaflow: ${formatMatch(megaflowMatch(key, result.mask))}`);
  lines.push(`Datapath actions: ${options.formatActions(result.actions)}`);
  if (result.dropReason !== DropReason.NONE) {
    lines.push(`Drop reason: ${dropReasonName(result.dropReason)}`);
  }
  if (options.explain === true) lines.push(...explain(result));
  return `${lines.join("\n")}\n`;
}

/** One line a reason, with the fields of which it asked for bits. */
function explain({ explanation }: Translation): string[] {
  const lines = ["", "Why the megaflow looks at what it looks at:"];
  for (const { reason, bits } of explanation ?? []) {
    const inPort = bits[KEY_IN_PORT >>> 2] === 0 ? [] : ["in_port"];
    lines.push(`  ${[...inPort, ...fieldsOfMask(widened(bits))].join(",")}`, `    ${reason}`);
  }
  return lines;
}

function printNodes(lines: string[], nodes: readonly TraceNode[], level: number): void {
  nodes.forEach((node, i) => {
    const more = i < nodes.length - 1 || isTerminal(node) ? 1 : 0;
    const indent = " ".repeat((level + more) * 4);
    if (node.kind === "bridge") lines.push("");
    lines.push(indent + PREFIX[node.kind] + node.text + SUFFIX[node.kind]);
    if (node.kind === "bridge") lines.push(indent + "-".repeat(node.text.length));
    printNodes(lines, node.children, level + more + more);
  });
}

const PREFIX: Readonly<Record<TraceNode["kind"], string>> = {
  bridge: "",
  table: "",
  thaw: "",
  action: "",
  bucket: "",
  detail: " -> ",
  warn: " >> ",
  error: " >>>> ",
};
const SUFFIX: Readonly<Record<TraceNode["kind"], string>> = {
  ...PREFIX,
  detail: "",
  warn: "",
  error: " <<<<",
};

function isTerminal({ kind }: TraceNode): boolean {
  return kind !== "bridge" && kind !== "table" && kind !== "thaw";
}

/** A key as the pipeline begins with it. */
function flowOf(key: FlowKey): Uint32Array {
  const flow = new Uint32Array(FLOW_WORD_COUNT);
  flow.set(key.subarray(0, KEY_WORD_COUNT));
  flow[FLOW_OF_IN_PORT >>> 2] = odpPortToOf(key[KEY_IN_PORT >>> 2] as number as OdpPort);
  flow[FLOW_ACTSET_OUTPUT >>> 2] = OFPP_UNSET;
  return flow;
}

/** A flow as text: all that it has, as a match. */
function flowText(flow: Uint32Array): string {
  const mask = new Uint32Array(FLOW_WORD_COUNT);
  mask.set(exactMask(flow));
  for (let i = KEY_WORD_COUNT; i < FLOW_WORD_COUNT; i++) {
    if (flow[i] !== 0 && i !== FLOW_ACTSET_OUTPUT >>> 2) mask[i] = 0xffffffff;
  }
  const metadata = FLOW_METADATA >>> 2;
  if (flow[metadata] !== 0 || flow[metadata + 1] !== 0) mask.fill(0xffffffff, metadata, metadata + 2);
  if (getBe16(flow, KEY_TPID0) === 0) setBe16(mask, KEY_TCI0, 0xffff);
  mask[FLOW_OF_IN_PORT >>> 2] = 0xffffffff;
  for (let i = 0; i < KEY_WORD_COUNT; i++) if (flow[i] === 0 && isMetadata(i)) mask[i] = 0;
  return formatMatch({ words: flow, mask });
}

/** Words of metadata that are only worth mentioning when they are not zero. */
function isMetadata(word: number): boolean {
  return word === 1 || (word >= 12 && word <= 15);
}

/** A megaflow as a match of the pipeline, its port the OpenFlow port. */
function megaflowMatch(key: FlowKey, mask: Uint32Array): Match {
  const wide = widened(mask);
  wide[FLOW_OF_IN_PORT >>> 2] = wide[KEY_IN_PORT >>> 2] as number;
  const words = flowOf(key).map((word, i) => (word & (wide[i] as number)) >>> 0);
  return { words, mask: wide };
}

function widened(mask: Uint32Array): Uint32Array {
  const wide = new Uint32Array(FLOW_WORD_COUNT);
  wide.set(mask);
  return wide;
}
