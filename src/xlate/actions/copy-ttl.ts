// copy_ttl_in and copy_ttl_out between MPLS labels (OpenFlow 1.3 section 5.12). A header below the last
// label cannot be seen, so copies to and from it leave the packet as it is.

import { KEY_MPLS0 } from "../../../assembly/layout/flow-key.ts";
import { getU8, setU8 } from "../../odp/flow-key.ts";
import { mplsCount } from "../commit-mpls.ts";
import type { Xlate } from "../context.ts";

/** Where the TTL of a label lies: the last byte of its entry. */
const OUTER_TTL = KEY_MPLS0 + 3;
const INNER_TTL = KEY_MPLS0 + 7;

/** Copies the outermost label's TTL into the next one. */
export function copyTtlIn(x: Xlate): void {
  copy(x, OUTER_TTL, INNER_TTL, "copy_ttl_in");
}

/** Copies the second label's TTL into the outermost one. */
export function copyTtlOut(x: Xlate): void {
  copy(x, INNER_TTL, OUTER_TTL, "copy_ttl_out");
}

function copy(x: Xlate, from: number, to: number, name: string): void {
  const { state } = x;
  if (mplsCount(state.flow, state.settled) < 2) {
    x.report("warn", `${name} needs two MPLS labels, ignored`);
    return;
  }
  state.look(from, 1);
  state.overwriteBytes(to, 1);
  setU8(state.flow, to, getU8(state.flow, from));
}
