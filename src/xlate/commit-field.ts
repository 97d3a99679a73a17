// One field on its way from the flow to the datapath's packet: whether it has to be set, and which bits.

import { getU8, setU8 } from "../odp/flow-key.ts";
import { flowCreate } from "../openflow/flow-layout.ts";
import type { FlowState } from "./flow-state.ts";

/**
 * The bits that the last `takeField` of each field said to write; zero for a field that stays. Serves
 * while one set action is built.
 */
export const setMask = flowCreate();

/**
 * Whether `size` bytes from `offset` have to be set; if so, takes them over into `base` and leaves in
 * `setMask` the bits to write. Restoring what an earlier action wrote looks at the packet's own value.
 */
export function takeField(state: FlowState, offset: number, size: number, bits = 0xff): boolean {
  const { flow, base, known, baseSet, mask } = state;
  let pending = 0;
  for (let i = offset; i < offset + size; i++) {
    const restored = getU8(baseSet, i) & ~getU8(known, i) & bits;
    if (restored !== 0) lookOriginal(state, i, restored);
    const certain = getU8(mask, i) | getU8(baseSet, i);
    const changed = getU8(flow, i) ^ getU8(base, i);
    pending |= ((getU8(known, i) & ~certain) | (changed & (getU8(known, i) | restored))) & bits;
    setU8(setMask, i, (getU8(known, i) | restored) & bits);
  }
  if (pending === 0) {
    for (let i = offset; i < offset + size; i++) setU8(setMask, i, 0);
    return false;
  }
  for (let i = offset; i < offset + size; i++) {
    const written = getU8(setMask, i);
    setU8(base, i, (getU8(base, i) & ~written) | (getU8(flow, i) & written));
    setU8(baseSet, i, getU8(baseSet, i) | written);
  }
  return true;
}

/** Looks at bits of a byte that hold the packet's own value again. */
function lookOriginal(state: FlowState, offset: number, bits: number): void {
  setU8(state.settled, offset, getU8(state.settled, offset) | bits);
  setU8(state.mask, offset, getU8(state.mask, offset) | bits);
}
