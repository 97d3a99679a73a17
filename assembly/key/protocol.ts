// Numbers of the protocols that the key understands. EtherTypes are in key byte order: as a
// little-endian load sees the two bytes of the wire (RFC 9542, IANA "IEEE 802 Numbers").

import { be16 } from "../layout/types.ts";

export const ETH_TYPE_IPV4: be16 = 0x0008;
export const ETH_TYPE_IPV6: be16 = 0xdd86;
export const ETH_TYPE_ARP: be16 = 0x0608;
export const ETH_TYPE_RARP: be16 = 0x3580;
/** IEEE 802.1Q customer tag. */
export const ETH_TYPE_VLAN: be16 = 0x0081;
/** IEEE 802.1ad service tag. */
export const ETH_TYPE_VLAN_SERVICE: be16 = 0xa888;
export const ETH_TYPE_MPLS: be16 = 0x4788;
export const ETH_TYPE_MPLS_MULTICAST: be16 = 0x4888;

/** Smallest value of the type field that is a type; smaller ones are an IEEE 802.3 length. */
export const ETH_TYPE_MIN: u32 = 0x0600;
/** Destination, source and type. */
export const ETH_HEADER_SIZE: u32 = 14;

export const IP_PROTO_HOP_BY_HOP: u32 = 0;
export const IP_PROTO_ICMP: u32 = 1;
export const IP_PROTO_IGMP: u32 = 2;
export const IP_PROTO_TCP: u32 = 6;
export const IP_PROTO_UDP: u32 = 17;
export const IP_PROTO_ROUTING: u32 = 43;
export const IP_PROTO_FRAGMENT: u32 = 44;
export const IP_PROTO_ESP: u32 = 50;
export const IP_PROTO_AUTHENTICATION: u32 = 51;
export const IP_PROTO_ICMPV6: u32 = 58;
export const IP_PROTO_NO_NEXT_HEADER: u32 = 59;
export const IP_PROTO_DESTINATION: u32 = 60;
export const IP_PROTO_SCTP: u32 = 132;

/** Header without options; also the smallest value of the header length field, in bytes. */
export const IPV4_HEADER_SIZE: u32 = 20;
export const IPV6_HEADER_SIZE: u32 = 40;
export const TCP_HEADER_SIZE: u32 = 20;
export const UDP_HEADER_SIZE: u32 = 8;
export const SCTP_HEADER_SIZE: u32 = 12;
export const ICMP_HEADER_SIZE: u32 = 8;
export const IGMP_HEADER_SIZE: u32 = 8;
/** The twelve flag bits of a TCP header's word at offset 12, as loaded; the data offset is in the rest. */
export const TCP_FLAGS_MASK: u32 = 0xff0f;
export const TCP_DATA_OFFSET_MASK: u32 = 0x00f0;
/** Flow label of an IPv6 header's first word, as loaded. */
export const IPV6_LABEL_MASK: u32 = 0xffff_0f00;
/** An IEEE 802.1Q tag: TPID, in the place of the EtherType, and TCI. */
export const TAG_SIZE: u32 = 4;

/** ARP for Ethernet and IPv4 (RFC 826). */
export const ARP_SIZE: u32 = 28;

/** Whether the 16 bits name a VLAN tag. */
export function isTagType(ethType: be16): bool {
  return ethType === ETH_TYPE_VLAN || ethType === ETH_TYPE_VLAN_SERVICE;
}
