// What a list of actions can reach, seen from outside: the words of the flow that it may write before a later
// lookup, the groups and ports that it names. Answers are on the safe side, and kept for each list.

import { KEY_NW_TTL } from "../../assembly/layout/flow-key.ts";
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

function explore(actions: readonly OfAction[]): ActionReach {
  const found: Found = { writes: new Set(), groups: new Set(), ports: new Set() };
  for (const action of actions) exploreOne(action, found);
  return found;
}

interface Found {
  writes: Set<number> | null;
  readonly groups: Set<number>;
  ports: Set<OfPort> | null;
}

function exploreOne(action: OfAction, found: Found): void {
  switch (action.type) {
    case "output":
    case "outputTrunc":
    case "enqueue":
      addPort(found, action.port);
      return;
    case "group":
      found.groups.add(action.groupId);
      found.ports = null;
      // A bucket's changes end with it, but it may look tables up before that.
      found.writes = null;
      return;
    case "resubmit":
      if (action.inPort !== OFPP_IN_PORT) found.writes?.add(FLOW_OF_IN_PORT / 4);
      return;
    case "setField":
      addField(found, action.field);
      return;
    case "move":
      addField(found, action.dst.field);
      return;
    case "decTtl":
    case "setIpTtl":
      found.writes?.add(KEY_NW_TTL >>> 2);
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
    case "writeActions":
    case "clone": {
      const inner = reachOf(action.actions);
      for (const group of inner.groups) found.groups.add(group);
      found.ports = union(found.ports, inner.ports);
      // What the action set does to the packet comes after the last lookup.
      if (action.type === "clone" || inner.groups.size > 0) found.writes = union(found.writes, inner.writes);
      return;
    }
    case "pop":
    case "multipath":
    case "checkPktLarger":
      addField(found, action.dst.field);
      found.writes = null;
      return;
    default:
      found.writes = null;
      if (action.type === "bundle" || action.type === "outputReg" || action.type === "sample")
        found.ports = null;
  }
}

function addPort(found: Found, port: OfPort): void {
  if (port < OFPP_MAX) found.ports?.add(port);
  else if (port !== OFPP_IN_PORT && port !== OFPP_CONTROLLER && port !== OFPP_NONE) found.ports = null;
}

function addField(found: Found, field: Field): void {
  // From now on IN_PORT is a port that nobody names.
  if (field.offset === FLOW_OF_IN_PORT) found.ports = null;
  // Writing a tag may push or pop one, which moves others.
  if (field.quirk !== "none" || field.name.startsWith("vlan")) {
    found.writes = null;
    return;
  }
  const first = field.offset >>> 2;
  const last = (field.offset + field.size - 1) >>> 2;
  for (let word = first; word <= last; word++) found.writes?.add(word);
}

function union<T>(into: Set<T> | null, more: ReadonlySet<T> | null): Set<T> | null {
  if (into === null || more === null) return null;
  for (const item of more) into.add(item);
  return into;
}
