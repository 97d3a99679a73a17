// Carries the action set out at the end of the pipeline.

import { actionSetToList } from "./action-set.ts";
import type { Xlate } from "./context.ts";

/** Carries out what write_actions gathered, and empties the set. */
export function runActionSet(x: Xlate): void {
  if (x.actionSet.length === 0) return;
  const list = actionSetToList(x.actionSet);
  x.actionSet = [];
  if (list.length === 0) return;
  x.inActionSet = true;
  const outer = x.enter(x.report("table", "--. Executing action set:"));
  x.run(x, list, true, false);
  x.trace = outer;
  x.inActionSet = false;
}
