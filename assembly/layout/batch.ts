// A batch context: the packets that go through the pipeline together, as parallel arrays.
//
// A PMD has one context for received bursts, one for deferred recirculations of each depth and one for
// a single packet of each depth (a recirculation in the middle of a program). All have this shape.

/** u32 arrays of BATCH_MAX (256) entries each: 1 KiB apart. */
export const BATCH_FRAMES: u32 = 0; // frame
export const BATCH_DATA: u32 = 1024; // address of the packet's first byte
export const BATCH_LENGTHS: u32 = 2048; // bytes of packet
export const BATCH_HASHES: u32 = 3072; // skb hash; 0 = not hashable
export const BATCH_FLOWS: u32 = 4096; // megaflow found; 0 = none
export const BATCH_VISITED: u32 = 5120; // masks tried, for those that got as far as the masks
/** Indices of packets that the microflow cache has not answered. */
export const BATCH_MISSES: u32 = 6144;
/** LookupLevel that answered; written for the misses. */
export const BATCH_LEVELS: u32 = 7168;
/** Names of the microflows: skb hash with port and recirculation mixed in; 0 = not cached. */
export const BATCH_SIGNATURES: u32 = 8192;

/** By place in the list of misses: the mask cache's answer, and the mask to try first (0 = none). */
export const BATCH_ENTRIES: u32 = 9216;
export const BATCH_GUESSES: u32 = 10240;

/** Scalars of the context. */
export const BATCH_COUNT: u32 = 11264;
/** Odp port of all packets of a fast receive. */
export const BATCH_IN_PORT: u32 = 11268;
/** Packets in the list of misses. */
export const BATCH_MISS_COUNT: u32 = 11272;
/** Context that deferred recirculations of this one go to; 0: recirculate at once. */
export const BATCH_NEXT: u32 = 11276;
/** 1 where every frame's record is filled in; 0 straight after a fast receive. */
export const BATCH_RECORDS: u32 = 11280;

/** First key; KEY_STRIDE apart. */
export const BATCH_KEYS: u32 = 11328;
/** 11,328 + 256 * 576: an odd number of cache lines. */
export const BATCH_SIZE: u32 = 158784;
/** Contexts: received bursts, then 8 deferred, then 9 single. */
export const BATCH_CONTEXTS: u32 = 18;
