// Recirculation: the translation stops, the datapath looks at the packet anew under a recirc_id, and
// what was left to do is done then, by a second translation that thaws the state.

import { KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import { DropReason } from "../../assembly/layout/stat.ts";
import type { OfAction } from "../openflow/action.ts";
import { fieldOf } from "../openflow/field.ts";
import { OFPP_IN_PORT } from "../openflow/port.ts";
import { emitToController } from "./actions/controller.ts";
import type { Xlate } from "./context.ts";
import type { FrozenState } from "./translation.ts";

/** Stops here; the action at hand and those behind it are done after recirculation. */
export function triggerFreeze(x: Xlate): void {
  x.exit = true;
  x.freezing = true;
}

/** The same, with a hash of the packet computed by the datapath in between. */
export function triggerFreezeWithHash(x: Xlate, algorithm: "l4" | "symL4", basis: number): void {
  triggerFreeze(x);
  x.recircHash = { algorithm, basis };
}

/** Keeps `actions`, of the rule at hand, for after the recirculation. */
export function freezeActions(x: Xlate, actions: readonly OfAction[]): void {
  const kept: OfAction[] = [];
  x.frozen.push({ tableId: x.tableId, ruleCookie: x.ruleCookie, actions: kept });
  for (const action of actions) {
    switch (action.type) {
      case "note":
      case "conjunction":
        break;
      case "gotoTable":
        kept.push({ type: "resubmit", inPort: OFPP_IN_PORT, tableId: action.tableId });
        break;
      case "writeMetadata":
        kept.push({
          type: "setField",
          field: fieldOf("metadata"),
          value: action.metadata,
          mask: action.mask,
          load: false,
        });
        break;
      default:
        kept.push(action);
    }
  }
}

/** Emits the recirculation that was asked for, and lets translation go on with what comes after it. */
export function finishFreezing(x: Xlate): void {
  x.commit();
  const id = x.env.recirc.intern(frozenState(x));
  if (id === 0) {
    x.fail(DropReason.RECIRC_UNKNOWN, "Failed to allocate recirculation id");
    return;
  }
  x.recircIds.push(id);
  const { pause, recircHash } = x;
  if (pause !== null) {
    emitToController(x, { ...pause, continuation: id });
  } else {
    if (recircHash !== null) x.out.push({ type: "hash", ...recircHash });
    x.out.push({ type: "recirc", recircId: id });
  }
  x.freezing = false;
  x.exit = false;
  x.recircHash = null;
  x.pause = null;
  x.frozen = [];
}

function frozenState(x: Xlate): FrozenState {
  return {
    bridge: x.env.bridge.name,
    tableId: 0,
    pipeline: x.state.flow.slice(KEY_WORD_COUNT),
    stack: [...x.stack],
    actionSet: [...x.actionSet],
    segments: x.frozen,
  };
}

/** Puts a frozen state back into a translation that begins. */
export function thaw(x: Xlate, frozen: FrozenState): void {
  const node = x.report("thaw", "thaw");
  const outer = x.enter(node);
  x.tableId = frozen.tableId;
  x.report("detail", `Resuming from table ${frozen.tableId}`);
  x.state.flow.set(frozen.pipeline, KEY_WORD_COUNT);
  x.state.base.set(frozen.pipeline, KEY_WORD_COUNT);
  x.stack = [...frozen.stack];
  x.stackBytes = x.stack.reduce((sum, entry) => sum + stackBytes(entry.width), 0);
  x.actionSet = [...frozen.actionSet];
  x.actionSetHasGroup = frozen.actionSet.some((action) => action.type === "group");
  x.trace = outer;
}

/** Bytes that a value of so many bits takes on the stack. */
export function stackBytes(width: number): number {
  return Math.ceil(width / 8) + 1;
}
