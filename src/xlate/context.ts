// The state of one translation: where in the pipeline it is, what it has emitted, what it will hand
// back. The functions that carry actions out (actions/*.ts) work on this object.

import { DropReason } from "../../assembly/layout/stat.ts";
import type { OdpAction } from "../odp/action.ts";
import type { OfAction } from "../openflow/action.ts";
import { FLOW_OF_IN_PORT } from "../openflow/flow-layout.ts";
import type { GroupUse } from "../openflow/group.ts";
import type { OfPort } from "../openflow/port.ts";
import { MAC_TAG_ANY } from "./changes.ts";
import { commitActions } from "./commit.ts";
import type { MaskExplainer } from "./explain.ts";
import type { FlowState } from "./flow-state.ts";
import type { TableRule } from "./table-rule.ts";
import type { TraceKind, TraceNode } from "./trace-node.ts";
import type { FrozenSegment, SideEffect, StackEntry, TranslateContext } from "./translation.ts";

/** Deepest nesting of resubmits to the same or an earlier table, and of buckets (Open vSwitch's MAX_DEPTH). */
export const DEPTH_MAX = 64;
/** Most resubmits in one translation (Open vSwitch's MAX_RESUBMITS: 64 * 64). */
export const RESUBMITS_MAX = 4096;
/** Most bytes of values on the stack. */
export const STACK_BYTES_MAX = 65536;
/** Most datapath actions that resubmits may add up to, about Open vSwitch's 64 kB. */
export const ACTIONS_MAX = 4096;

/**
 * Carries a list of actions out. `last`: nothing follows; `inBucket`: the list is a group's bucket. Returns whether
 * an action ended the list before its end, as dec_ttl does when the TTL has run out.
 */
export type RunActions = (
  x: Xlate,
  actions: readonly OfAction[],
  last: boolean,
  inBucket: boolean,
) => boolean;

/** One translation. */
export class Xlate {
  readonly env: TranslateContext;
  readonly state: FlowState;
  readonly run: RunActions;
  /** Where actions are emitted to: the program, or the list inside a clone or a branch. */
  out: OdpAction[] = [];

  tableId = 0;
  rule: TableRule | null = null;
  ruleCookie = 0xffffffffffffffffn;
  depth = 0;
  resubmits = 0;

  /** Ends the translation: the packet is dropped for this reason. */
  error: DropReason = DropReason.NONE;
  /** The pipeline ends here (exit, or freezing). */
  exit = false;
  /** Why nothing was output, as far as is known. */
  dropHint: DropReason = DropReason.NONE;

  freezing = false;
  /** What is left to do after the recirculation. */
  frozen: FrozenSegment[] = [];
  /** Hash to compute with the recirculation, if any. */
  recircHash: { readonly algorithm: "l4" | "symL4"; readonly basis: number } | null = null;
  /** Message that the recirculation waits for, if a controller paused the pipeline. */
  pause: Extract<OfAction, { type: "controller" }> | null = null;

  actionSet: OfAction[] = [];
  actionSetHasGroup = false;
  inActionSet = false;
  stack: StackEntry[] = [];
  stackBytes = 0;
  /** The packet lost its last MPLS label: layer 3 and up cannot be seen before recirculating. */
  wasMpls = false;
  originalPriority = 0;

  readonly rules: TableRule[] = [];
  readonly groups: GroupUse[] = [];
  readonly effects: SideEffect[] = [];
  missedTables = 0;
  macTag = 0;
  readonly recircIds: number[] = [];
  readonly cookies: number[] = [];
  cacheable = true;

  /** Where steps are recorded; null when nobody asked. */
  trace: TraceNode[] | null;
  readonly explainer: MaskExplainer | null;

  constructor(
    env: TranslateContext,
    state: FlowState,
    run: RunActions,
    trace: TraceNode[] | null,
    explainer: MaskExplainer | null,
  ) {
    this.env = env;
    this.state = state;
    this.run = run;
    this.trace = trace;
    this.explainer = explainer;
  }

  /** OpenFlow port that the packet came in on, as the pipeline sees it. */
  get inPort(): OfPort {
    return this.state.flow[FLOW_OF_IN_PORT >>> 2] as OfPort;
  }

  /** Emits pending header changes. */
  commit(): void {
    commitActions(this.state, this.out);
    this.explainer?.note("header changes to commit");
  }

  /** Notes that the answer depends on what is known of an address. */
  noteMac(tag: number): void {
    this.macTag = this.macTag === 0 || this.macTag === tag ? tag : MAC_TAG_ANY;
  }

  /** Ends the translation with a drop. */
  fail(reason: DropReason, text: string): void {
    this.error = reason;
    this.report("error", text);
  }

  /** Records a step, if anybody asked. */
  report(kind: TraceKind, text: string): TraceNode | null {
    if (this.trace === null) return null;
    const node: TraceNode = { kind, text, children: [] };
    this.trace.push(node);
    return node;
  }

  /** Records what follows inside `node` until the returned list is put back into `trace`. */
  enter(node: TraceNode | null): TraceNode[] | null {
    const outer = this.trace;
    if (node !== null) this.trace = node.children;
    return outer;
  }
}
