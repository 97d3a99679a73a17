// Writing fields of the packet and of the metadata: set_field, load, move, the stack, and OpenFlow 1.0's
// set actions for Ethernet, IP and ports.

import {
  KEY_DL_DST,
  KEY_DL_SRC,
  KEY_NW_DST,
  KEY_NW_PROTO,
  KEY_NW_SRC,
  KEY_NW_TOS,
  KEY_NW_TTL,
  KEY_TCI0,
  KEY_TP_DST,
  KEY_TP_SRC,
  KEY_TPID0,
} from "../../../assembly/layout/flow-key.ts";
import { getBe16, getU8, setBe16, setBe32, setMac, setU8 } from "../../odp/flow-key.ts";
import type { SetFieldAction } from "../../openflow/action.ts";
import type { Field, Subfield } from "../../openflow/field.ts";
import {
  fieldMaskBits,
  fieldSetMasked,
  ones,
  subfieldGet,
  subfieldMask,
} from "../../openflow/field-value.ts";
import { FLOW_WORD_COUNT, flowCreate } from "../../openflow/flow-layout.ts";
import {
  ETH_TYPE_IP,
  ETH_TYPE_VLAN_8021Q,
  ethTypeOf,
  isIp,
  isLaterFragment,
  prereqMet,
} from "../../openflow/prereq.ts";
import type { Xlate } from "../context.ts";
import { stackBytes } from "../freeze.ts";
import { reportSubfield } from "../report.ts";

/** A set_field worked out to words of the flow: done once an action. */
interface WordWrites {
  readonly words: readonly number[];
  readonly bits: readonly number[];
  readonly values: readonly number[];
}

const writesOf = new WeakMap<SetFieldAction, WordWrites>();
const scratchMask = flowCreate();
const scratchValue = flowCreate();

/** `set_field` and `load`, on packets that have the field. */
export function setField(x: Xlate, action: SetFieldAction): void {
  const { field } = action;
  if (!prereqMet(field.prereq, x.state.flow, x.state.settled)) {
    x.report("warn", `unmet prerequisites for ${field.name}, set_field ignored`);
    return;
  }
  if (field.quirk !== "none" && field.quirk !== "icmp") {
    writeField(x, field, action.value, action.mask);
    return;
  }
  const { words, bits, values } = writes(action);
  const { flow } = x.state;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as number;
    const mask = bits[i] as number;
    x.state.overwrite(word, mask);
    flow[word] = ((flow[word] as number) & ~mask) | (values[i] as number);
  }
  if (field.offset === KEY_TCI0) fixTpid(x);
}

function writes(action: SetFieldAction): WordWrites {
  let made = writesOf.get(action);
  if (made === undefined) {
    scratchMask.fill(0);
    scratchValue.fill(0);
    fieldMaskBits(scratchMask, action.field, action.mask);
    fieldSetMasked(scratchValue, action.field, action.value, action.mask);
    const words: number[] = [];
    for (let i = 0; i < FLOW_WORD_COUNT; i++) if (scratchMask[i] !== 0) words.push(i);
    const bits = words.map((word) => scratchMask[word] as number);
    made = { words, bits, values: words.map((word) => scratchValue[word] as number) };
    writesOf.set(action, made);
  }
  return made;
}

/** Writes `value` where `mask` has bits; for fields that the packet is known to have. */
export function writeField(x: Xlate, field: Field, value: bigint, mask: bigint): void {
  const { state } = x;
  if (field.quirk === "dlVlan" || field.quirk === "port16") {
    if (field.quirk === "dlVlan") state.look(KEY_TCI0, 2);
    state.overwriteBytes(field.offset, field.size);
  } else {
    scratchMask.fill(0, field.offset >>> 2, (field.offset + field.size + 3) >>> 2);
    fieldMaskBits(scratchMask, field, mask);
    const end = (field.offset + field.size + 3) >>> 2;
    for (let word = field.offset >>> 2; word < end; word++) {
      if (scratchMask[word] !== 0) state.overwrite(word, scratchMask[word] as number);
    }
  }
  fieldSetMasked(state.flow, field, value, mask);
  if (field.offset === KEY_TCI0) fixTpid(x);
}

/** Writes part of a field, whatever the packet is. */
export function assignSubfield(x: Xlate, part: Subfield, value: bigint): void {
  const shift = BigInt(part.offset);
  const mask = ones(part.width) << shift;
  writeField(x, part.field, (value << shift) & mask, mask);
}

/** The same, and tells the trace. */
export function writeSubfield(x: Xlate, part: Subfield, value: bigint): void {
  assignSubfield(x, part, value);
  reportSubfield(x, part);
}

/** A tag has a protocol exactly when it has control information. */
function fixTpid(x: Xlate): void {
  const { flow } = x.state;
  const tci = getBe16(flow, KEY_TCI0);
  const tpid = getBe16(flow, KEY_TPID0);
  if (tpid === 0 && tci !== 0) writeTpid(x, ETH_TYPE_VLAN_8021Q);
  else if (tci === 0 && tpid !== 0) writeTpid(x, 0);
}

function writeTpid(x: Xlate, tpid: number): void {
  x.state.overwriteBytes(KEY_TPID0, 2);
  setBe16(x.state.flow, KEY_TPID0, tpid);
}

/** `move:SRC->DST`, on packets that have both fields. */
export function move(x: Xlate, src: Subfield, dst: Subfield): void {
  const { flow, settled } = x.state;
  if (!prereqMet(dst.field.prereq, flow, settled) || !prereqMet(src.field.prereq, flow, settled)) return;
  subfieldMask(settled, src);
  writeSubfield(x, dst, subfieldGet(flow, src));
}

/** `push:SRC`. */
export function pushStack(x: Xlate, src: Subfield): void {
  subfieldMask(x.state.settled, src);
  x.stack.push({ value: subfieldGet(x.state.flow, src), width: src.width });
  x.stackBytes += stackBytes(src.width);
}

/** `pop:DST`. */
export function popStack(x: Xlate, dst: Subfield): void {
  const entry = x.stack.pop();
  if (entry === undefined) {
    x.report("error", "stack underflow");
    return;
  }
  x.stackBytes -= stackBytes(entry.width);
  writeSubfield(x, dst, entry.value);
}

/** `mod_dl_src` and `mod_dl_dst`. */
export function setEth(x: Xlate, which: "src" | "dst", mac: bigint): void {
  const offset = which === "src" ? KEY_DL_SRC : KEY_DL_DST;
  x.state.overwriteBytes(offset, 6);
  setMac(x.state.flow, offset, mac);
}

/** `mod_nw_src` and `mod_nw_dst`. */
export function setIpv4(x: Xlate, which: "src" | "dst", address: number): void {
  if (ethTypeOf(x.state.flow) !== ETH_TYPE_IP) return;
  const offset = which === "src" ? KEY_NW_SRC : KEY_NW_DST;
  x.state.overwriteBytes(offset, 4);
  setBe32(x.state.flow, offset, address);
}

/** `mod_nw_tos` and `mod_nw_ecn`: writes those bits of the byte that `mask` has. */
export function setTos(x: Xlate, value: number, mask: number): void {
  if (!isIp(x.state.flow)) return;
  const { flow } = x.state;
  x.state.overwrite(KEY_NW_TOS >>> 2, (mask << ((KEY_NW_TOS & 3) * 8)) >>> 0);
  setU8(flow, KEY_NW_TOS, (getU8(flow, KEY_NW_TOS) & ~mask) | (value & mask));
}

/** `mod_nw_ttl`. */
export function setTtl(x: Xlate, ttl: number): void {
  if (!isIp(x.state.flow)) return;
  x.state.overwriteBytes(KEY_NW_TTL, 1);
  setU8(x.state.flow, KEY_NW_TTL, ttl);
}

/** `mod_tp_src` and `mod_tp_dst`. */
export function setPort(x: Xlate, which: "src" | "dst", port: number): void {
  const { state } = x;
  if (!isIp(state.flow) || isLaterFragment(state.flow)) return;
  const offset = which === "src" ? KEY_TP_SRC : KEY_TP_DST;
  state.look(KEY_NW_PROTO, 1);
  state.overwriteBytes(offset, 2);
  setBe16(state.flow, offset, port);
}
