// Datapath actions as data: what translation produces and the datapath executes. The union mirrors
// assembly/layout/action.ts; encode-actions.ts turns it into program words, format.ts into text.
// Numbers are values (a port is 80, an address 0x0a000001), whatever their byte order in the packet;
// MAC and IPv6 addresses are bigint. Set actions follow new = old & ~mask | value, value within mask.

import type { DropReason } from "../../assembly/layout/stat.ts";

/** A number of the datapath's ports; 0 is the local port. Not to be mixed up with `OfPort`. */
export type OdpPort = number & { readonly __odpPort: true };

/** Ethernet header fields that a set action may touch; 48-bit values. */
export interface EthFields {
  readonly src: bigint;
  readonly dst: bigint;
}

/** IPv4 header fields that a set action may touch. */
export interface Ipv4Fields {
  readonly src: number;
  readonly dst: number;
  /** Whole type-of-service byte: DSCP and ECN. */
  readonly tos: number;
  readonly ttl: number;
}

/** IPv6 header fields that a set action may touch. */
export interface Ipv6Fields {
  readonly src: bigint;
  readonly dst: bigint;
  /** 20-bit flow label. */
  readonly label: number;
  /** Whole traffic-class byte: DSCP and ECN. */
  readonly tclass: number;
  readonly hopLimit: number;
}

/** Ports of TCP, UDP or SCTP. */
export interface PortFields {
  readonly src: number;
  readonly dst: number;
}

/** ICMP or ICMPv6 type and code. */
export interface IcmpFields {
  readonly type: number;
  readonly code: number;
}

/** ARP or RARP fields. */
export interface ArpFields {
  readonly op: number;
  readonly spa: number;
  readonly tpa: number;
  readonly sha: bigint;
  readonly tha: bigint;
}

/** Neighbour discovery target and link-layer options. */
export interface NdFields {
  readonly target: bigint;
  readonly sll: bigint;
  readonly tll: bigint;
}

/** Reserved word and option type of a neighbour discovery message. */
export interface NdExtensionFields {
  readonly reserved: number;
  readonly optionsType: number;
}

/** The transport that a port-setting action writes to; only its printed name depends on it. */
export type Transport = "tcp" | "udp" | "sctp";

/** One datapath action. */
export type OdpAction =
  | { readonly type: "output"; readonly port: OdpPort }
  | { readonly type: "drop"; readonly reason: DropReason }
  | {
      readonly type: "userspace";
      /** Names the controller-side record of what the packet is sent up for. */
      readonly cookie: number;
      /** Bytes of the packet to send up; 65535 is all. */
      readonly maxLen: number;
      /** Text of the cookie's meaning as printed between `userspace(` and `)`; not encoded. */
      readonly note?: string;
    }
  | { readonly type: "recirc"; readonly recircId: number }
  | { readonly type: "trunc"; readonly maxLen: number }
  | {
      readonly type: "sample";
      /** In units of 2^-32; 0xffffffff is always. */
      readonly probability: number;
      readonly actions: readonly OdpAction[];
    }
  | { readonly type: "clone"; readonly actions: readonly OdpAction[] }
  | { readonly type: "hash"; readonly algorithm: "l4" | "symL4"; readonly basis: number }
  | { readonly type: "meter"; readonly meterId: number }
  | {
      readonly type: "checkPktLen";
      /** A packet of more bytes than this takes `greater`, any other `lessEqual`. */
      readonly pktLen: number;
      readonly greater: readonly OdpAction[];
      readonly lessEqual: readonly OdpAction[];
    }
  | {
      readonly type: "pushVlan";
      readonly tpid: number;
      /** Tag control information without regard to the CFI bit, which is always set when encoded. */
      readonly tci: number;
    }
  | { readonly type: "popVlan" }
  | { readonly type: "pushMpls"; readonly ethertype: number; readonly lse: number }
  | { readonly type: "popMpls"; readonly ethertype: number }
  | { readonly type: "decTtl" }
  | { readonly type: "setEth"; readonly value: EthFields; readonly mask: EthFields }
  | { readonly type: "setVlan"; readonly value: number; readonly mask: number }
  | { readonly type: "setIpv4"; readonly value: Ipv4Fields; readonly mask: Ipv4Fields }
  | { readonly type: "setIpv6"; readonly value: Ipv6Fields; readonly mask: Ipv6Fields }
  | {
      readonly type: "setPorts";
      readonly transport: Transport;
      readonly value: PortFields;
      readonly mask: PortFields;
    }
  | {
      readonly type: "setIcmp";
      readonly version: 4 | 6;
      readonly value: IcmpFields;
      readonly mask: IcmpFields;
    }
  | { readonly type: "setArp"; readonly value: ArpFields; readonly mask: ArpFields }
  | { readonly type: "setNd"; readonly value: NdFields; readonly mask: NdFields }
  | {
      readonly type: "setNdExtensions";
      readonly value: NdExtensionFields;
      readonly mask: NdExtensionFields;
    }
  | { readonly type: "setMpls"; readonly value: number; readonly mask: number }
  | { readonly type: "setMark"; readonly value: number; readonly mask: number }
  | { readonly type: "setPriority"; readonly value: number }
  | {
      readonly type: "pushEth";
      readonly src: bigint;
      readonly dst: bigint;
      readonly ethertype: number;
    }
  | { readonly type: "popEth" };

/** All the names of datapath actions. */
export type OdpActionType = OdpAction["type"];

/** `maxLen` of a userspace action that sends the whole packet. */
export const USERSPACE_MAX_LEN = 65535;
