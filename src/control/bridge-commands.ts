// The bridge and its slow path: learned addresses, rules, traces, upcalls; in the forms of Open vSwitch.

import { takeSnapshot } from "../observe/snapshot.ts";
import { formatMac } from "../odp/address.ts";
import { formatOdpActions } from "../odp/format-actions.ts";
import { formatActions } from "../openflow/format-action.ts";
import { formatGroup } from "../openflow/format-flow.ts";
import { formatMatch } from "../openflow/format-match.ts";
import type { Group } from "../openflow/group.ts";
import { OFPP_LOCAL, type OfPort } from "../openflow/port.ts";
import { traceText } from "../xlate/trace.ts";
import {
  type ControlAnswer,
  type ControlCommand,
  type ControlContext,
  ControlError,
  checkBridge,
  datapathName,
  takeOptions,
} from "./command.ts";
import { keyOfFlow, keyOfOdpFlow, keyOfPacket } from "./trace-key.ts";

export const bridgeCommands: readonly ControlCommand[] = [
  { name: "fdb/show", usage: "bridge", min: 1, max: 1, run: fdbShow },
  { name: "fdb/flush", usage: "[bridge]", min: 0, max: 1, run: fdbFlush },
  { name: "bridge/dump-flows", usage: "bridge", min: 1, max: 1, run: dumpFlows },
  { name: "bridge/dump-groups", usage: "bridge [group]", min: 1, max: 2, run: dumpGroups },
  { name: "bridge/dump-group-stats", usage: "bridge [group]", min: 1, max: 2, run: dumpGroupStats },
  { name: "dpif/show", usage: "", min: 0, max: 0, run: dpifShow },
  { name: "ofproto/list", usage: "", min: 0, max: 0, run: ({ owner }) => [owner.bridge.name] },
  {
    name: "ofproto/trace",
    usage: "{[dp] odp_flow | bridge br_flow} [-explain] [packet]",
    min: 1,
    max: 4,
    run: trace,
  },
  { name: "upcall/show", usage: "", min: 0, max: 0, run: upcallShow },
  {
    name: "upcall/disable-megaflows",
    usage: "",
    min: 0,
    max: 0,
    run: (context) => enableMegaflows(context, false),
  },
  {
    name: "upcall/enable-megaflows",
    usage: "",
    min: 0,
    max: 0,
    run: (context) => enableMegaflows(context, true),
  },
  { name: "revalidator/purge", usage: "", min: 0, max: 0, run: purge },
  { name: "revalidator/wait", usage: "", min: 0, max: 0, run: wait },
  { name: "upcall/set-flow-limit", usage: "flow-limit-number", min: 1, max: 1, run: setFlowLimit },
];

function fdbShow(context: ControlContext, [bridge]: readonly string[]): ControlAnswer {
  checkBridge(context, bridge);
  const { owner } = context;
  const lines = [" port  VLAN  MAC                Age"];
  for (const entry of owner.bridge.macs.entries()) {
    const port = entry.port === OFPP_LOCAL ? "LOCAL" : String(entry.port);
    const age = Math.floor(Math.max(0, owner.nowMs - entry.usedMs) / 1000);
    const vlan = String(entry.vlan).padStart(4);
    lines.push(`${port.padStart(5)}  ${vlan}  ${formatMac(entry.mac)}  ${String(age).padStart(3)}`);
  }
  return lines;
}

function fdbFlush(context: ControlContext, [bridge]: readonly string[]): ControlAnswer {
  checkBridge(context, bridge);
  context.owner.bridge.macs.flush();
  context.owner.revalidate();
  return ["table successfully flushed"];
}

function dumpFlows(context: ControlContext, [bridge]: readonly string[]): ControlAnswer {
  checkBridge(context, bridge);
  const { owner } = context;
  owner.creditRules();
  const lines: string[] = [];
  owner.bridge.forEachRule((rule) => {
    const table = rule.tableId === 0 ? "" : `table_id=${rule.tableId}, `;
    const seconds = Math.floor((owner.nowMs - rule.createdMs) / 1000);
    const match = formatMatch(rule.expandedMatch(), rule.priority);
    const counts = `duration=${seconds}s, n_packets=${rule.packets}, n_bytes=${rule.bytes}`;
    lines.push(`${table}${counts}, ${match},actions=${formatActions(rule.actions)}`);
  });
  return lines;
}

/** Groups as `ovs-ofctl dump-groups` prints them. */
function dumpGroups(context: ControlContext, [bridge, group]: readonly string[]): ControlAnswer {
  checkBridge(context, bridge);
  return groupsOf(context, group).map((one) => formatGroup(one));
}

/** What went through them, as `ovs-ofctl dump-group-stats` prints it, without what we do not count. */
function dumpGroupStats(context: ControlContext, [bridge, group]: readonly string[]): ControlAnswer {
  checkBridge(context, bridge);
  return groupsOf(context, group).map(({ groupId, buckets, ...all }) => {
    const counts = ({ packets, bytes }: { packets: number; bytes: number }) =>
      `packet_count=${packets},byte_count=${bytes}`;
    const parts = [`group_id=${groupId}`, counts(all)];
    buckets.forEach((bucket, i) => {
      parts.push(`bucket${i}:${counts(bucket)}`);
    });
    return parts.join(",");
  });
}

function groupsOf({ owner }: ControlContext, id: string | undefined): Group[] {
  const groups = owner.groups().sort((a, b) => a.groupId - b.groupId);
  if (id === undefined) return groups;
  const found = groups.filter(({ groupId }) => String(groupId) === id);
  if (found.length === 0) throw new ControlError(`there is no group ${id}`);
  return found;
}

function dpifShow(context: ControlContext): ControlAnswer {
  const { totals, ports } = takeSnapshot(context.owner);
  const hit = totals.hits.microflow + totals.hits.maskCache + totals.hits.masked;
  return [
    `${datapathName(context)}: hit:${hit} missed:${totals.hits.upcall}`,
    `  ${context.owner.bridge.name}:`,
    ...ports.map((port) => `    ${port.name} ${port.number}/${port.datapathNumber}: (${port.kind})`),
  ];
}

async function trace(context: ControlContext, args: readonly string[]): Promise<ControlAnswer> {
  const { options, rest } = takeOptions(args, ["-generate", "-explain", "--explain"]);
  const key = await traceKey(context, rest);
  const explain = options.has("-explain") || options.has("--explain");
  return traceText(context.owner.translation, key, { explain, formatActions: formatOdpActions });
}

/** `bridge flow`, `[dp] odp_flow`, each with a packet's bytes behind it. */
async function traceKey(context: ControlContext, args: readonly string[]) {
  const isDatapathFlow = (text: string | undefined): boolean => /\b(recirc_id|in_port)\(/.test(text ?? "");
  const at = args.findIndex(isDatapathFlow);
  if (at >= 0) return keyOfOdpFlow(args[at] as string);
  const named = args.length > 1 && !(args[0] as string).includes("=");
  if (named) checkBridge(context, args[0]);
  const [flow, hex] = named ? args.slice(1) : args;
  if (flow === undefined) throw new ControlError("a flow is missing");
  if (hex === undefined) return keyOfFlow(flow, context.owner.bridge.portNames);
  const port = /^in_port=(\S+)$/.exec(flow)?.[1];
  if (port === undefined) throw new ControlError(`with a packet the flow is in_port=PORT, got "${flow}"`);
  const number = context.owner.bridge.portNames.byName.get(port) ?? (Number(port) as OfPort);
  if (!context.owner.bridge.ports.has(number)) throw new ControlError(`there is no port ${port}`);
  return keyOfPacket(number, hex);
}

function upcallShow(context: ControlContext): ControlAnswer {
  const { owner, history } = context;
  const { megaflows } = takeSnapshot(owner);
  const { average, most } = history.megaflows(megaflows);
  const { flowLimit, dumpUs } = owner.revalidatorStats();
  const limit = flowLimit * owner.pmds.length;
  return [
    `${datapathName(context)}:`,
    `  flows         : (current ${megaflows}) (avg ${average}) (max ${most}) (limit ${limit})`,
    `  dump duration : ${Math.round(dumpUs.p50 / 1000)}ms`,
    "  ufid enabled : true",
    "",
    ...owner.pmds.map((pmd) => `  ${pmd.index}: (keys ${pmd.handler.ukeys.size})`),
  ];
}

function enableMegaflows({ owner }: ControlContext, on: boolean): ControlAnswer {
  owner.enableMegaflows(on);
  return [`megaflows ${on ? "enabled" : "disabled"}`];
}

function purge({ owner }: ControlContext): ControlAnswer {
  owner.flushMegaflows();
  return "";
}

/** Answers when what all changes up to now have caused is done. */
async function wait({ owner }: ControlContext): Promise<ControlAnswer> {
  await owner.settled();
  return "";
}

async function setFlowLimit({ owner }: ControlContext, [limit]: readonly string[]): Promise<ControlAnswer> {
  const { flowLimit } = await owner.changeSettings({ flowLimit: limit as unknown as number });
  return [`set flow_limit to ${flowLimit}`];
}
