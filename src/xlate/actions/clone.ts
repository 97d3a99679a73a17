// Actions that run a list on a copy of the packet, or on one of two branches: clone, sample and
// check_pkt_larger. What happens to the copy ends with it.

import type { OdpAction } from "../../odp/action.ts";
import type { OfAction, OfActionType, SampleAction } from "../../openflow/action.ts";
import type { Subfield } from "../../openflow/field.ts";
import type { Xlate } from "../context.ts";
import { finishFreezing } from "../freeze.ts";
import { runActionSet } from "../run-action-set.ts";
import { assignSubfield } from "./set-field.ts";

/** Actions whose effect on the datapath's packet cannot be undone by another action. */
const IRREVERSIBLE: ReadonlySet<OfActionType> = new Set<OfActionType>(["meter", "outputTrunc"]);

/** `clone(...)`: in a clone of the datapath's where the actions cannot be undone, else in line. */
export function clone(x: Xlate, actions: readonly OfAction[], last: boolean): void {
  const saved = x.state.save();
  const { stack, stackBytes, actionSet, actionSetHasGroup } = x;
  x.stack = [...stack];
  x.actionSet = [...actionSet];
  if (last || !actions.some((action) => IRREVERSIBLE.has(action.type))) {
    runBranch(x, actions, last);
  } else {
    x.commit();
    const base = x.state.saveBase();
    const { wasMpls } = x;
    const nested = collect(x, () => runBranch(x, actions, true));
    if (nested.length > 0) x.out.push({ type: "clone", actions: nested });
    x.wasMpls = wasMpls;
    x.state.restoreBase(base);
  }
  x.stack = stack;
  x.stackBytes = stackBytes;
  x.actionSet = actionSet;
  x.actionSetHasGroup = actionSetHasGroup;
  x.state.restore(saved);
}

/** Actions and then the action set, with a recirculation of their own if they need one; returns whether they do. */
function runBranch(x: Xlate, actions: readonly OfAction[], last: boolean): boolean {
  x.run(x, actions, last, false);
  if (!x.freezing) runActionSet(x);
  const { freezing } = x;
  if (freezing) finishFreezing(x);
  return freezing;
}

/** Runs `body` with what it emits going into a list of its own. */
function collect(x: Xlate, body: () => void): OdpAction[] {
  const outer = x.out;
  const inner: OdpAction[] = [];
  x.out = inner;
  body();
  x.out = outer;
  return inner;
}

/**
 * `check_pkt_larger`: the rest of the list is translated for both answers, and the datapath takes one
 * of them by the packet's length. Nothing of the list is left to do afterwards. As in Open vSwitch the second
 * answer finds the stack and the action set as the first left them: the set was carried out.
 */
export function checkPktLarger(x: Xlate, pktLen: number, dst: Subfield, rest: readonly OfAction[]): void {
  const saved = x.state.save();
  const { stack, stackBytes, actionSet, actionSetHasGroup } = x;
  x.commit();
  const base = x.state.saveBase();
  const { wasMpls, exit } = x;
  x.stack = [...stack];
  x.actionSet = [...actionSet];
  let frozen = false;
  const branch = (answer: bigint): OdpAction[] => {
    x.exit = exit;
    const emitted = collect(x, () => {
      assignSubfield(x, dst, answer);
      frozen = runBranch(x, rest, true);
    });
    x.state.restore(saved);
    x.state.restoreBase(base);
    x.wasMpls = wasMpls;
    return emitted;
  };
  const greater = branch(1n);
  // The rest of a branch that recirculates is carried out then, the action set included.
  const exited = x.exit || frozen;
  const lessEqual = branch(0n);
  x.out.push({ type: "checkPktLen", pktLen, greater, lessEqual });
  x.stack = stack;
  x.stackBytes = stackBytes;
  x.actionSet = actionSet;
  x.actionSetHasGroup = actionSetHasGroup;
  x.exit = exited;
}

/** `sample(...)`: hands a share of the packets up, if the bridge has a collector of that set. */
export function sample(x: Xlate, action: SampleAction): void {
  if (!x.env.bridge.collectorSets.has(action.collectorSetId)) return;
  x.commit();
  const cookie = x.env.controllerRecords.intern({
    reason: "action",
    tableId: x.tableId,
    ruleCookie: x.ruleCookie,
    maxLen: 0xffff,
    controllerId: action.collectorSetId,
    userdata: new Uint8Array(0),
    continuation: null,
    pipeline: new Uint32Array(0),
    sample: action,
  });
  x.cookies.push(cookie);
  const probability = (action.probability * 65537) >>> 0;
  x.out.push({ type: "sample", probability, actions: [{ type: "userspace", cookie, maxLen: 0xffff }] });
}
