// The order in which an action set is carried out (OpenFlow 1.3 section 5.10, as Open vSwitch does it).

import type { OfAction, OfActionType } from "../openflow/action.ts";

/** Actions of which the last one counts, in the order of execution. */
const SLOTS: readonly OfActionType[] = [
  "copyTtlIn",
  "stripVlan",
  "popMpls",
  "pushMpls",
  "pushVlan",
  "copyTtlOut",
  "decTtl",
  "decMplsTtl",
];

/** Actions that end the set, the weakest first; without one of them nothing of the set is done. */
const FINALS: readonly OfActionType[] = ["resubmit", "output", "group"];

/** Actions of which all are carried out, in the order given. */
const SETS: ReadonlySet<OfActionType> = new Set<OfActionType>([
  "setField",
  "move",
  "setEthSrc",
  "setEthDst",
  "setIpv4Src",
  "setIpv4Dst",
  "setIpDscp",
  "setIpEcn",
  "setIpTtl",
  "setL4Src",
  "setL4Dst",
  "setMplsLabel",
  "setMplsTc",
  "setMplsTtl",
  "setQueue",
  "setTunnel",
  "setVlanVid",
  "setVlanPcp",
]);

const lists = new WeakMap<readonly OfAction[], readonly OfAction[]>();

/** The list of actions that an action set amounts to. Actions that have no place in a set are left out. */
export function actionSetToList(set: readonly OfAction[]): readonly OfAction[] {
  let list = lists.get(set);
  if (list === undefined) {
    list = order(set);
    lists.set(set, list);
  }
  return list;
}

function order(set: readonly OfAction[]): OfAction[] {
  const slots = new Map<OfActionType, OfAction>();
  const sets: OfAction[] = [];
  let final: OfAction | undefined;
  for (const action of set) {
    if (action.type === "enqueue") {
      sets.push({ type: "setQueue", queueId: action.queueId });
      final = final?.type === "group" ? final : { type: "output", port: action.port, maxLen: 0 };
      continue;
    }
    const rank = FINALS.indexOf(action.type);
    if (rank >= 0) {
      if (final === undefined || rank >= FINALS.indexOf(final.type)) final = action;
    } else if (SETS.has(action.type)) sets.push(action);
    else if (SLOTS.includes(action.type)) slots.set(action.type, action);
  }
  if (final === undefined) return [];
  const slotted = SLOTS.flatMap((type) => slots.get(type) ?? []);
  return [...slotted, ...sets, final];
}
