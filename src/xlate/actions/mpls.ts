// MPLS labels: push, pop, set label, traffic class and TTL, decrement, and the copies between the TTLs
// of neighbouring headers.

import {
  KEY_DP_HASH,
  KEY_ETH_TYPE,
  KEY_MPLS0,
  KEY_NW_TOS,
  KEY_WORD_COUNT,
} from "../../../assembly/layout/flow-key.ts";
import { MPLS_MAX } from "../../../assembly/layout/limits.ts";
import { DropReason } from "../../../assembly/layout/stat.ts";
import { getBe32, getU8, setBe16, setBe32 } from "../../odp/flow-key.ts";
import { ETH_TYPE_IPV6, ethTypeOf, isIp, isMplsType } from "../../openflow/prereq.ts";
import { SEGMENT_MASKS } from "../classifier/flow-segments.ts";
import { MPLS_BOS, mplsCount } from "../commit-mpls.ts";
import type { Xlate } from "../context.ts";
import { sendToController } from "./controller.ts";

const LABEL_BITS = 0xfffff000;
const TC_BITS = 0x00000e00;
const TTL_BITS = 0x000000ff;
/** TTL of a label on a packet that has none itself (Open vSwitch's flow_push_mpls). */
const TTL_DEFAULT = 64;
const TTL_OFFSET = 14;

/** `push_mpls`. */
export function pushMpls(x: Xlate, ethertype: number): void {
  const { state } = x;
  const { flow } = state;
  const count = mplsCount(flow, state.settled);
  if (count >= MPLS_MAX) {
    x.fail(
      DropReason.MPLS_DEPTH,
      `dropping packet on which an MPLS push action can't be performed as it would have more MPLS LSEs ` +
        `than the ${MPLS_MAX} supported.`,
    );
    return;
  }
  if (count === 0) {
    x.commit();
    const entry = firstLabel(x);
    hideLayer3(x);
    writeLabel(x, 0, entry);
  } else {
    for (let i = 0; i < count; i++) state.look(KEY_MPLS0 + i * 4, 4);
    for (let i = count; i >= 1; i--) writeLabel(x, i, getBe32(flow, KEY_MPLS0 + (i - 1) * 4));
    writeLabel(x, 0, (getBe32(flow, KEY_MPLS0 + 4) & ~MPLS_BOS) >>> 0);
  }
  setBe16(flow, KEY_ETH_TYPE, ethertype);
  state.dirty = true;
}

/** The first label as OpenFlow 1.3 section 5.12.1 says: all zero but the TTL, which is the IP header's. */
function firstLabelByOpenFlow(x: Xlate): number {
  if (!isIp(x.state.flow)) return MPLS_BOS;
  x.state.lookAtTtl();
  return (MPLS_BOS | getU8(x.state.flow, TTL_OFFSET)) >>> 0;
}

/** The first label: explicit null, with the TTL and the class of the packet below. */
function firstLabel(x: Xlate): number {
  if (x.env.options?.conformance === "openflow") return firstLabelByOpenFlow(x);
  const { state } = x;
  const { flow } = state;
  const label = ethTypeOf(flow) === ETH_TYPE_IPV6 ? 2 : 0;
  let tc = 0;
  let ttl = TTL_DEFAULT;
  if (isIp(flow)) {
    state.lookBits(KEY_NW_TOS >>> 2, 0xfc << ((KEY_NW_TOS & 3) * 8));
    state.lookAtTtl();
    tc = (getU8(flow, KEY_NW_TOS) & 0xfc) >>> 2;
    ttl = getU8(flow, TTL_OFFSET) || TTL_DEFAULT;
  }
  return ((label << 12) | ((tc & 7) << 9) | MPLS_BOS | ttl) >>> 0;
}

/** Behind a label nothing of layer 3 and up can be seen. */
function hideLayer3(x: Xlate): void {
  const { state } = x;
  for (const segment of [2, 3]) {
    const mask = SEGMENT_MASKS[segment] as Uint32Array;
    for (let word = 0; word < KEY_WORD_COUNT; word++) {
      const bits = mask[word] as number;
      if (bits === 0) continue;
      state.overwrite(word, bits);
      state.flow[word] = (state.flow[word] as number) & ~bits;
    }
  }
  state.overwrite(KEY_DP_HASH >>> 2, 0xffffffff);
  state.flow[KEY_DP_HASH >>> 2] = 0;
}

function writeLabel(x: Xlate, index: number, entry: number): void {
  const offset = KEY_MPLS0 + index * 4;
  x.state.overwriteBytes(offset, 4);
  setBe32(x.state.flow, offset, entry);
}

/** `pop_mpls`: nothing on packets without a label. */
export function popMpls(x: Xlate, ethertype: number): void {
  const { state } = x;
  const { flow } = state;
  const count = mplsCount(flow, state.settled);
  if (count === 0) return;
  if (count === MPLS_MAX && (getBe32(flow, KEY_MPLS0 + (count - 1) * 4) & MPLS_BOS) === 0) {
    x.fail(
      DropReason.MPLS_DEPTH,
      `dropping packet on which an MPLS pop action can't be performed as it has more MPLS LSEs than the ` +
        `${MPLS_MAX} supported.`,
    );
    return;
  }
  for (let i = 1; i < count; i++) state.look(KEY_MPLS0 + i * 4, 4);
  for (let i = 1; i < count; i++) writeLabel(x, i - 1, getBe32(flow, KEY_MPLS0 + i * 4));
  writeLabel(x, count - 1, 0);
  setBe16(flow, KEY_ETH_TYPE, ethertype);
  state.dirty = true;
  if (!isMplsType(ethertype)) x.wasMpls = true;
}

/** `set_mpls_label`. */
export function setMplsLabel(x: Xlate, label: number): void {
  setBits(x, LABEL_BITS, label << 12);
}

/** `set_mpls_tc`. */
export function setMplsTc(x: Xlate, tc: number): void {
  setBits(x, TC_BITS, tc << 9);
}

/** `set_mpls_ttl`. */
export function setMplsTtl(x: Xlate, ttl: number): void {
  setBits(x, TTL_BITS, ttl);
}

function setBits(x: Xlate, bits: number, value: number): void {
  const { flow } = x.state;
  if (!isMplsType(ethTypeOf(flow))) return;
  x.state.overwrite(KEY_MPLS0 >>> 2, swapped(bits));
  setBe32(flow, KEY_MPLS0, ((getBe32(flow, KEY_MPLS0) & ~bits) | (value & bits)) >>> 0);
}

/** `dec_mpls_ttl`; returns whether the list of actions ends here. */
export function decMplsTtl(x: Xlate): boolean {
  const { flow } = x.state;
  if (isMplsType(ethTypeOf(flow))) {
    x.state.lookBits(KEY_MPLS0 >>> 2, swapped(TTL_BITS));
    const ttl = getBe32(flow, KEY_MPLS0) & TTL_BITS;
    if (ttl > 1) {
      setMplsTtl(x, ttl - 1);
      return false;
    }
    x.dropHint = DropReason.TTL;
    sendToController(x, { reason: "invalid_ttl", maxLen: 0xffff, controllerId: 0 });
  }
  x.report("warn", "MPLS decrement TTL exception");
  return true;
}

function swapped(bits: number): number {
  return ((bits << 24) | ((bits & 0xff00) << 8) | ((bits >>> 8) & 0xff00) | (bits >>> 24)) >>> 0;
}
