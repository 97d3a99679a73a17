// Translation, the page: a packet's key goes through the bridge's tables, and out come the datapath's
// actions and the mask of all the packets for which they are right. No I/O, no clock, no chance.

import { KEY_RECIRC_ID, KEY_SKB_PRIORITY, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import { DropReason } from "../../assembly/layout/stat.ts";
import type { OdpAction } from "../odp/action.ts";
import type { FlowKey } from "../odp/flow-key.ts";
import { type OfAction, TABLE_CURRENT } from "../openflow/action.ts";
import { lookUpFirstTable } from "./actions/resubmit.ts";
import { Xlate } from "./context.ts";
import { MaskExplainer } from "./explain.ts";
import { exactMask, trimMask } from "./finish-mask.ts";
import { FlowState } from "./flow-state.ts";
import { finishFreezing, thaw } from "./freeze.ts";
import { runActionSet } from "./run-action-set.ts";
import { runActions } from "./run-actions.ts";
import type { TraceNode } from "./trace-node.ts";
import type { FrozenState, TranslateContext, Translation } from "./translation.ts";

/** Serves every translation: they never nest. */
const sharedState = new FlowState();

/**
 * Translates a packet, given by its key, on the bridge of `env`. The answer's mask is written to `mask`, which
 * a caller that is done with one answer before the next may give.
 */
export function translate(
  env: TranslateContext,
  key: FlowKey,
  mask: Uint32Array = new Uint32Array(KEY_WORD_COUNT),
): Translation {
  const state = sharedState;
  state.start(key);
  const trace: TraceNode[] | null = env.options?.trace === true ? [] : null;
  const explainer = trace === null ? null : new MaskExplainer(state);
  explainer?.note("shape of the packet");
  const x = new Xlate(env, state, runActions, trace, explainer);
  x.originalPriority = key[KEY_SKB_PRIORITY >>> 2] as number;
  x.enter(x.report("bridge", `bridge("${env.bridge.name}")`));
  runPipeline(x, key);
  state.settle();
  return finish(x, key, mask, trace);
}

function runPipeline(x: Xlate, key: FlowKey): void {
  const recircId = key[KEY_RECIRC_ID >>> 2] as number;
  const frozen = recircId === 0 ? undefined : x.env.recirc.get(recircId);
  if (recircId !== 0 && frozen === undefined) {
    const id = recircId.toString(16);
    x.fail(DropReason.RECIRC_UNKNOWN, `Recirculation context not found for ID ${id}`);
    return;
  }
  if (frozen === undefined && x.env.bridge.ports.get(x.inPort)?.noReceive === true) {
    x.dropHint = DropReason.PORT_DOWN;
    return;
  }
  if (frozen === undefined) lookUpFirstTable(x, 0);
  else resume(x, frozen);
  if (x.error !== DropReason.NONE) return;
  if (!x.freezing) runActionSet(x);
  if (x.freezing) finishFreezing(x);
}

/** Goes on where a recirculation interrupted the pipeline. */
function resume(x: Xlate, frozen: FrozenState): void {
  thaw(x, frozen);
  const { segments } = frozen;
  if (segments.length === 0) lookUpFirstTable(x, frozen.tableId);
  for (let i = 0; i < segments.length; i++) {
    const { tableId, ruleCookie, actions } = segments[i] as (typeof segments)[number];
    if (x.error !== DropReason.NONE) return;
    if (x.exit) {
      if (x.freezing) x.frozen.push(...segments.slice(i));
      return;
    }
    if (actions.some(tellsItsTable)) x.tableId = tableId;
    x.ruleCookie = ruleCookie;
    // Open vSwitch thaws one list: an action that ends a rule's list ends those of the rules around it, too.
    if (actions.length > 0 && x.run(x, actions, i === segments.length - 1, false)) return;
  }
}

/**
 * Whether an action may make a packet-in, or goes on in the table it is in. Where none does, the table is the one
 * that the thaw begins with, as in Open vSwitch, and so it is for packet-ins of an action set behind them.
 */
function tellsItsTable(action: OfAction): boolean {
  switch (action.type) {
    case "output":
    case "outputReg":
    case "outputTrunc":
    case "group":
    case "controller":
    case "decTtl":
    case "decMplsTtl":
      return true;
    case "resubmit":
      return action.tableId === TABLE_CURRENT;
    default:
      return false;
  }
}

function finish(x: Xlate, key: FlowKey, mask: Uint32Array, trace: TraceNode[] | null): Translation {
  const { env, state, explainer } = x;
  const actions = x.error === DropReason.NONE ? simplify(x.out) : [];
  if (env.options?.megaflows === false) mask.set(exactMask(key));
  else {
    for (let i = 0; i < KEY_WORD_COUNT; i++) mask[i] = state.mask[i] as number;
    trimMask(mask, key);
  }
  return {
    actions,
    mask,
    dropReason: dropReason(x, actions),
    rules: x.rules,
    groups: x.groups,
    effects: x.effects,
    missedTables: x.missedTables,
    macTag: x.macTag,
    recircIds: x.recircIds,
    cookies: x.cookies,
    cacheable: x.cacheable,
    trace: trace?.[0] ?? null,
    explanation: explainer?.finish(mask) ?? null,
    finalFlow: trace === null ? null : state.flow.slice(),
  };
}

function dropReason(x: Xlate, actions: readonly OdpAction[]): DropReason {
  if (x.error !== DropReason.NONE) return x.error;
  if (actions.some(sends)) return DropReason.NONE;
  return x.dropHint === DropReason.NONE ? DropReason.POLICY : x.dropHint;
}

/** Whether an action may take the packet somewhere. */
function sends(action: OdpAction): boolean {
  switch (action.type) {
    case "output":
    case "userspace":
    case "recirc":
      return true;
    case "sample":
    case "clone":
      return action.actions.some(sends);
    case "checkPktLen":
      return action.greater.some(sends) || action.lessEqual.some(sends);
    default:
      return false;
  }
}

/** A clone at the very end needs no copy. */
function simplify(actions: OdpAction[]): OdpAction[] {
  const last = actions[actions.length - 1];
  if (last?.type !== "clone") return actions;
  return simplify([...actions.slice(0, -1), ...last.actions]);
}
