// Numbers and offsets of the protocols whose packets the actions change. EtherTypes and flags that are
// compared with a little-endian load are written as that load sees them (0x0800 is 0x0008).

export const ETH_HEADER_LENGTH: u32 = 14;
export const ETH_TYPE_OFFSET: u32 = 12;
/** A VLAN tag: TPID and TCI. */
export const VLAN_TAG_LENGTH: u32 = 4;
export const MPLS_LABEL_LENGTH: u32 = 4;

export const ETH_TYPE_IPV4: u32 = 0x0008;
export const ETH_TYPE_IPV6: u32 = 0xdd86;
export const ETH_TYPE_ARP: u32 = 0x0608;
export const ETH_TYPE_RARP: u32 = 0x3580;
/** 802.1Q. */
export const ETH_TYPE_VLAN: u32 = 0x0081;
/** 802.1ad. */
export const ETH_TYPE_QINQ: u32 = 0xa888;
export const ETH_TYPE_MPLS: u32 = 0x4788;
export const ETH_TYPE_MPLS_MULTICAST: u32 = 0x4888;
/** Smallest EtherType, in host order; what is below is the length of an 802.3 frame. */
export const ETH_TYPE_MIN: u32 = 0x0600;

/** LLC with SNAP and the organisation code of Ethernet (aa aa 03 00 00 00): first four bytes, next two. */
export const SNAP_LLC: u32 = 0x0003aaaa;
export const SNAP_ORGANISATION: u32 = 0;
/** LLC and SNAP with the EtherType at its end. */
export const SNAP_LENGTH: u32 = 8;

export const IPV4_HEADER_MIN: u32 = 20;
export const IPV4_TOS: u32 = 1;
export const IPV4_TOTAL_LENGTH: u32 = 2;
export const IPV4_TTL: u32 = 8;
export const IPV4_PROTOCOL: u32 = 9;
export const IPV4_CHECKSUM: u32 = 10;
export const IPV4_SOURCE: u32 = 12;
export const IPV4_DESTINATION: u32 = 16;
/** Fragment offset bits of the u16 at IPV4_FRAGMENT (0x1fff in network order). */
export const IPV4_FRAGMENT: u32 = 6;
export const IPV4_FRAGMENT_OFFSET: u32 = 0xff1f;
/** More-fragments bit of the same (0x2000 in network order). */
export const IPV4_MORE_FRAGMENTS: u32 = 0x0020;

export const IPV6_HEADER_LENGTH: u32 = 40;
export const IPV6_PAYLOAD_LENGTH: u32 = 4;
export const IPV6_NEXT_HEADER: u32 = 6;
export const IPV6_HOP_LIMIT: u32 = 7;
export const IPV6_SOURCE: u32 = 8;
export const IPV6_DESTINATION: u32 = 24;
/** Fragment offset bits of the u16 behind a fragment header's first two bytes (0xfff8 in network order). */
export const IPV6_FRAGMENT_OFFSET: u32 = 0xf8ff;

export const PROTOCOL_HOP_BY_HOP: u32 = 0;
export const PROTOCOL_ICMP: u32 = 1;
export const PROTOCOL_TCP: u32 = 6;
export const PROTOCOL_UDP: u32 = 17;
export const PROTOCOL_ROUTING: u32 = 43;
export const PROTOCOL_FRAGMENT: u32 = 44;
export const PROTOCOL_AUTHENTICATION: u32 = 51;
export const PROTOCOL_ICMPV6: u32 = 58;
export const PROTOCOL_DESTINATION_OPTIONS: u32 = 60;
export const PROTOCOL_SCTP: u32 = 132;

export const TCP_HEADER_MIN: u32 = 20;
export const TCP_DATA_OFFSET: u32 = 12;
export const TCP_CHECKSUM: u32 = 16;
export const UDP_HEADER_LENGTH: u32 = 8;
export const UDP_CHECKSUM: u32 = 6;
export const SCTP_HEADER_LENGTH: u32 = 12;
export const SCTP_CHECKSUM: u32 = 8;
/** Type, code, checksum and the word behind; ICMPv4 and ICMPv6. */
export const ICMP_HEADER_LENGTH: u32 = 8;
/** An ICMPv6 header as Open vSwitch counts it: type, code and checksum. */
export const ICMPV6_HEADER_MIN: u32 = 4;
export const ICMP_CHECKSUM: u32 = 2;

/** Neighbour solicitation and advertisement (RFC 4861): reserved word, target, then options. */
export const ND_RESERVED: u32 = 4;
export const ND_TARGET: u32 = 8;
export const ND_OPTIONS: u32 = 24;
export const ND_OPTION_UNIT: u32 = 8;
export const ND_SOURCE_LINK_ADDRESS: u32 = 1;
export const ND_TARGET_LINK_ADDRESS: u32 = 2;

/** ARP for IPv4 over Ethernet (RFC 826). */
export const ARP_LENGTH: u32 = 28;
export const ARP_OPERATION: u32 = 6;
export const ARP_SENDER_MAC: u32 = 8;
export const ARP_SENDER_IP: u32 = 14;
export const ARP_TARGET_MAC: u32 = 18;
export const ARP_TARGET_IP: u32 = 24;
