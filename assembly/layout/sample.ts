// The sample ring: the lookups of a sample of connections, for whoever wants to know what other cache sizes
// would do. One record a batch that holds any: [header][batch u32][count u32], then the lookups.

/** Kind of the only record. */
export const SAMPLE_LOOKUPS: u32 = 1;
/** Number of the batch, modulo 2^32: lookups of one batch do not see each other's insertions. */
export const SAMPLE_BATCH: u32 = 8;
export const SAMPLE_COUNT: u32 = 12;
export const SAMPLE_ENTRIES: u32 = 16;

/** Name of the microflow, as the microflow cache knows it; 0 = not cached. */
export const SAMPLE_SIGNATURE: u32 = 0;
/** The connection's name in the mask cache: skb hash with recirc_id mixed in; 0 = not cached. */
export const SAMPLE_MASK_NAME: u32 = 4;
/** Record of the megaflow and of its mask; 0 = there was none, the packet became an upcall. */
export const SAMPLE_FLOW: u32 = 8;
export const SAMPLE_MASK: u32 = 12;
/** Hash of the whole key: what the exact mode of the microflow cache tells apart. */
export const SAMPLE_KEY_HASH: u32 = 16;
/** Masks tried; 0 where the microflow cache answered. */
export const SAMPLE_VISITED: u32 = 20;
export const SAMPLE_ENTRY_SIZE: u32 = 24;
