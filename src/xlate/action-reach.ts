// What a list of actions can reach, seen from outside: the words of the flow that it may write before a later
// lookup, the groups and ports that it names. Answers are on the safe side, and kept for each list.

import { KEY_NW_TTL, KEY_WORD_COUNT } from "../../assembly/layout/flow-key.ts";
import type { OfAction } from "../openflow/action.ts";
import type { Field } from "../openflow/field.ts";
import { FLOW_OF_IN_PORT } from "../openflow/flow-layout.ts";
import { OFPP_CONTROLLER, OFPP_IN_PORT, OFPP_MAX, OFPP_NONE, type OfPort } from "../openflow/port.ts";

/** See the head of the file. */
export interface ActionReach {
  /** Words of the flow that may be others for a later lookup; null stands for any. */
  readonly writes: ReadonlySet<number> | null;
  readonly groups: ReadonlySet<number>;
  /** Ports that are named; null when ports count that are not (flooding, a port out of a register, a group). */
  readonly ports: ReadonlySet<OfPort> | null;
}

const known = new WeakMap<readonly OfAction[], ActionReach>();

/** Returns what a list of actions can reach. */
export function reachOf(actions: readonly OfAction[]): ActionReach {
  let reach = known.get(actions);
  if (reach === undefined) {
    reach = explore(actions);
    known.set(actions, reach);
  }
  return reach;
}

/**
 * Whether actions may write a word of the key, or the port, before a later lookup: what `writes` says, without
 * keeping anything of a list, of which there may be 200,000.
 */
export function mayRewrite(actions: readonly OfAction[]): boolean {
  rewriting.found = false;
  for (const action of actions) exploreOne(action, rewriting);
  return rewriting.found;
}

function explore(actions: readonly OfAction[]): ActionReach {
  const found = new Found();
  for (const action of actions) exploreOne(action, found);
  return found;
}

/** Is told what actions reach. */
interface Sink {
  /** A word of the flow that may be another one for a later lookup, and any word. */
  write(word: number): void;
  writeAny(): void;
  group(groupId: number): void;
  /** A port that is named, and one that is not. */
  port(port: OfPort): void;
  anyPort(): void;
}

class Found implements Sink, ActionReach {
  writes: Set<number> | null = new Set();
  readonly groups = new Set<number>();
  ports: Set<OfPort> | null = new Set();

  write(word: number): void {
    this.writes?.add(word);
  }

  writeAny(): void {
    this.writes = null;
  }

  group(groupId: number): void {
    this.groups.add(groupId);
  }

  port(port: OfPort): void {
    this.ports?.add(port);
  }

  anyPort(): void {
    this.ports = null;
  }
}

/** What the action set does to the packet comes after the last lookup, unless a group's bucket has one. */
class Deferred implements Sink {
  readonly #sink: Sink;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  write(): void {}

  writeAny(): void {}

  group(groupId: number): void {
    this.#sink.group(groupId);
    this.#sink.writeAny();
  }

  port(port: OfPort): void {
    this.#sink.port(port);
  }

  anyPort(): void {
    this.#sink.anyPort();
  }
}

/** Only whether lookups may see another packet. */
class Rewriting implements Sink {
  found = false;

  write(word: number): void {
    if (word < KEY_WORD_COUNT || word === IN_PORT_WORD) this.found = true;
  }

  writeAny(): void {
    this.found = true;
  }

  group(): void {}

  port(): void {}

  anyPort(): void {}
}

const IN_PORT_WORD = FLOW_OF_IN_PORT / 4;
const rewriting = new Rewriting();

function exploreOne(action: OfAction, found: Sink): void {
  switch (action.type) {
    case "output":
    case "outputTrunc":
    case "enqueue":
      addPort(found, action.port);
      return;
    case "group":
      found.group(action.groupId);
      found.anyPort();
      // A bucket's changes end with it, but it may look tables up before that.
      found.writeAny();
      return;
    case "resubmit":
      if (action.inPort !== OFPP_IN_PORT) found.write(IN_PORT_WORD);
      return;
    case "setField":
      addField(found, action.field);
      return;
    case "move":
      addField(found, action.dst.field);
      return;
    case "decTtl":
    case "setIpTtl":
      found.write(KEY_NW_TTL >>> 2);
      return;
    case "gotoTable":
    case "controller":
    case "note":
    case "conjunction":
    case "setQueue":
    case "popQueue":
    case "finTimeout":
    case "meter":
    case "clearActions":
      return;
    case "writeActions": {
      const deferred = new Deferred(found);
      for (const one of action.actions) exploreOne(one, deferred);
      return;
    }
    case "clone":
      for (const one of action.actions) exploreOne(one, found);
      return;
    case "pop":
    case "multipath":
    case "checkPktLarger":
      addField(found, action.dst.field);
      found.writeAny();
      return;
    default:
      found.writeAny();
      if (action.type === "bundle" || action.type === "outputReg" || action.type === "sample")
        found.anyPort();
  }
}

function addPort(found: Sink, port: OfPort): void {
  if (port < OFPP_MAX) found.port(port);
  else if (port !== OFPP_IN_PORT && port !== OFPP_CONTROLLER && port !== OFPP_NONE) found.anyPort();
}

function addField(found: Sink, field: Field): void {
  // From now on IN_PORT is a port that nobody names.
  if (field.offset === FLOW_OF_IN_PORT) found.anyPort();
  // Writing a tag may push or pop one, which moves others.
  if (field.quirk !== "none" || field.name.startsWith("vlan")) {
    found.writeAny();
    return;
  }
  const first = field.offset >>> 2;
  const last = (field.offset + field.size - 1) >>> 2;
  for (let word = first; word <= last; word++) found.write(word);
}
