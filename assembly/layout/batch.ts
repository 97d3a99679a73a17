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
/** Indices of packets that the level so far has not answered; two lists, used in turn. */
export const BATCH_MISSES_A: u32 = 6144;
export const BATCH_MISSES_B: u32 = 7168;
/** LookupLevel that answered; written only when tracing or off the fast path. */
export const BATCH_LEVELS: u32 = 8192;

/** Scalars of the context. */
export const BATCH_COUNT: u32 = 9216;
/** Odp port of all packets, or NO_COMMON_PORT when each frame's record says its own. */
export const BATCH_IN_PORT: u32 = 9220;
/** Passes before this one: 0 for received packets. */
export const BATCH_DEPTH: u32 = 9224;
/** Context that deferred recirculations of this one go to; 0: recirculate at once. */
export const BATCH_NEXT: u32 = 9228;

/** First key; KEY_STRIDE apart. */
export const BATCH_KEYS: u32 = 9280;
/** 9,280 + 256 * 576 = 156,736, rounded up to a page and an odd number of cache lines. */
export const BATCH_SIZE: u32 = 159808;
/** Contexts: received bursts, then 8 deferred, then 9 single. */
export const BATCH_CONTEXTS: u32 = 18;

/** BATCH_IN_PORT of a context whose packets came from different ports. */
export const NO_COMMON_PORT: u32 = 0xffffffff;
