// A megaflow's record. The first 64 bytes are all that a hit under an IPv4 mask of two lanes touches.
//
//   +0   mask      address of the mask's record; 0 = free or deleted: matches nothing
//   +4   actions   (port << 1 | 1), or the address of an action program, or 0: no actions, drop
//   +8   used      PMD clock in ms at the last packet; 0 = never
//   +12  tcp flags u16, union over the packets (as in the key: network order)
//   +14  generation u16, bumped when the record changes hands or actions
//   +16  packets   u64
//   +24  bytes     u64
//   +32  key       the mask's lanes, masked, packed
//   +32 + lanes * 16, rounded up by the class:   the cold part
//
// Records come in three classes by lanes, each a slab of equal slots.

export const FLOW_MASK: u32 = 0;
export const FLOW_ACTIONS: u32 = 4;
export const FLOW_USED: u32 = 8;
export const FLOW_TCP_FLAGS: u32 = 12;
export const FLOW_GENERATION: u32 = 14;
export const FLOW_PACKETS: u32 = 16;
export const FLOW_BYTES: u32 = 24;
export const FLOW_KEY: u32 = 32;

/** Most lanes and bytes of each class: 32 + 16 * lanes + FLOW_COLD_SIZE, rounded up to 64. */
export const FLOW_CLASS_COUNT: u32 = 3;
export const FLOW_CLASS0_LANES: u32 = 4;
export const FLOW_CLASS0_SIZE: u32 = 128;
export const FLOW_CLASS1_LANES: u32 = 8;
export const FLOW_CLASS1_SIZE: u32 = 192;
export const FLOW_CLASS2_LANES: u32 = 34;
export const FLOW_CLASS2_SIZE: u32 = 640;

/** The cold part lies at the end of the slot: FLOW_COLD_SIZE bytes. */
export const FLOW_COLD_SIZE: u32 = 32;
export const FLOW_COLD_UFID: u32 = 0; // 16 bytes
export const FLOW_COLD_HASH: u32 = 16; // hash of the masked key, as in the flow table
export const FLOW_COLD_COOKIE: u32 = 20; // the controller's number for this flow
export const FLOW_COLD_CREATED: u32 = 24; // PMD clock in ms
/** Next free slot of the class when the record is free. */
export const FLOW_COLD_NEXT: u32 = 28;
