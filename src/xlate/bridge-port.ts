// A port as a bridge sees it: its numbers, its OpenFlow configuration and its VLANs under NORMAL.

import type { OdpPort } from "../odp/action.ts";
import { type OfPort, ofPortToOdp } from "../openflow/port.ts";

/** How NORMAL treats a port's VLANs (ovs-vswitchd.conf.db(5), Port table, vlan_mode). */
export type VlanMode = "trunk" | "access" | "native-tagged" | "native-untagged";

/** A port of a bridge. */
export interface BridgePort {
  readonly ofPort: OfPort;
  readonly odpPort: OdpPort;
  readonly name: string;
  /** Up, with a carrier: counts as live for groups and bundles. */
  readonly live: boolean;
  /** OFPPC_NO_FLOOD: FLOOD leaves it out. */
  readonly noFlood: boolean;
  /** OFPPC_NO_FWD: nothing is output to it. */
  readonly noForward: boolean;
  /** OFPPC_NO_RECV: what it receives is dropped. */
  readonly noReceive: boolean;
  readonly vlanMode: VlanMode;
  /** VLAN of an access port, or native VLAN; 0 for none. */
  readonly tag: number;
  /** VLANs that a trunk carries; null for all. */
  readonly trunks: ReadonlySet<number> | null;
}

/** A port with the defaults of Open vSwitch: live, a trunk of all VLANs. */
export function bridgePort(ofPort: OfPort, changes: Partial<BridgePort> = {}): BridgePort {
  const odpPort = ofPortToOdp(ofPort);
  if (odpPort === undefined) throw new RangeError(`${ofPort} is not the number of a port`);
  return {
    ofPort,
    odpPort,
    name: odpPort === 0 ? "LOCAL" : `port${ofPort}`,
    live: true,
    noFlood: false,
    noForward: false,
    noReceive: false,
    vlanMode: "trunk",
    tag: 0,
    trunks: null,
    ...changes,
  };
}
