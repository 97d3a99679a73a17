// Offsets and sizes in the headers whose fields the actions change. Bits that are compared with a
// little-endian load are written as that load sees them (0x1fff is 0xff1f).

/** Smallest EtherType, in host order; below is the length of an 802.3 frame (IEEE 802.3 clause 3.2.6). */
export const ETH_TYPE_MIN: u32 = 0x0600;
export const ETH_TYPE_OFFSET: u32 = 12;
/** A VLAN tag: TPID and TCI. */
export const VLAN_TAG_SIZE: u32 = 4;
export const MPLS_LABEL_SIZE: u32 = 4;

/** LLC and SNAP with the EtherType at its end. */
export const SNAP_SIZE: u32 = 8;
/** Its first six bytes, aa aa 03 and the organisation 00 00 00 (RFC 1042). */
export const SNAP_ETHERNET: u64 = 0x00000003aaaa;
export const SNAP_ETHERNET_MASK: u64 = 0xffffffffffff;

export const IPV4_TOS: u32 = 1;
export const IPV4_TOTAL_LENGTH: u32 = 2;
export const IPV4_TTL: u32 = 8;
export const IPV4_PROTOCOL: u32 = 9;
export const IPV4_CHECKSUM: u32 = 10;
export const IPV4_SOURCE: u32 = 12;
export const IPV4_DESTINATION: u32 = 16;
/** A u16: flags and the fragment's offset. */
export const IPV4_FRAGMENT: u32 = 6;
/** Its offset bits (0x1fff in network order). */
export const IPV4_FRAGMENT_OFFSET: u32 = 0xff1f;

export const IPV6_PAYLOAD_LENGTH: u32 = 4;
export const IPV6_NEXT_HEADER: u32 = 6;
export const IPV6_HOP_LIMIT: u32 = 7;
export const IPV6_SOURCE: u32 = 8;
export const IPV6_DESTINATION: u32 = 24;
/** Offset bits (0xfff8 in network order) of the u16 that is a fragment header's second. */
export const IPV6_FRAGMENT_OFFSET: u32 = 0xf8ff;

export const TCP_DATA_OFFSET: u32 = 12;
export const TCP_CHECKSUM: u32 = 16;
export const UDP_CHECKSUM: u32 = 6;
export const SCTP_CHECKSUM: u32 = 8;
/** An ICMPv6 header as Open vSwitch counts it: type, code and checksum. */
export const ICMPV6_HEADER_SIZE: u32 = 4;
export const ICMP_CHECKSUM: u32 = 2;

/** Neighbour solicitation and advertisement (RFC 4861): reserved word, target, then options. */
export const ND_RESERVED: u32 = 4;
export const ND_TARGET: u32 = 8;
export const ND_OPTIONS: u32 = 24;
export const ND_OPTION_UNIT: u32 = 8;
export const ND_SOURCE_LINK_ADDRESS: u32 = 1;
export const ND_TARGET_LINK_ADDRESS: u32 = 2;

export const ARP_OPERATION: u32 = 6;
export const ARP_SENDER_MAC: u32 = 8;
export const ARP_SENDER_IP: u32 = 14;
export const ARP_TARGET_MAC: u32 = 18;
export const ARP_TARGET_IP: u32 = 24;
