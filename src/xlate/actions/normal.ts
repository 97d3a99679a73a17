// NORMAL: forwards like an ordinary learning switch with VLANs. What is learned is handed back as an
// effect; the destination is looked up in the bridge's MAC table as it is.

import {
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_ETH_TYPE,
  KEY_TCI0,
  KEY_TCI1,
  KEY_TPID0,
} from "../../../assembly/layout/flow-key.ts";
import { DropReason } from "../../../assembly/layout/stat.ts";
import { getBe16, getMac, setBe16 } from "../../odp/flow-key.ts";
import { ETH_TYPE_VLAN_8021Q, isVlanType } from "../../openflow/prereq.ts";
import type { BridgePort } from "../bridge-port.ts";
import { macTag } from "../changes.ts";
import { hasTag, vlanCount } from "../commit-vlan.ts";
import type { Xlate } from "../context.ts";
import { outputPort } from "./output-port.ts";
import { popVlan, pushVlan, writeTag } from "./vlan.ts";

const CFI = 0x1000;
const VID_BITS = 0x0fff;
const PCP_BITS = 0xe000;
const BROADCAST = 0xffffffffffffn;
const MULTICAST_BIT = 1n << 40n;
/** 01:80:c2:00:00:00 to 0f are link-local (IEEE 802.1D table 7-10). */
const RESERVED_MULTICAST = 0x0180c2000000n;

/** Carries `NORMAL` out. */
export function normal(x: Xlate): void {
  const { state } = x;
  const { flow } = state;
  state.look(KEY_DL_DST, 6);
  state.look(KEY_DL_SRC, 6);
  lookAtTci(x, VID_BITS | CFI);
  x.explainer?.note("NORMAL: addresses and VLAN");
  const inPort = x.env.bridge.ports.get(x.inPort);
  if (inPort === undefined) {
    refuse(x, "no input bundle, dropping");
    return;
  }
  if (isVlanType(getBe16(flow, KEY_ETH_TYPE)) && !hasTag(flow, 0)) {
    refuse(x, "partial VLAN tag, dropping");
    return;
  }
  const vid = getBe16(flow, KEY_TCI0) & VID_BITS;
  if (!acceptsVlan(inPort, vid)) {
    refuse(x, "disallowed VLAN VID for this input port, dropping");
    return;
  }
  const vlan = inPort.vlanMode === "access" || (vid === 0 && inPort.vlanMode !== "trunk") ? inPort.tag : vid;
  const destination = getMac(flow, KEY_DL_DST);
  if ((destination & ~0xfn) === RESERVED_MULTICAST) {
    refuse(x, "packet has reserved destination MAC, dropping");
    return;
  }
  const source = getMac(flow, KEY_DL_SRC);
  learnSource(x, inPort, source, vlan);
  forward(x, inPort, source, destination, vlan);
}

function refuse(x: Xlate, text: string): void {
  x.dropHint = DropReason.NORMAL;
  x.report("warn", text);
}

/** Whether a port may receive packets of this VLAN; 0 stands for untagged and priority-tagged. */
function acceptsVlan(port: BridgePort, vid: number): boolean {
  if (port.vlanMode === "access") return vid === 0;
  if (vid === 0 && port.vlanMode !== "trunk") return true;
  return carriesVlan(port, vid);
}

function carriesVlan(port: BridgePort, vlan: number): boolean {
  if (port.vlanMode === "access") return port.tag === vlan;
  return port.trunks === null || port.trunks.has(vlan);
}

/** Whether a port may send the packet: an access port has no place for an inner tag's VLAN. */
function delivers(x: Xlate, port: BridgePort, vlan: number): boolean {
  if (!carriesVlan(port, vlan)) return false;
  if (port.vlanMode !== "access" || vlanCount(x.state) < 2) return true;
  const { flow, settled } = x.state;
  setBe16(settled, KEY_TCI1, getBe16(settled, KEY_TCI1) | VID_BITS);
  return (getBe16(flow, KEY_TCI1) & VID_BITS) === 0;
}

function learnSource(x: Xlate, inPort: BridgePort, mac: bigint, vlan: number): void {
  if ((mac & MULTICAST_BIT) !== 0n) return;
  const known = x.env.bridge.macs.lookup(mac, vlan);
  x.effects.push({ kind: "mac", mac, vlan, port: inPort.ofPort });
  if (known !== inPort.ofPort) {
    x.report("detail", `learned that ${formatMac(mac)} is on port ${inPort.name} in VLAN ${vlan}`);
  }
}

function forward(x: Xlate, inPort: BridgePort, source: bigint, destination: bigint, vlan: number): void {
  if ((destination & MULTICAST_BIT) === 0n) {
    x.noteMac(macTag(destination, vlan));
    const learned = destination === source ? inPort.ofPort : x.env.bridge.macs.lookup(destination, vlan);
    if (learned !== undefined) {
      const port = x.env.bridge.ports.get(learned);
      if (port === undefined) {
        refuse(x, "learned port is unknown, dropping");
        return;
      }
      if (port === inPort) {
        refuse(x, "learned port is input port, dropping");
        return;
      }
      x.report("detail", "forwarding to learned port");
      outputWithVlan(x, port, vlan);
      return;
    }
    x.report("detail", "no learned MAC for destination, flooding");
  } else {
    x.report("detail", destination === BROADCAST ? "broadcast, flooding" : "multicast, flooding");
  }
  x.dropHint = DropReason.NORMAL;
  for (const port of x.env.bridge.ports.values()) {
    if (port === inPort || port.noFlood || !delivers(x, port, vlan)) continue;
    outputWithVlan(x, port, vlan);
  }
}

/** Outputs with the tag that the port's mode asks for, keeping the priority bits. */
function outputWithVlan(x: Xlate, port: BridgePort, vlan: number): void {
  const { state } = x;
  const tagged = hasTag(state.flow, 0);
  const vid = getBe16(state.flow, KEY_TCI0) & VID_BITS;
  const untag = port.vlanMode === "access" || (port.vlanMode === "native-untagged" && vlan === port.tag);
  const outVid = untag ? 0 : vlan;
  // A tag of VLAN 0 only goes out where it carries a priority.
  if (!untag && tagged && vid === 0) lookAtTci(x, PCP_BITS);
  const pcp = untag ? 0 : getBe16(state.flow, KEY_TCI0) & PCP_BITS;
  const wantsTag = outVid !== 0 || pcp !== 0;
  const emptyInner = wantsTag && tagged && hasEmptyInnerTag(x);
  if (wantsTag === tagged && (!tagged || vid === outVid) && !emptyInner) {
    outputPort(x, port.ofPort);
    return;
  }
  const saved = state.save();
  if (emptyInner) writeTag(x, 1, 0, 0);
  if (!wantsTag) {
    // Open vSwitch takes the inner tag away too: it writes no tag behind one that it leaves out.
    popVlan(x);
    popVlan(x);
  } else {
    const tpid = tagged ? getBe16(state.flow, KEY_TPID0) : ETH_TYPE_VLAN_8021Q;
    if (!tagged) pushVlan(x, tpid);
    state.look(KEY_TCI0, 2);
    state.overwriteBytes(KEY_TCI0, 2);
    setBe16(state.flow, KEY_TCI0, outVid | pcp | CFI);
  }
  outputPort(x, port.ofPort);
  state.restore(saved);
}

/** Whether there is an inner tag of VLAN 0 without priority, which Open vSwitch leaves out as it does an outer one. */
function hasEmptyInnerTag(x: Xlate): boolean {
  const { flow, settled } = x.state;
  if (vlanCount(x.state) < 2) return false;
  setBe16(settled, KEY_TCI1, getBe16(settled, KEY_TCI1) | PCP_BITS | VID_BITS);
  return (getBe16(flow, KEY_TCI1) & (PCP_BITS | VID_BITS)) === 0;
}

/** Looks at bits of the outer tag. */
function lookAtTci(x: Xlate, bits: number): void {
  const { settled } = x.state;
  setBe16(settled, KEY_TCI0, getBe16(settled, KEY_TCI0) | bits);
}

function formatMac(mac: bigint): string {
  return mac
    .toString(16)
    .padStart(12, "0")
    .replace(/(..)(?=.)/g, "$1:");
}
