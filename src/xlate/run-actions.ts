// Carries a list of OpenFlow actions out, one after the other; each action's own file knows how. Where
// an action stops the pipeline for a recirculation, keeps what is left for afterwards.

import { KEY_NW_PROTO, KEY_TCP_FLAGS, KEY_TUN_ID } from "../../assembly/layout/flow-key.ts";
import { DropReason } from "../../assembly/layout/stat.ts";
import { getBe16, setBe } from "../odp/flow-key.ts";
import type { OfAction } from "../openflow/action.ts";
import { fieldOf } from "../openflow/field.ts";
import { FLOW_ACTSET_OUTPUT } from "../openflow/flow-layout.ts";
import { OFPP_UNSET } from "../openflow/port.ts";
import { checkPktLarger, clone, sample } from "./actions/clone.ts";
import { controllerAction } from "./actions/controller.ts";
import { groupAction } from "./actions/group.ts";
import { learn } from "./actions/learn.ts";
import { decMplsTtl } from "./actions/mpls.ts";
import { bundle, multipath } from "./actions/multipath.ts";
import { enqueue, outputAction, outputRegister, outputTruncated, setPriority } from "./actions/output.ts";
import { lookUpTable, resubmit } from "./actions/resubmit.ts";
import { popStack, pushStack, setField, writeField } from "./actions/set-field.ts";
import { decTtl } from "./actions/ttl.ts";
import type { Xlate } from "./context.ts";
import { freezeActions, triggerFreeze } from "./freeze.ts";
import { isLayer3OrHigher } from "./layer.ts";
import { reportAction, reportActionSet } from "./report.ts";
import { runHeaderAction } from "./run-header-action.ts";

/** TCP flags that end a connection (RFC 9293 section 3.1). */
const TCP_FIN = 0x001;
const TCP_RST = 0x004;
const ACTSET_OUTPUT_WORD = FLOW_ACTSET_OUTPUT >>> 2;
const METADATA = fieldOf("metadata");

/** See RunActions. */
export function runActions(
  x: Xlate,
  actions: readonly OfAction[],
  last: boolean,
  inBucket: boolean,
): boolean {
  if (actions.length === 0) {
    x.dropHint = DropReason.POLICY;
    x.report("action", "drop");
    return false;
  }
  for (let i = 0; i < actions.length; i++) {
    const action = actions[i] as OfAction;
    if (x.error !== DropReason.NONE) return false;
    if (x.wasMpls && !x.exit && seesLayer3(action)) triggerFreeze(x);
    if (x.exit) {
      if (x.freezing) freezeActions(x, actions.slice(i));
      return false;
    }
    if (x.trace !== null) reportAction(x, action);
    const lastAction = last && i === actions.length - 1 && x.actionSet.length === 0;
    if (action.type === "checkPktLarger") {
      checkPktLarger(x, action.pktLen, action.dst, actions.slice(i + 1));
      return false;
    }
    const stops = runAction(x, action, lastAction, inBucket);
    x.explainer?.note(`action ${action.type} in table ${x.tableId}`);
    if (stops) return true;
    if (x.freezing && x.frozen.length === 0 && x.error === DropReason.NONE && !isTableAction(action)) {
      freezeActions(x, actions.slice(resumesBehind(action) ? i + 1 : i));
      return false;
    }
  }
  return false;
}

/** Actions that run rules of their own: if those freeze, they must not run again after the thaw. */
function isTableAction({ type }: OfAction): boolean {
  return type === "resubmit" || type === "gotoTable";
}

/** Actions that are done with once they have asked for the recirculation. */
function resumesBehind(action: OfAction): boolean {
  return action.type === "debugRecirc" || (action.type === "controller" && action.pause);
}

/** Whether an action needs headers that cannot be seen once the last MPLS label is gone. */
function seesLayer3(action: OfAction): boolean {
  switch (action.type) {
    case "output":
    case "outputTrunc":
    case "enqueue":
    case "outputReg":
    case "setVlanVid":
    case "setVlanPcp":
    case "setEthSrc":
    case "setEthDst":
    case "setTunnel":
    case "setQueue":
    case "group":
      return false;
    case "setField":
      return isLayer3OrHigher(action.field);
    default:
      return true;
  }
}

/** Carries one action out; returns whether the list ends here. */
function runAction(x: Xlate, action: OfAction, last: boolean, inBucket: boolean): boolean {
  switch (action.type) {
    case "output":
      outputAction(x, action.port, action.maxLen, inBucket);
      return false;
    case "resubmit":
      resubmit(x, action.inPort, action.tableId, last);
      return false;
    case "gotoTable":
      lookUpTable(x, x.inPort, action.tableId, last);
      return false;
    case "setField":
      setField(x, action);
      return false;
    case "group":
      return groupAction(x, action.groupId, last);
    case "outputReg":
      outputRegister(x, action, inBucket);
      return false;
    case "outputTrunc":
      outputTruncated(x, action);
      return false;
    case "enqueue":
      enqueue(x, action);
      return false;
    case "controller":
      if (action.pause) {
        x.pause = action;
        triggerFreeze(x);
      } else controllerAction(x, action);
      return false;
    case "bundle":
      bundle(x, action, inBucket);
      return false;
    case "decTtl":
      return decTtl(x, action.controllerIds);
    case "decMplsTtl":
      return decMplsTtl(x);
    default:
      if (!runHeaderAction(x, action)) runPipelineAction(x, action, last);
      return false;
  }
}

/** Actions on metadata and on the course of the pipeline. */
function runPipelineAction(x: Xlate, action: OfAction, last: boolean): void {
  switch (action.type) {
    case "push":
      pushStack(x, action.src);
      break;
    case "pop":
      popStack(x, action.dst);
      break;
    case "setTunnel":
      x.state.overwriteBytes(KEY_TUN_ID, 8);
      setBe(x.state.flow, KEY_TUN_ID, 8, action.tunId);
      break;
    case "setQueue":
      setPriority(x, action.queueId);
      break;
    case "popQueue":
      setPriority(x, x.originalPriority);
      break;
    case "finTimeout":
      finTimeout(x, action.idleTimeout, action.hardTimeout);
      break;
    case "learn":
      learn(x, action);
      break;
    case "conjunction":
      x.report("error", "executing no-op conjunction action");
      break;
    case "multipath":
      multipath(x, action);
      break;
    case "exit":
      x.exit = true;
      break;
    case "sample":
      sample(x, action);
      break;
    case "clone":
      clone(x, action.actions, last);
      break;
    case "debugRecirc":
      triggerFreeze(x);
      break;
    case "debugSlow":
      x.cacheable = false;
      break;
    default:
      runInstruction(x, action);
  }
}

/** A meter that does not exist lets everything pass. */
function runMeter(x: Xlate, id: number): void {
  const meterId = x.env.bridge.meterSlots.get(id);
  if (meterId !== undefined) x.out.push({ type: "meter", meterId });
}

/** OpenFlow's instructions, less goto_table. */
function runInstruction(x: Xlate, action: OfAction): void {
  switch (action.type) {
    case "meter":
      runMeter(x, action.meterId);
      break;
    case "clearActions":
      reportActionSet(x, "was");
      x.actionSet = [];
      x.actionSetHasGroup = false;
      x.state.flow[ACTSET_OUTPUT_WORD] = OFPP_UNSET;
      break;
    case "writeActions":
      writeActions(x, action.actions);
      reportActionSet(x, "is");
      break;
    case "writeMetadata":
      writeField(x, METADATA, action.metadata, action.mask);
      break;
    default:
  }
}

/** Adds to the action set; `actset_output` is where the set would output to, as long as it has no group. */
function writeActions(x: Xlate, actions: readonly OfAction[]): void {
  for (const action of actions) {
    if (x.actionSetHasGroup) break;
    if (action.type === "output") x.state.flow[ACTSET_OUTPUT_WORD] = action.port;
    else if (action.type === "group") {
      x.state.flow[ACTSET_OUTPUT_WORD] = OFPP_UNSET;
      x.actionSetHasGroup = true;
    }
  }
  x.actionSet = [...x.actionSet, ...actions];
}

function finTimeout(x: Xlate, idleTimeout: number, hardTimeout: number): void {
  x.state.look(KEY_NW_PROTO, 1);
  if (x.rule === null) return;
  const flags = x.env.options?.tcpFlags ?? getBe16(x.state.original, KEY_TCP_FLAGS);
  const closing = (flags & (TCP_FIN | TCP_RST)) !== 0;
  x.effects.push({ kind: "finTimeout", rule: x.rule, idleTimeout, hardTimeout, closing });
}
