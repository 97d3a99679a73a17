// Which actions may be in an action set (OpenFlow 1.3 section 5.10, and resubmit as in Open vSwitch).

import type { OfAction, OfActionType } from "./action.ts";

const ALLOWED: ReadonlySet<OfActionType> = new Set<OfActionType>([
  "copyTtlIn",
  "stripVlan",
  "popMpls",
  "pushMpls",
  "pushVlan",
  "copyTtlOut",
  "decTtl",
  "decMplsTtl",
  "setField",
  "move",
  "setEthDst",
  "setEthSrc",
  "setIpDscp",
  "setIpEcn",
  "setIpTtl",
  "setIpv4Dst",
  "setIpv4Src",
  "setL4Dst",
  "setL4Src",
  "setMplsLabel",
  "setMplsTc",
  "setMplsTtl",
  "setQueue",
  "setTunnel",
  "setVlanPcp",
  "setVlanVid",
  "resubmit",
  "output",
  "group",
]);

/** Returns whether an action set may hold the action. */
export function isAllowedInActionSet(action: OfAction): boolean {
  return ALLOWED.has(action.type);
}
