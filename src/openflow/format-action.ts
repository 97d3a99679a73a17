// OpenFlow actions as ovs-ofctl prints them.

import { formatIpv4, formatMac } from "../odp/address.ts";
import {
  type BundleAction,
  CONTROLLER_MAX_LEN,
  type ControllerAction,
  type LearnAction,
  type LearnSpec,
  type OfAction,
  type OfActionType,
  type SampleAction,
  type SetFieldAction,
  TABLE_CURRENT,
} from "./action.ts";
import { type Field, formatSubfield, type Subfield } from "./field.ts";
import { ones } from "./field-value.ts";
import { formatFieldValue, formatHex, formatPort } from "./format-value.ts";
import { formatHexBytes } from "./parse-bytes.ts";
import {
  OF_PORT_NUMBER_MAX,
  OFPP_CONTROLLER,
  OFPP_IN_PORT,
  OFPP_NONE,
  type OfPort,
  type PortNames,
} from "./port.ts";
import { PRIORITY_DEFAULT } from "./rule.ts";

/** Returns a list of actions, `drop` for an empty one. */
export function formatActions(actions: readonly OfAction[], ports?: PortNames): string {
  return actions.length === 0 ? "drop" : actions.map((action) => formatAction(action, ports)).join(",");
}

/** Returns one action. */
export function formatAction(action: OfAction, ports?: PortNames): string {
  const print = printers[action.type] as (action: OfAction, ports?: PortNames) => string;
  return print(action, ports);
}

type Printers = {
  readonly [T in OfActionType]: (action: Extract<OfAction, { type: T }>, ports?: PortNames) => string;
};

const printers: Printers = {
  output: (a, ports) => {
    if (a.port === OFPP_CONTROLLER) return `CONTROLLER:${a.maxLen}`;
    return a.port <= OF_PORT_NUMBER_MAX ? `output:${formatPort(a.port, ports)}` : formatPort(a.port, ports);
  },
  outputReg: (a) => `output:${formatSubfield(a.src)}`,
  outputTrunc: (a, ports) => `output(port=${formatPort(a.port, ports)},max_len=${a.maxLen})`,
  group: (a) => `group:${a.groupId}`,
  enqueue: (a, ports) => `enqueue:${formatPort(a.port, ports)}:${a.queueId}`,
  controller: formatController,
  bundle: formatBundle,
  setField: formatSetField,
  move: (a) => `move:${formatSubfield(a.src)}->${formatSubfield(a.dst)}`,
  setVlanVid: (a) => `${a.pushIfNeeded ? "mod" : "set"}_vlan_vid:${a.vid}`,
  setVlanPcp: (a) => `${a.pushIfNeeded ? "mod" : "set"}_vlan_pcp:${a.pcp}`,
  stripVlan: () => "strip_vlan",
  pushVlan: (a) => `push_vlan:${formatHex(a.ethertype)}`,
  setEthSrc: (a) => `mod_dl_src:${formatMac(a.mac)}`,
  setEthDst: (a) => `mod_dl_dst:${formatMac(a.mac)}`,
  setIpv4Src: (a) => `mod_nw_src:${formatIpv4(a.address)}`,
  setIpv4Dst: (a) => `mod_nw_dst:${formatIpv4(a.address)}`,
  setIpDscp: (a) => `mod_nw_tos:${a.dscp}`,
  setIpEcn: (a) => `mod_nw_ecn:${a.ecn}`,
  setIpTtl: (a) => `mod_nw_ttl:${a.ttl}`,
  setL4Src: (a) => `mod_tp_src:${a.port}`,
  setL4Dst: (a) => `mod_tp_dst:${a.port}`,
  decTtl: ({ controllerIds: ids }) =>
    ids.length === 1 && ids[0] === 0 ? "dec_ttl" : `dec_ttl(${ids.join(",")})`,
  setMplsLabel: (a) => `set_mpls_label(${a.label})`,
  setMplsTc: (a) => `set_mpls_tc(${a.tc})`,
  setMplsTtl: (a) => `set_mpls_ttl(${a.ttl})`,
  decMplsTtl: () => "dec_mpls_ttl",
  pushMpls: (a) => `push_mpls:${hex4(a.ethertype)}`,
  popMpls: (a) => `pop_mpls:${hex4(a.ethertype)}`,
  copyTtlIn: () => "copy_ttl_in",
  copyTtlOut: () => "copy_ttl_out",
  push: (a) => `push:${formatSubfield(a.src)}`,
  pop: (a) => `pop:${formatSubfield(a.dst)}`,
  setTunnel: (a) => `set_tunnel${a.wide || a.tunId > 0xffffffffn ? "64" : ""}:${formatHex(a.tunId)}`,
  setQueue: (a) => `set_queue:${a.queueId}`,
  popQueue: () => "pop_queue",
  finTimeout: (a) => {
    const idle = a.idleTimeout === 0 ? [] : [`idle_timeout=${a.idleTimeout}`];
    const hard = a.hardTimeout === 0 ? [] : [`hard_timeout=${a.hardTimeout}`];
    return `fin_timeout(${[...idle, ...hard].join(",")})`;
  },
  resubmit: (a, ports) => formatResubmit(a.inPort, a.tableId, ports),
  learn: formatLearn,
  conjunction: (a) => `conjunction(${a.id},${a.clause + 1}/${a.clauseCount})`,
  multipath: (a) =>
    `multipath(${a.fields},${a.basis},${a.algorithm},${a.linkCount},${a.arg},${formatSubfield(a.dst)})`,
  note: (a) => `note:${formatHexBytes(a.data)}`,
  exit: () => "exit",
  sample: formatSample,
  clone: (a, ports) => `clone(${formatActions(a.actions, ports)})`,
  checkPktLarger: (a) => `check_pkt_larger(${a.pktLen})->${formatSubfield(a.dst)}`,
  debugRecirc: () => "debug_recirc",
  debugSlow: () => "debug_slow",
  meter: (a) => `meter:${a.meterId}`,
  clearActions: () => "clear_actions",
  writeActions: (a, ports) => `write_actions(${formatActions(a.actions, ports)})`,
  writeMetadata: (a) => {
    const mask = a.mask === ones(64) ? "" : `/${formatHex(a.mask)}`;
    return `write_metadata:${formatHex(a.metadata)}${mask}`;
  },
  gotoTable: (a) => `goto_table:${a.tableId}`,
};

function formatController(a: ControllerAction): string {
  const parts: string[] = [];
  if (a.reason !== "action") parts.push(`reason=${a.reason}`);
  if (a.maxLen !== CONTROLLER_MAX_LEN) parts.push(`max_len=${a.maxLen}`);
  if (a.controllerId !== 0) parts.push(`id=${a.controllerId}`);
  if (a.userdata.length > 0) parts.push(`userdata=${formatHexBytes(a.userdata)}`);
  if (a.pause) parts.push("pause");
  if (a.meterId !== 0) parts.push(`meter_id=${a.meterId}`);
  return `controller(${parts.join(",")})`;
}

function formatBundle(a: BundleAction, ports?: PortNames): string {
  const name = a.dst === undefined ? "bundle" : "bundle_load";
  const dst = a.dst === undefined ? "" : `${formatSubfield(a.dst)},`;
  const members = a.members.map((port) => formatPort(port, ports)).join(",");
  return `${name}(${a.fields},${a.basis},${a.algorithm},ofport,${dst}members:${members})`;
}

function formatSetField(a: SetFieldAction, ports?: PortNames): string {
  if (!a.load) return `set_field:${formatFieldValue(a.field, a.value, a.mask, ports)}->${a.field.name}`;
  return loadSegments(a.field, a.mask)
    .map(
      (part) =>
        `load:${formatHex((a.value >> BigInt(part.offset)) & ones(part.width))}->${formatSubfield(part)}`,
    )
    .join(",");
}

/** Cuts a mask into runs of 1-bits, none over 64 bits, which is all that one load carries. */
function loadSegments(field: Field, mask: bigint): Subfield[] {
  const segments: Subfield[] = [];
  let offset = 0;
  while (mask >> BigInt(offset) !== 0n) {
    let width = 0;
    while (((mask >> BigInt(offset + width)) & 1n) === 1n && width < 64) width++;
    if (width > 0) segments.push({ field, offset, width });
    offset += Math.max(width, 1);
  }
  return segments;
}

function formatResubmit(inPort: OfPort, tableId: number, ports?: PortNames): string {
  if (inPort !== OFPP_IN_PORT && tableId === TABLE_CURRENT) return `resubmit:${formatPort(inPort, ports)}`;
  const port = inPort === OFPP_IN_PORT ? "" : formatPort(inPort, ports);
  return `resubmit(${port},${tableId === TABLE_CURRENT ? "" : tableId})`;
}

function formatLearn(a: LearnAction, ports?: PortNames): string {
  const parts = [`table=${a.tableId}`];
  const timeouts = [
    ["idle_timeout", a.idleTimeout],
    ["hard_timeout", a.hardTimeout],
    ["fin_idle_timeout", a.finIdleTimeout],
    ["fin_hard_timeout", a.finHardTimeout],
  ] as const;
  for (const [name, seconds] of timeouts) if (seconds !== 0) parts.push(`${name}=${seconds}`);
  if (a.priority !== PRIORITY_DEFAULT) parts.push(`priority=${a.priority}`);
  if (a.sendFlowRem) parts.push("send_flow_rem");
  if (a.deleteLearned) parts.push("delete_learned");
  if (a.cookie !== 0n) parts.push(`cookie=${formatHex(a.cookie)}`);
  if (a.limit !== 0) parts.push(`limit=${a.limit}`);
  if (a.resultDst !== undefined) parts.push(`result_dst=${formatSubfield(a.resultDst)}`);
  for (const spec of a.specs) parts.push(formatLearnSpec(spec, ports));
  return `learn(${parts.join(",")})`;
}

function formatLearnSpec(spec: LearnSpec, ports?: PortNames): string {
  const { src, dst, immediate } = spec;
  if (spec.kind === "output" || dst === undefined) return `output:${formatSubfield(src!)}`;
  if (spec.kind === "load") {
    return `load:${src === undefined ? formatHex(immediate!) : formatSubfield(src)}->${formatSubfield(dst)}`;
  }
  if (src !== undefined) {
    const same = src.field === dst.field && src.offset === dst.offset;
    return same ? formatSubfield(dst) : `${formatSubfield(dst)}=${formatSubfield(src)}`;
  }
  const whole = dst.offset === 0 && dst.width === dst.field.width;
  if (!whole) return `${formatSubfield(dst)}=${formatHex(immediate!)}`;
  return `${dst.field.name}=${formatFieldValue(dst.field, immediate!, dst.field.valueMask, ports)}`;
}

function formatSample(a: SampleAction, ports?: PortNames): string {
  const parts = [
    `probability=${a.probability}`,
    `collector_set_id=${a.collectorSetId}`,
    `obs_domain_id=${a.obsDomainId}`,
    `obs_point_id=${a.obsPointId}`,
  ];
  if (a.samplingPort !== OFPP_NONE) parts.push(`sampling_port=${formatPort(a.samplingPort, ports)}`);
  if (a.direction !== "default") parts.push(a.direction);
  return `sample(${parts.join(",")})`;
}

function hex4(value: number): string {
  return `0x${value.toString(16).padStart(4, "0")}`;
}
