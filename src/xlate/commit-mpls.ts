// Commits changes of the MPLS label stack: sets the outermost label where only that changed, else pops
// down to the labels in common and pushes the others.

import { KEY_ETH_TYPE, KEY_MPLS0 } from "../../assembly/layout/flow-key.ts";
import { MPLS_MAX } from "../../assembly/layout/limits.ts";
import type { OdpAction } from "../odp/action.ts";
import { getBe32, setBe16, setBe32 } from "../odp/flow-key.ts";
import { ETH_TYPE_MPLS, ethTypeOf, isMplsType } from "../openflow/prereq.ts";
import { setMask, takeField } from "./commit-field.ts";
import type { FlowState } from "./flow-state.ts";

/** Bottom-of-stack bit of a label stack entry. */
export const MPLS_BOS = 0x100;

/** How many labels a flow holds; looks at the bits that tell where `looked` is given. */
export function mplsCount(flow: Uint32Array, looked?: Uint32Array): number {
  if (!isMplsType(ethTypeOf(flow))) return 0;
  for (let i = 0; i < MPLS_MAX; i++) {
    const offset = KEY_MPLS0 + i * 4;
    if (looked !== undefined) setBe32(looked, offset, getBe32(looked, offset) | MPLS_BOS);
    if ((getBe32(flow, offset) & MPLS_BOS) !== 0) return i + 1;
  }
  return countWithoutBottom(flow, looked);
}

/** Labels of a stack whose bottom is out of sight or cut off: those that are not zero. */
function countWithoutBottom(flow: Uint32Array, looked: Uint32Array | undefined): number {
  let count = 0;
  for (let i = 0; i < MPLS_MAX; i++) {
    const word = (KEY_MPLS0 >>> 2) + i;
    const entry = flow[word] as number;
    if (entry !== 0) count++;
    if (looked === undefined) continue;
    const telling = entry === 0 ? 0xffffffff : 0x80000000 >>> Math.clz32(entry);
    looked[word] = ((looked[word] as number) | telling) >>> 0;
  }
  return count;
}

/** Emits what turns the base's labels into the flow's. */
export function commitMpls(state: FlowState, out: OdpAction[]): void {
  const { flow, base } = state;
  let baseCount = mplsCount(base);
  const flowCount = mplsCount(flow);
  const common = commonCount(state, flowCount, baseCount);
  if (flowCount === baseCount && common >= flowCount - 1) {
    if (common < flowCount) setInPlace(state, out);
    return;
  }
  if (baseCount === common + 1 && flowCount > common) {
    const offset = KEY_MPLS0 + (flowCount - baseCount) * 4;
    state.look(offset, 4);
    out.push({ type: "setMpls", value: getBe32(flow, offset), mask: 0xffffffff });
  } else {
    const flowType = ethTypeOf(flow);
    for (; baseCount > common; baseCount--) {
      const inner = !isMplsType(flowType) && baseCount > 1;
      out.push({ type: "popMpls", ethertype: inner ? ETH_TYPE_MPLS : flowType });
    }
  }
  for (let i = flowCount - baseCount - 1; i >= 0; i--) {
    const offset = KEY_MPLS0 + i * 4;
    state.look(offset, 4);
    out.push({ type: "pushMpls", ethertype: ethTypeOf(flow), lse: getBe32(flow, offset) });
  }
  takeStack(state);
  setBe16(base, KEY_ETH_TYPE, ethTypeOf(flow));
}

/** Labels at the bottom of the stacks that are certain to be the same. */
function commonCount(state: FlowState, flowCount: number, baseCount: number): number {
  const { flow, base, known, mask, baseSet } = state;
  let common = 0;
  while (common < flowCount && common < baseCount) {
    const flowOffset = KEY_MPLS0 + (flowCount - 1 - common) * 4;
    const baseOffset = KEY_MPLS0 + (baseCount - 1 - common) * 4;
    if (flowOffset === baseOffset) {
      const word = flowOffset >>> 2;
      const restored = (baseSet[word] as number) & ~(known[word] as number);
      if (restored !== 0) state.lookBits(word, restored);
      state.settleWord(word);
      const uncertain = (known[word] as number) & ~((mask[word] as number) | (baseSet[word] as number));
      if (uncertain !== 0) return common;
    } else {
      state.look(flowOffset, 4);
    }
    if (getBe32(flow, flowOffset) !== getBe32(base, baseOffset)) return common;
    common++;
  }
  return common;
}

/** Writes those bits of the outermost label that changed. */
function setInPlace(state: FlowState, out: OdpAction[]): void {
  if (!takeField(state, KEY_MPLS0, 4)) return;
  const mask = getBe32(setMask, KEY_MPLS0);
  out.push({ type: "setMpls", value: (getBe32(state.flow, KEY_MPLS0) & mask) >>> 0, mask });
}

/** The base's stack is the flow's from now on, and as certain. */
function takeStack(state: FlowState): void {
  for (let i = 0; i < MPLS_MAX; i++) {
    const word = (KEY_MPLS0 >>> 2) + i;
    state.settleWord(word);
    state.base[word] = state.flow[word] as number;
    state.baseSet[word] = state.settled[word] as number;
  }
}
