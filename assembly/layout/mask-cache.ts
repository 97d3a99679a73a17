// The mask cache: skb hash -> place in the mask array that matched last. The kernel's per-CPU cache
// (net/openvswitch/flow_table.c, struct mask_cache_entry) with a size and a victim rule to choose.

export const MASK_CACHE_ENTRY_SIZE: u32 = 8;
export const MASK_CACHE_HASH: u32 = 0;
/** Place in the mask array in the low 16 bits; a coarse clock above them under the `lru` rule. */
export const MASK_CACHE_INDEX: u32 = 4;

/** Places an entry may lie in; kernel MC_HASH_SEGS. */
export const MASK_CACHE_PROBES: u32 = 4;

/** Which of the four places is overwritten, as `maskCache.victim`. */
export const MASK_CACHE_VICTIM_KERNEL: u32 = 0;
export const MASK_CACHE_VICTIM_LRU: u32 = 1;
