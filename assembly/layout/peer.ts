// What a PMD knows of the other PMDs of its switch, and of the packet memory that they share.
//
// The packet memory (UMEM) is one run of equal slices of frames. A PMD receives into frames of its own slice;
// a frame that ends in another PMD's hands goes home through a ring, and so does a packet whose output queue is another PMD's.

/** Header of the region, u32 each. */
export const PEERS_UMEM: u32 = 0; // first byte of the first slice
export const PEERS_SLICE_SIZE: u32 = 8; // bytes
/** PMDs of the switch. */
export const PEERS_COUNT: u32 = 12;
/** u16 a frame of all slices: number of the queue that has it, 0 = a PMD has it. */
export const PEERS_OWNERS: u32 = 16;
/** Slices of the packet memory. */
export const PEERS_SLICES: u32 = 20;

/** u32 a slice: ring to the slice's PMD for its frames; 0 = nobody misses them. */
export const PEERS_HOMES: u32 = 64;

/** A record a PMD: rings to it and from it; all 0 for the PMD itself and for one that is gone. */
export const PEERS_RECORDS: u32 = 1024;
export const PEER_PASS_OUT: u32 = 0;
export const PEER_PASS_IN: u32 = 4;
export const PEER_HOME_IN: u32 = 8;
/** Its control block. */
export const PEER_CONTROL: u32 = 12;
export const PEER_SIZE: u32 = 16;
/** 1,024 + 64 PMDs * 16. */
export const PEERS_SIZE: u32 = 2048;

/** A ring between two PMDs of entries {frame u32, port u32}; a frame that only goes home has no port. */
export const PAIR_HEAD: u32 = 0; // the producer's: entries ever written
export const PAIR_TAIL: u32 = 64; // the consumer's
export const PAIR_MASK: u32 = 128; // entries - 1
/** The producer's unpublished head. */
export const PAIR_OWN: u32 = 8;
export const PAIR_DATA: u32 = 192;
export const PAIR_ENTRY_SIZE: u32 = 8;
/** In an entry's port: the packet goes on in the next entry. */
export const PAIR_CONTINUED: u32 = 0x80000000;
