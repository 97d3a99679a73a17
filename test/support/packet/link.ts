// Link layers of the packet builder: Ethernet II, IEEE 802.3 with LLC and SNAP, VLAN tags, MPLS, ARP.

import { ByteWriter, ipv4Bytes, type Layer, macBytes } from "./layer.ts";

/** EtherType for a payload that has none of its own (IEEE local experimental 1). */
const ETHER_TYPE_PAYLOAD = 0x88b5;
const DEFAULT_DESTINATION = "02:00:00:00:00:02";
const DEFAULT_SOURCE = "02:00:00:00:00:01";

export interface EthernetOptions {
  src?: string;
  dst?: string;
  /** Default: what the next layer is called. */
  etherType?: number;
}

export function ethernet(options: EthernetOptions = {}): Layer {
  return {
    encode: (inside, { next }) =>
      new ByteWriter()
        .bytes(macBytes(options.dst ?? DEFAULT_DESTINATION))
        .bytes(macBytes(options.src ?? DEFAULT_SOURCE))
        .u16(options.etherType ?? next?.etherType ?? ETHER_TYPE_PAYLOAD)
        .bytes(inside)
        .done(),
  };
}

export interface Ethernet8023Options {
  src?: string;
  dst?: string;
  /** Default: bytes that follow. */
  length?: number;
}

/** IEEE 802.3: a length in the place of the EtherType. */
export function ethernet8023(options: Ethernet8023Options = {}): Layer {
  return {
    encode: (inside) =>
      new ByteWriter()
        .bytes(macBytes(options.dst ?? DEFAULT_DESTINATION))
        .bytes(macBytes(options.src ?? DEFAULT_SOURCE))
        .u16(options.length ?? inside.length)
        .bytes(inside)
        .done(),
  };
}

/** IEEE 802.2 LLC; spanning tree's by default. */
export function llc(options: { dsap?: number; ssap?: number; control?: number } = {}): Layer {
  return {
    encode: (inside) =>
      new ByteWriter()
        .u8(options.dsap ?? 0x42, options.ssap ?? 0x42, options.control ?? 3)
        .bytes(inside)
        .done(),
  };
}

/** LLC AA-AA-03 and SNAP. */
export function snap(
  options: { dsap?: number; ssap?: number; control?: number; organisation?: number; etherType?: number } = {},
): Layer {
  return {
    encode: (inside, { next }) => {
      const organisation = options.organisation ?? 0;
      return new ByteWriter()
        .u8(options.dsap ?? 0xaa, options.ssap ?? 0xaa, options.control ?? 3)
        .u8(organisation >>> 16)
        .u16(organisation)
        .u16(options.etherType ?? next?.etherType ?? ETHER_TYPE_PAYLOAD)
        .bytes(inside)
        .done();
    },
  };
}

export interface VlanOptions {
  vid?: number;
  pcp?: number;
  dei?: boolean;
  /** 0x8100 by default; qinq() has 0x88a8. */
  tpid?: number;
  etherType?: number;
  /** The 802.3 length of what follows in the place of the EtherType. */
  length?: boolean;
}

/** An IEEE 802.1Q tag. */
export function vlan(options: VlanOptions = {}): Layer {
  const tci = ((options.pcp ?? 0) << 13) | (options.dei === true ? 0x1000 : 0) | (options.vid ?? 1);
  return {
    etherType: options.tpid ?? 0x8100,
    encode: (inside, { next }) => {
      const named = options.etherType ?? next?.etherType ?? ETHER_TYPE_PAYLOAD;
      return new ByteWriter()
        .u16(tci, options.length === true ? inside.length : named)
        .bytes(inside)
        .done();
    },
  };
}

/** An IEEE 802.1ad service tag. */
export function qinq(options: VlanOptions = {}): Layer {
  return vlan({ tpid: 0x88a8, ...options });
}

export interface MplsOptions {
  label?: number;
  tc?: number;
  ttl?: number;
  /** Bottom of stack; by default set where no further label follows. */
  bottom?: boolean;
  /** 0x8848 instead of 0x8847 in front. */
  multicast?: boolean;
}

/** One entry of an MPLS label stack (RFC 3032). */
export function mpls(options: MplsOptions = {}): Layer {
  return {
    etherType: options.multicast === true ? 0x8848 : 0x8847,
    encode: (inside, { next }) => {
      const isLast = next?.etherType !== 0x8847 && next?.etherType !== 0x8848;
      const bottom = options.bottom ?? isLast;
      return new ByteWriter()
        .u32(
          ((options.label ?? 16) << 12) |
            ((options.tc ?? 0) << 9) |
            (bottom ? 0x100 : 0) |
            (options.ttl ?? 64),
        )
        .bytes(inside)
        .done();
    },
  };
}

export interface ArpOptions {
  /** 1 asks, 2 answers. */
  operation?: number;
  sha?: string;
  spa?: string;
  tha?: string;
  tpa?: string;
  hardwareType?: number;
  protocolType?: number;
  hardwareLength?: number;
  protocolLength?: number;
  etherType?: number;
}

/** ARP for Ethernet and IPv4 (RFC 826). */
export function arp(options: ArpOptions = {}): Layer {
  return {
    etherType: options.etherType ?? 0x0806,
    encode: (inside) =>
      new ByteWriter()
        .u16(options.hardwareType ?? 1, options.protocolType ?? 0x0800)
        .u8(options.hardwareLength ?? 6, options.protocolLength ?? 4)
        .u16(options.operation ?? 1)
        .bytes(macBytes(options.sha ?? DEFAULT_SOURCE))
        .bytes(ipv4Bytes(options.spa ?? "10.0.0.1"))
        .bytes(macBytes(options.tha ?? "00:00:00:00:00:00"))
        .bytes(ipv4Bytes(options.tpa ?? "10.0.0.2"))
        .bytes(inside)
        .done(),
  };
}

/** Reverse ARP (RFC 903); operation 3 asks. */
export function rarp(options: ArpOptions = {}): Layer {
  return arp({ etherType: 0x8035, operation: 3, ...options });
}
