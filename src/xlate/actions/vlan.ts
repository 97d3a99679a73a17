// VLAN tags: mod_vlan_vid, mod_vlan_pcp, strip_vlan and push_vlan.

import { KEY_TCI0, KEY_TCI1, KEY_TPID0, KEY_TPID1 } from "../../../assembly/layout/flow-key.ts";
import { getBe16, setBe16 } from "../../odp/flow-key.ts";
import { ETH_TYPE_VLAN_8021Q } from "../../openflow/prereq.ts";
import { vlanCount } from "../commit-vlan.ts";
import type { Xlate } from "../context.ts";

const CFI = 0x1000;
const VID_BITS = 0x0fff;
const PCP_BITS = 0xe000;

/** `mod_vlan_vid`. */
export function setVlanVid(x: Xlate, vid: number, pushIfNeeded: boolean): void {
  setTci(x, vid, VID_BITS, pushIfNeeded);
}

/** `mod_vlan_pcp`. */
export function setVlanPcp(x: Xlate, pcp: number, pushIfNeeded: boolean): void {
  setTci(x, pcp << 13, PCP_BITS, pushIfNeeded);
}

/** Writes bits of the outer tag, on packets that have one or get one. */
function setTci(x: Xlate, value: number, bits: number, pushIfNeeded: boolean): void {
  const { state } = x;
  const { flow } = state;
  const tci = getBe16(flow, KEY_TCI0);
  if ((tci & CFI) === 0 && !pushIfNeeded) return;
  if (getBe16(flow, KEY_TPID0) === 0) writeTag(x, 0, ETH_TYPE_VLAN_8021Q, 0);
  else overwriteTci(x, bits | CFI);
  setBe16(flow, KEY_TCI0, (getBe16(flow, KEY_TCI0) & ~bits) | value | CFI);
}

function overwriteTci(x: Xlate, bits: number): void {
  const swapped = ((bits & 0xff) << 8) | (bits >>> 8);
  x.state.overwrite(KEY_TCI0 >>> 2, (swapped << ((KEY_TCI0 & 3) * 8)) >>> 0);
}

/** `strip_vlan` and `pop_vlan`: nothing on packets without a tag. */
export function popVlan(x: Xlate): void {
  const { state } = x;
  const count = vlanCount(state);
  if (count === 0) return;
  if (count === 2) {
    state.look(KEY_TCI1, 2);
    state.look(KEY_TPID1, 2);
  }
  const inner = [getBe16(state.flow, KEY_TPID1), getBe16(state.flow, KEY_TCI1)] as const;
  writeTag(x, 0, ...inner);
  writeTag(x, 1, 0, 0);
}

/**
 * `push_vlan`: a tag with VLAN 0 and priority 0, as Open vSwitch has it, or with those of the tag below,
 * as OpenFlow 1.3 section 5.12.1 says. A third tag falls off the end of what the key holds.
 */
export function pushVlan(x: Xlate, ethertype: number): void {
  const { state } = x;
  const count = vlanCount(state);
  if (count > 0) {
    state.look(KEY_TCI0, 2);
    state.look(KEY_TPID0, 2);
  }
  if (count > 1) {
    state.look(KEY_TCI1, 2);
    state.look(KEY_TPID1, 2);
  }
  const outer = [getBe16(state.flow, KEY_TPID0), getBe16(state.flow, KEY_TCI0)] as const;
  writeTag(x, 1, ...outer);
  const copied = x.env.options?.conformance === "openflow" ? outer[1] & ~CFI : 0;
  writeTag(x, 0, ethertype, copied | CFI);
}

/** Writes a whole tag. */
export function writeTag(x: Xlate, index: 0 | 1, tpid: number, tci: number): void {
  const tpidAt = index === 0 ? KEY_TPID0 : KEY_TPID1;
  const tciAt = index === 0 ? KEY_TCI0 : KEY_TCI1;
  x.state.overwriteBytes(tpidAt, 2);
  x.state.overwriteBytes(tciAt, 2);
  setBe16(x.state.flow, tpidAt, tpid);
  setBe16(x.state.flow, tciAt, tci);
}
