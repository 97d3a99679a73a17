// Commits changes of the VLAN tags: a set of the outer tag where its control information is all that
// changed, else pops down to the common inner tags and pushes what is new.

import { KEY_TCI0, KEY_TCI1, KEY_TPID0, KEY_TPID1 } from "../../assembly/layout/flow-key.ts";
import type { OdpAction } from "../odp/action.ts";
import { getBe16, setBe16 } from "../odp/flow-key.ts";
import { setMask, takeField } from "./commit-field.ts";
import type { FlowState } from "./flow-state.ts";

const TCI = [KEY_TCI0, KEY_TCI1];
const TPID = [KEY_TPID0, KEY_TPID1];
const CFI = 0x1000;

/** How many tags the flow has; looks at whether there is an inner one. */
export function vlanCount(state: FlowState): number {
  if (!hasTag(state.flow, 0)) return 0;
  setBe16(state.settled, KEY_TCI1, getBe16(state.settled, KEY_TCI1) | CFI);
  return hasTag(state.flow, 1) ? 2 : 1;
}

/** Whether a flow has an outer (0) or inner (1) tag. */
export function hasTag(flow: Uint32Array, index: 0 | 1): boolean {
  return getBe16(flow, index === 0 ? KEY_TPID0 : KEY_TPID1) !== 0;
}

/** Emits what turns the base's tags into the flow's. */
export function commitVlan(state: FlowState, out: OdpAction[]): void {
  if (isTouched(state, 1)) commitStack(state, out);
  else if (isTouched(state, 0)) commitOuterTag(state, out);
}

/** Whether actions wrote to a tag of the flow or of the base. */
function isTouched({ known, baseSet }: FlowState, index: 0 | 1): boolean {
  const tci = TCI[index] as number;
  const tpid = TPID[index] as number;
  return (getBe16(known, tci) | getBe16(known, tpid) | getBe16(baseSet, tci) | getBe16(baseSet, tpid)) !== 0;
}

/** The inner tag, if there is one, stays as it is. */
function commitOuterTag(state: FlowState, out: OdpAction[]): void {
  const has = hasTag(state.flow, 0);
  const had = hasTag(state.base, 0);
  if (has && had) {
    if (sameBytes(state, KEY_TPID0)) {
      setOuterTag(state, out);
      return;
    }
  } else if (!has && !had) return;
  if (had) out.push({ type: "popVlan" });
  if (has) pushTag(state, 0, out);
  takeTag(state, 0);
}

/** Pops down to the tags in common and pushes the others. */
function commitStack(state: FlowState, out: OdpAction[]): void {
  const flowCount = vlanCount(state);
  const baseCount = baseVlanCount(state);
  if (flowCount === baseCount) {
    if (flowCount === 0) return;
    const inner = flowCount === 1 || sameAt(state, 1, 1);
    if (inner && sameBytes(state, KEY_TPID0)) {
      setOuterTag(state, out);
      return;
    }
  }
  let common = 0;
  while (common < flowCount && common < baseCount) {
    if (!sameAt(state, flowCount - 1 - common, baseCount - 1 - common)) break;
    common++;
  }
  for (let i = common; i < baseCount; i++) out.push({ type: "popVlan" });
  for (let i = flowCount - 1 - common; i >= 0; i--) pushTag(state, i, out);
  for (let i = 0; i < 2; i++) takeTag(state, i);
}

function baseVlanCount(state: FlowState): number {
  if (!hasTag(state.base, 0)) return 0;
  if ((getBe16(state.baseSet, KEY_TCI1) & CFI) === 0) {
    setBe16(state.mask, KEY_TCI1, getBe16(state.mask, KEY_TCI1) | CFI);
  }
  return hasTag(state.base, 1) ? 2 : 1;
}

/** Whether two bytes from `offset` are certain to be the same in flow and base. */
function sameBytes(state: FlowState, offset: number): boolean {
  const known = getBe16(state.known, offset);
  const set = getBe16(state.baseSet, offset);
  if ((set & ~known) !== 0) state.look(offset, 2);
  state.settleWord(offset >>> 2);
  const certain = getBe16(state.mask, offset) | set;
  if ((known & ~certain) !== 0) return false;
  return getBe16(state.flow, offset) === getBe16(state.base, offset);
}

/** Whether the flow's tag `flowIndex` is certain to be the base's tag `baseIndex`. */
function sameAt(state: FlowState, flowIndex: number, baseIndex: number): boolean {
  const flowTci = TCI[flowIndex] as number;
  const flowTpid = TPID[flowIndex] as number;
  if (flowIndex === baseIndex) return sameBytes(state, flowTci) && sameBytes(state, flowTpid);
  const baseTci = TCI[baseIndex] as number;
  const baseTpid = TPID[baseIndex] as number;
  for (const offset of [flowTci, flowTpid]) state.look(offset, 2);
  lookBase(state, baseTci);
  lookBase(state, baseTpid);
  return (
    getBe16(state.flow, flowTci) === getBe16(state.base, baseTci) &&
    getBe16(state.flow, flowTpid) === getBe16(state.base, baseTpid)
  );
}

/** Looks at the packet's own bits of a tag of the base. */
function lookBase(state: FlowState, offset: number): void {
  setBe16(state.mask, offset, getBe16(state.mask, offset) | (0xffff & ~getBe16(state.baseSet, offset)));
}

function setOuterTag(state: FlowState, out: OdpAction[]): void {
  if (!takeField(state, KEY_TCI0, 2)) return;
  // With the CFI bit, which clears the tag's DEI on the wire: Open vSwitch pops the tag and pushes another.
  const mask = getBe16(setMask, KEY_TCI0) | CFI;
  out.push({ type: "setVlan", value: getBe16(state.flow, KEY_TCI0) & mask, mask });
}

function pushTag(state: FlowState, index: number, out: OdpAction[]): void {
  const tci = TCI[index] as number;
  const tpid = TPID[index] as number;
  state.look(tci, 2);
  state.look(tpid, 2);
  out.push({
    type: "pushVlan",
    tpid: getBe16(state.flow, tpid),
    tci: getBe16(state.flow, tci) & ~CFI,
  });
}

/** The base's tag is the flow's from now on, and as certain. */
function takeTag(state: FlowState, index: number): void {
  for (const offset of [TCI[index] as number, TPID[index] as number]) {
    state.settleWord(offset >>> 2);
    setBe16(state.base, offset, getBe16(state.flow, offset));
    setBe16(state.baseSet, offset, getBe16(state.settled, offset));
  }
}
