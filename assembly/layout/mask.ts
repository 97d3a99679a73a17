// A mask's record, and the mask array: addresses of records in the order they are tried, without holes.
// The first 64 bytes are all that a lookup under an IPv4 mask of two lanes touches.

/** One of MASK_KIND_*. */
export const MASK_KIND: u32 = 0;
/** Number of lanes. */
export const MASK_LANES: u32 = 4;
/** u64 that separates this mask's hashes from the other masks'. */
export const MASK_SALT: u32 = 8;
/** Place in the mask array. */
export const MASK_INDEX: u32 = 16;
/** Hits since the array was last ordered. */
export const MASK_HITS: u32 = 20;
/** Number of the bit in the pruning bitmaps; stays while the mask lives. */
export const MASK_BIT: u32 = 24;
/** Offset of the cold part of its flows. */
export const MASK_COLD: u32 = 28;
/** The mask's lanes, packed like a flow's key. */
export const MASK_BYTES: u32 = 32; // 34 * 16 = 544
/** Offset in the key of each lane, u16 each, in order. */
export const MASK_OFFSETS: u32 = 576; // 34 * 2 = 68 bytes
/** FLOW_CLASS of its flows. */
export const MASK_CLASS: u32 = 644;
/** Sets of pruning bitmaps (one u32 a half) in which the bytes the mask leaves out are filled in. */
export const MASK_FILLED: u32 = 648;
/** Hits ever, u64. */
export const MASK_HITS_TOTAL: u32 = 656;
/** Flows under the mask. */
export const MASK_FLOWS: u32 = 664;
/** Fingerprint of lanes and bytes, to find the mask again. */
export const MASK_FINGERPRINT: u32 = 668;
/** 672, rounded up to a cache line. */
export const MASK_SIZE: u32 = 704;

/** The MASKS region: the array (u32 x MASK_MAX), hints by fingerprint (u32 x MASK_MAX), the records. */
export const MASKS_ARRAY: u32 = 0;
export const MASKS_HINTS: u32 = 4096;
export const MASKS_RECORDS: u32 = 8192;

/** Lanes 0 and 1 only. */
export const MASK_KIND_TWO: u32 = 0;
/** Lanes 0 to 3. */
export const MASK_KIND_FOUR: u32 = 1;
/** Any lanes, by MASK_OFFSETS. */
export const MASK_KIND_ANY: u32 = 2;
