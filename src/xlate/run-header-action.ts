// The actions that only change headers, each with the function that does it.

import type { HeaderAction, OfAction, OfActionType } from "../openflow/action.ts";
import { copyTtlIn, copyTtlOut } from "./actions/copy-ttl.ts";
import { popMpls, pushMpls, setMplsLabel, setMplsTc, setMplsTtl } from "./actions/mpls.ts";
import { move, setEth, setIpv4, setPort, setTos, setTtl } from "./actions/set-field.ts";
import { popVlan, pushVlan, setVlanPcp, setVlanVid } from "./actions/vlan.ts";
import type { Xlate } from "./context.ts";

/** Header actions that never end their list; setField and the TTL decrements are carried out elsewhere. */
type PlainHeaderAction = Exclude<HeaderAction, { type: "setField" | "decTtl" | "decMplsTtl" }>;

type Handlers = {
  readonly [T in PlainHeaderAction["type"]]: (
    x: Xlate,
    action: Extract<PlainHeaderAction, { type: T }>,
  ) => void;
};

const handlers: Handlers = {
  move: (x, { src, dst }) => move(x, src, dst),
  setVlanVid: (x, { vid, pushIfNeeded }) => setVlanVid(x, vid, pushIfNeeded),
  setVlanPcp: (x, { pcp, pushIfNeeded }) => setVlanPcp(x, pcp, pushIfNeeded),
  stripVlan: (x) => popVlan(x),
  pushVlan: (x, { ethertype }) => pushVlan(x, ethertype),
  setEthSrc: (x, { mac }) => setEth(x, "src", mac),
  setEthDst: (x, { mac }) => setEth(x, "dst", mac),
  setIpv4Src: (x, { address }) => setIpv4(x, "src", address),
  setIpv4Dst: (x, { address }) => setIpv4(x, "dst", address),
  setIpDscp: (x, { dscp }) => setTos(x, dscp, 0xfc),
  setIpEcn: (x, { ecn }) => setTos(x, ecn, 0x03),
  setIpTtl: (x, { ttl }) => setTtl(x, ttl),
  setL4Src: (x, { port }) => setPort(x, "src", port),
  setL4Dst: (x, { port }) => setPort(x, "dst", port),
  setMplsLabel: (x, { label }) => setMplsLabel(x, label),
  setMplsTc: (x, { tc }) => setMplsTc(x, tc),
  setMplsTtl: (x, { ttl }) => setMplsTtl(x, ttl),
  pushMpls: (x, { ethertype }) => pushMpls(x, ethertype),
  popMpls: (x, { ethertype }) => popMpls(x, ethertype),
  copyTtlIn: (x) => copyTtlIn(x),
  copyTtlOut: (x) => copyTtlOut(x),
};

/** Carries a plain header action out; returns false, having done nothing, when it is no such action. */
export function runHeaderAction(x: Xlate, action: OfAction): boolean {
  const handler = (handlers as Partial<Record<OfActionType, (x: Xlate, action: OfAction) => void>>)[
    action.type
  ];
  handler?.(x, action);
  return handler !== undefined;
}
