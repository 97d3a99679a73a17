// The action half of a flow in text: walks the list, hands each action to its reader, and checks the
// order of instructions. Names and spellings are those of ovs-actions(7).

import type { OfAction, OfActionType } from "./action.ts";
import { isAllowedInActionSet } from "./action-set.ts";
import { type FlowText, KeyValueScanner, type Piece } from "./key-value.ts";
import { hashActionReaders } from "./parse-hash-action.ts";
import { headerActionReaders } from "./parse-header-action.ts";
import { parseLearn } from "./parse-learn.ts";
import { outputActionReaders } from "./parse-output-action.ts";
import { pipelineActionReaders } from "./parse-pipeline-action.ts";
import { readPort } from "./parse-port.ts";
import { USABLE_ANY, USABLE_OF15_UP } from "./usable.ts";

/** Where a list of actions stands, which decides what may be in it. */
export type ActionPlace = "rule" | "bucket" | "packetOut" | "write_actions" | "clone";

/** What an action's reader is given besides its argument. */
export interface ActionContext {
  readonly source: FlowText;
  readonly place: ActionPlace;
  /** Where the action's name stands. */
  readonly at: number;
  /** Number of lists around this one. */
  readonly depth: number;
  /** Versions that can express what was read so far; a reader narrows it. */
  usable: number;
  /** Reads the list of actions that an argument holds. */
  readonly nested: (arg: Piece, place: ActionPlace) => OfAction[];
}

/** Reads one action from the text of its argument. */
export type ActionReader = (arg: Piece, context: ActionContext) => OfAction;

/** A list of actions as read, with where each was. */
export interface ParsedActions {
  readonly actions: readonly OfAction[];
  /** Offset into the line of each action of the list itself. */
  readonly offsets: readonly number[];
  readonly usable: number;
}

/** Open vSwitch's limit on lists within lists. */
const DEPTH_MAX = 100;

const readers: ReadonlyMap<string, ActionReader> = new Map<string, ActionReader>([
  ...outputActionReaders,
  ...headerActionReaders,
  ...pipelineActionReaders,
  ...hashActionReaders,
  ["learn", parseLearn],
  ["clone", (arg, context) => ({ type: "clone", actions: context.nested(arg, "clone") })],
  [
    "write_actions",
    (arg, context) => ({ type: "writeActions", actions: context.nested(arg, "write_actions") }),
  ],
]);

/** Real actions that this switch does not do, and why. */
const unsupported: ReadonlyMap<string, string> = new Map([
  ["ct", "connection tracking is not supported"],
  ["ct_clear", "connection tracking is not supported"],
  ["nat", "connection tracking is not supported"],
  ["set_tunnel", "tunnels are not supported"],
  ["set_tunnel64", "tunnels are not supported"],
  ["delete_field", "tunnel options are not supported"],
  ["encap", "packet type aware pipelines are not supported"],
  ["decap", "packet type aware pipelines are not supported"],
  ["dec_nsh_ttl", "NSH is not supported"],
]);

/** Reads the list of actions between two offsets of the line. */
export function parseActions(
  source: FlowText,
  start: number,
  end: number,
  place: ActionPlace,
  depth = 0,
): ParsedActions {
  const list = new ActionList(source, place, depth);
  const scan = new KeyValueScanner(source.text, start, end);
  while (scan.next()) list.add(scan);
  return list.finish(start);
}

/** Gathers the actions of one list. */
export class ActionList {
  private readonly actions: OfAction[] = [];
  private readonly offsets: number[] = [];
  private readonly source: FlowText;
  private readonly place: ActionPlace;
  private readonly depth: number;
  private usable = USABLE_ANY;
  private dropAt = -1;

  constructor(source: FlowText, place: ActionPlace, depth = 0) {
    this.source = source;
    this.place = place;
    this.depth = depth;
  }

  /** Reads the action that `pair` spells. */
  add(pair: KeyValueScanner): void {
    const name = pair.key.toLowerCase();
    if (name === "drop") {
      this.dropAt = pair.keyAt;
      return;
    }
    this.actions.push(this.read(name, pair));
    this.offsets.push(pair.keyAt);
  }

  /** Returns the list after checking what only the whole list shows; `at` is where it starts. */
  finish(at: number): ParsedActions {
    const { actions, offsets, usable } = this;
    if (this.dropAt >= 0 && actions.length > 0) {
      throw this.source.error(this.dropAt, "drop next to other actions", "drop alone, or no drop");
    }
    checkOrder(this.source, actions, offsets, this.place, at);
    return { actions, offsets, usable };
  }

  private read(name: string, pair: KeyValueScanner): OfAction {
    const { source, place, depth } = this;
    const reader = readers.get(name);
    const piece = { text: pair.value, at: pair.valueAt };
    if (reader !== undefined) {
      const context: ActionContext = {
        source,
        place,
        depth,
        at: pair.keyAt,
        usable: this.usable,
        nested: (arg, inner) => this.nested(arg, inner, context),
      };
      const action = reader(piece, context);
      this.usable = context.usable;
      if (name === "meter" && place !== "rule") this.usable &= USABLE_OF15_UP;
      return action;
    }
    const reason = unsupported.get(name);
    if (reason !== undefined) throw source.unsupported(pair.keyAt, `action ${pair.key}: ${reason}`);
    if (name === "apply_actions") {
      throw source.error(pair.keyAt, "apply_actions is the default instruction", "the actions themselves");
    }
    const port = readPort(pair.key, source);
    if (port !== undefined) return { type: "output", port, maxLen: 0 };
    throw source.error(pair.keyAt, "unknown action", "an action, a port number or a port's name", pair.key);
  }

  private nested(arg: Piece, place: ActionPlace, context: ActionContext): OfAction[] {
    if (this.depth >= DEPTH_MAX)
      throw this.source.error(arg.at, "actions nested too deeply", `${DEPTH_MAX} levels`);
    const inner = parseActions(this.source, arg.at, arg.at + arg.text.length, place, this.depth + 1);
    context.usable &= inner.usable;
    return [...inner.actions];
  }
}

/** Instructions in the order in which OpenFlow 1.1+ runs them; everything else is an applied action. */
const instructionRank: Readonly<Partial<Record<OfActionType, number>>> = {
  meter: 0,
  clearActions: 2,
  writeActions: 3,
  writeMetadata: 4,
  gotoTable: 5,
};
const APPLY_RANK = 1;
const rankNames = [
  "meter",
  "apply_actions",
  "clear_actions",
  "write_actions",
  "write_metadata",
  "goto_table",
];

function checkOrder(
  source: FlowText,
  actions: readonly OfAction[],
  offsets: readonly number[],
  place: ActionPlace,
  start: number,
): void {
  if (actions.some((action) => action.type === "conjunction")) {
    checkConjunctions(source, actions, offsets);
    return;
  }
  let rank = 0;
  for (const [i, action] of actions.entries()) {
    const at = offsets[i] ?? start;
    const next = instructionRank[action.type] ?? APPLY_RANK;
    if (place !== "rule") checkNested(source, action, next, place, at);
    if (i > 0 && (rank === APPLY_RANK ? next < rank : next <= rank)) {
      const expected =
        next === rank ? `one ${rankNames[rank]} at most` : `${rankNames[next]} before ${rankNames[rank]}`;
      throw source.error(at, "instructions out of order", expected);
    }
    rank = next;
  }
}

/** Conjunctions go with notes only: the rule itself is never run. */
function checkConjunctions(source: FlowText, actions: readonly OfAction[], offsets: readonly number[]): void {
  const other = actions.findIndex((action) => action.type !== "conjunction" && action.type !== "note");
  if (other >= 0)
    throw source.error(offsets[other]!, "an action beside conjunction", "conjunction and note only");
}

function checkNested(source: FlowText, action: OfAction, rank: number, place: ActionPlace, at: number): void {
  if (rank > APPLY_RANK) {
    throw source.error(at, `${rankNames[rank]} is not allowed here`, `actions that ${place} may hold`);
  }
  if (action.type === "meter" && place !== "bucket" && place !== "packetOut") {
    throw source.error(at, `meter is not allowed in ${place}`, "meter as the first of a rule's instructions");
  }
  if (place === "write_actions" && !isAllowedInActionSet(action)) {
    throw source.error(at, `${action.type} is not allowed in write_actions`, "an action of an action set");
  }
}
