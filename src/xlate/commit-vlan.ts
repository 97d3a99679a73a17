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

/** How many tags a flow has. */
export function vlanCount(flow: Uint32Array): number {
  if (getBe16(flow, KEY_TPID0) === 0 && getBe16(flow, KEY_TCI0) === 0) return 0;
  return getBe16(flow, KEY_TPID1) === 0 && getBe16(flow, KEY_TCI1) === 0 ? 1 : 2;
}

/** Emits what turns the base's tags into the flow's. */
export function commitVlan(state: FlowState, out: OdpAction[]): void {
  if (!tagsTouched(state)) return;
  const { flow, base } = state;
  const flowCount = vlanCount(flow);
  const baseCount = vlanCount(base);
  if (flowCount === baseCount) {
    if (flowCount === 0) return;
    const inner = flowCount === 1 || sameAt(state, 1, 1);
    if (inner && sameBytes(state, KEY_TPID0) && (getBe16(flow, KEY_TCI0) & CFI) !== 0) {
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

function tagsTouched(state: FlowState): boolean {
  const { known, baseSet } = state;
  for (const offset of [...TCI, ...TPID]) {
    if (getBe16(known, offset) !== 0 || getBe16(baseSet, offset) !== 0) return true;
  }
  return false;
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
  const mask = getBe16(setMask, KEY_TCI0) & ~CFI;
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
