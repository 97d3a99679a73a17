// Action programs: what the datapath does to a packet, as a sequence of u32 words.
//
// Every action is [opcode | words << 8][operands ...], `words` counting the whole action with its
// nested lists. A program is [words][action ...]: its first word counts all words that follow it.
// Values that go into the packet are in network byte order as a little-endian load sees them; 16-bit
// operands sit in the low half of their word; MAC addresses take two words (the second's high half is
// zero); IPv6 addresses take four. Vocabulary: kernel include/uapi/linux/openvswitch.h
// (OVS_ACTION_ATTR_*, OVS_KEY_ATTR_*). Set actions carry value and mask: new = old & ~mask | value,
// the value being zero where its mask is.

export enum Action {
  /** [odp port] A copy of the packet as it is now. */
  OUTPUT = 1,
  /** [DropReason] Ends the program; the packet is dropped unless a copy was sent before. */
  DROP = 2,
  /** [cookie][max bytes] A copy to the controller, which knows what the cookie stands for. */
  USERSPACE = 3,
  /** [recirc id] Starts over with a new recirc_id; the rest of the program sees the packet unchanged. */
  RECIRC = 4,
  /** [max bytes] Later OUTPUT or USERSPACE, the next one only, sends at most so many bytes. */
  TRUNC = 5,
  /** [probability][nested actions ...] Probability of 2^32 - 1 is always; runs on a copy. */
  SAMPLE = 6,
  /** [nested actions ...] Runs on a copy, whose changes the rest does not see. */
  CLONE = 7,
  /** [algorithm][basis] Writes dp_hash: 0 = L4 hash, 1 = symmetric L4. Same as the kernel's attribute. */
  HASH = 8,
  /** [meter id] */
  METER = 9,
  /**
   * [bytes][words of the first list][actions if longer ...][actions if not ...]; the list taken runs on a copy when
   * actions follow. What pads an IP packet's frame does not count.
   */
  CHECK_PKT_LEN = 10,
  /** [tpid][tci] Both in network order; tci with the CFI bit. */
  PUSH_VLAN = 11,
  POP_VLAN = 12,
  /** [ethertype, tags popped before << 16][label stack entry] */
  PUSH_MPLS = 13,
  /** [ethertype] The EtherType that follows the popped label. */
  POP_MPLS = 14,
  /** Subtracts 1 from the IPv4 TTL or IPv6 hop limit. Translation has made sure that it is over 1. */
  DEC_TTL = 15,
  /** [dst lo][dst hi][src lo][src hi][dst mask x2][src mask x2] */
  SET_ETH = 16,
  /** [tci][tci mask] Outermost tag. */
  SET_VLAN = 17,
  /** [src][dst][tos | ttl << 8][src mask][dst mask][tos mask | ttl mask << 8] */
  SET_IPV4 = 18,
  /** [src x4][dst x4][label][tclass | hop limit << 8][the same ten words as masks] */
  SET_IPV6 = 19,
  /** [src | dst << 16][masks likewise] Ports as loaded; TCP, UDP or SCTP by the packet's protocol. */
  SET_PORTS = 20,
  /** [type | code << 8][masks likewise] ICMPv4 or ICMPv6. */
  SET_ICMP = 21,
  /** [op][spa][tpa][sha x2][tha x2][the same seven words as masks]; op is 16 bits on the wire, big-endian */
  SET_ARP = 22,
  /** [target x4][sll x2][tll x2][the same eight words as masks] */
  SET_ND = 23,
  /** [label stack entry][mask] Outermost label. */
  SET_MPLS = 24,
  /** [mark][mask] */
  SET_MARK = 25,
  /** [priority] */
  SET_PRIORITY = 26,
  /** [reserved word][options type][masks likewise] Of a neighbour advertisement or solicitation. */
  SET_ND_EXTENSIONS = 27,
  /** [dst lo][dst hi | ethertype << 16][src lo][src hi] Puts an Ethernet header in front. */
  PUSH_ETH = 28,
  POP_ETH = 29,
  COUNT = 30,
}

/** PUSH_VLAN to SET_MPLS change the packet's bytes and nothing else. */
export const ACTION_CHANGE_FIRST: u32 = 11;
export const ACTION_CHANGE_LAST: u32 = 24;

/** First word of an action: opcode in the low byte, words above it. */
export const ACTION_WORDS_SHIFT: u32 = 8;
export const ACTION_OPCODE_MASK: u32 = 0xff;

/** Where a flow record's action word points: bit 0 set = a single OUTPUT, the port above it. */
export const ACTION_INLINE_OUTPUT: u32 = 1;

/** HASH algorithms, as the kernel's OVS_HASH_ALG_*. */
/** Where PUSH_MPLS has the number of tags that its program has popped before it, less those that it has pushed. */
export const PUSH_MPLS_POPPED_SHIFT: u32 = 16;

export const HASH_ALGORITHM_L4: u32 = 0;
export const HASH_ALGORITHM_SYM_L4: u32 = 1;
