// The flow key: a packet's headers and metadata as 34 lanes of 16 bytes.
//
// Lanes 0-3 hold all that IPv4 TCP/UDP traffic needs and fill one cache line; lanes 4-7 add IPv6,
// ARP and neighbour discovery; the rest are extension lanes. Wire fields keep their byte order: a
// big-endian field lies in the key as it lies in the packet. Metadata (in_port, recirc_id,
// pkt_mark, dp_hash, skb_priority, ct_state, ct_mark, ct_zone) is in host (little-endian) order.
//
//   lane 0  in_port:4 recirc_id:4 eth_type:2 tci0:2 nw_proto:1 nw_tos:1 nw_ttl:1 nw_frag:1
//   lane 1  nw_src:4 nw_dst:4 tp_src:2 tp_dst:2 tcp_flags:2 tpid0:2
//   lane 2  dl_dst:6 dl_src:6 tci1:2 tpid1:2
//   lane 3  pkt_mark:4 dp_hash:4 skb_priority:4 packet_type:4
//   lane 4  ipv6_src:16           lane 5  ipv6_dst:16
//   lane 6  arp_sha/nd_sll:6 arp_tha/nd_tll:6 ipv6_label:4       lane 7  nd_target:16
//   lane 8  mpls0:4 mpls1:4 mpls2:4 nd_reserved/igmp_group:4
//   lane 9  ct_state:4 ct_mark:4 ct_zone:2 ct_nw_proto:1 pad:1 ipv6_exthdr:2 nd_options_type:1 pad:1
//   lane 10 ct_label:16
//   lane 11 ct_nw_src:4 ct_nw_dst:4 ct_tp_src:2 ct_tp_dst:2 pad:4
//   lane 12 ct_ipv6_src:16        lane 13 ct_ipv6_dst:16
//   lane 14 tun_id:8 tun_src:4 tun_dst:4
//   lane 15 tun_flags:2 tun_tos:1 tun_ttl:1 tun_tp_src:2 tun_tp_dst:2 tun_gbp_id:2 tun_gbp_flags:1
//           tun_erspan_ver:1 tun_opt_present:4
//   lane 16 tun_ipv6_src:16       lane 17 tun_ipv6_dst:16
//   lane 18-33 tun_metadata:256
//
// Conventions, as Open vSwitch's struct flow: eth_type is the innermost EtherType after the VLAN
// tags (0x05ff for an 802.2 frame without SNAP); a tag that is present has the CFI bit (0x1000) set
// in its tci; ARP keeps opcode, spa and tpa in nw_proto, nw_src and nw_dst; ICMP keeps type and code
// in tp_src and tp_dst; an absent field is zero.

export const KEY_LANE_SIZE: u32 = 16;
export const KEY_LANE_COUNT: u32 = 34;
export const KEY_SIZE: u32 = 544;
export const KEY_WORD_COUNT: u32 = 136;

/** Lanes every packet has; the extraction always writes them. */
export const KEY_PLAIN_LANE_COUNT: u32 = 4;
/** First lane of the extension (MPLS, connection tracking, tunnels). */
export const KEY_EXTENSION_LANE: u32 = 8;

/** Bytes between two keys of a batch: odd in cache lines, so hot lines spread over the sets. */
export const KEY_STRIDE: u32 = 576;
/** u32 behind a batch's key: bit (lane - 4) set where an optional lane was written. */
export const KEY_DIRTY: u32 = 544;

export const KEY_IN_PORT: u32 = 0;
export const KEY_RECIRC_ID: u32 = 4;
export const KEY_ETH_TYPE: u32 = 8;
export const KEY_TCI0: u32 = 10;
export const KEY_NW_PROTO: u32 = 12;
export const KEY_NW_TOS: u32 = 13;
export const KEY_NW_TTL: u32 = 14;
export const KEY_NW_FRAG: u32 = 15;

export const KEY_NW_SRC: u32 = 16;
export const KEY_NW_DST: u32 = 20;
export const KEY_TP_SRC: u32 = 24;
export const KEY_TP_DST: u32 = 26;
export const KEY_TCP_FLAGS: u32 = 28;
export const KEY_TPID0: u32 = 30;

export const KEY_DL_DST: u32 = 32;
export const KEY_DL_SRC: u32 = 38;
export const KEY_TCI1: u32 = 44;
export const KEY_TPID1: u32 = 46;

export const KEY_PKT_MARK: u32 = 48;
export const KEY_DP_HASH: u32 = 52;
export const KEY_SKB_PRIORITY: u32 = 56;
/** OpenFlow packet_type (namespace:2, type:2, both big-endian); 0 is Ethernet. */
export const KEY_PACKET_TYPE: u32 = 60;

export const KEY_IPV6_SRC: u32 = 64;
export const KEY_IPV6_DST: u32 = 80;
export const KEY_ARP_SHA: u32 = 96;
export const KEY_ARP_THA: u32 = 102;
/** Neighbour discovery's link-layer options share the ARP addresses' place. */
export const KEY_ND_SLL: u32 = 96;
export const KEY_ND_TLL: u32 = 102;
/** 20 bits, big-endian in 32. */
export const KEY_IPV6_LABEL: u32 = 108;
export const KEY_ND_TARGET: u32 = 112;

export const KEY_MPLS0: u32 = 128;
export const KEY_MPLS1: u32 = 132;
export const KEY_MPLS2: u32 = 136;
/** Reserved word of a neighbour advertisement or solicitation (big-endian). */
export const KEY_ND_RESERVED: u32 = 140;
export const KEY_CT_STATE: u32 = 144;
export const KEY_CT_MARK: u32 = 148;
export const KEY_CT_ZONE: u32 = 152;
export const KEY_CT_NW_PROTO: u32 = 154;
/** Which IPv6 extension headers are there: OpenFlow 1.3 OFPIEH_* bits, host order. */
export const KEY_IPV6_EXTHDR: u32 = 156;
/** Type of the last neighbour discovery option that was understood. */
export const KEY_ND_OPTIONS_TYPE: u32 = 158;
export const KEY_CT_LABEL: u32 = 160;
export const KEY_CT_NW_SRC: u32 = 176;
export const KEY_CT_NW_DST: u32 = 180;
export const KEY_CT_TP_SRC: u32 = 184;
export const KEY_CT_TP_DST: u32 = 186;
export const KEY_CT_IPV6_SRC: u32 = 192;
export const KEY_CT_IPV6_DST: u32 = 208;
export const KEY_TUN_ID: u32 = 224;
export const KEY_TUN_SRC: u32 = 232;
export const KEY_TUN_DST: u32 = 236;
export const KEY_TUN_FLAGS: u32 = 240;
export const KEY_TUN_TOS: u32 = 242;
export const KEY_TUN_TTL: u32 = 243;
export const KEY_TUN_TP_SRC: u32 = 244;
export const KEY_TUN_TP_DST: u32 = 246;
export const KEY_TUN_GBP_ID: u32 = 248;
export const KEY_TUN_GBP_FLAGS: u32 = 250;
export const KEY_TUN_ERSPAN_VER: u32 = 251;
export const KEY_TUN_OPT_PRESENT: u32 = 252;
export const KEY_TUN_IPV6_SRC: u32 = 256;
export const KEY_TUN_IPV6_DST: u32 = 272;
export const KEY_TUN_METADATA: u32 = 288;

/** nw_frag: the packet is a fragment. */
export const NW_FRAG_ANY: u32 = 1;
/** nw_frag: the fragment does not begin its datagram. */
export const NW_FRAG_LATER: u32 = 2;

/** CFI bit of a tci in the key's byte order (0x1000 big-endian): the tag is there. */
export const TCI_PRESENT: u32 = 0x0010;

/** EtherType the key holds for an 802.2 frame that is not SNAP (0x05ff, in key byte order). */
export const ETH_TYPE_802_2: u32 = 0xff05;
