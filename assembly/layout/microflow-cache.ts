// The microflow cache: this connection -> its megaflow. A true cache: an entry is a hint that is
// verified against the megaflow itself (signature mode) or the whole key (exact mode).
//
// Signature mode, a bucket of four (32 B):  sig0 sig1 sig2 sig3 | flow0 flow1 flow2 flow3
// Exact mode, a set of two entries, each:   sig flow generation lanes | key lanes ... (KEY_STRIDE + 16 B)

export const MICROFLOW_BUCKET_SIZE: u32 = 32;
export const MICROFLOW_BUCKET_WAYS: u32 = 4;

export const MICROFLOW_EXACT_SIZE: u32 = 576;
export const MICROFLOW_EXACT_WAYS: u32 = 2;
export const MICROFLOW_EXACT_SIGNATURE: u32 = 0;
export const MICROFLOW_EXACT_FLOW: u32 = 4;
export const MICROFLOW_EXACT_GENERATION: u32 = 8;
/** Which optional lanes the key has: as KEY_DIRTY. */
export const MICROFLOW_EXACT_LANES: u32 = 12;
/** Clock of the last insertion or hit, coarse: the older of two is replaced. */
export const MICROFLOW_EXACT_USED: u32 = 16;
export const MICROFLOW_EXACT_KEY: u32 = 32;

/** Modes, as `microflow.mode`. */
export const MICROFLOW_MODE_SIGNATURE: u32 = 0;
export const MICROFLOW_MODE_EXACT: u32 = 1;

/** How the cache is kept out of the way when it does not help, as `microflow.bypass`. */
export const MICROFLOW_BYPASS_OFF: u32 = 0;
export const MICROFLOW_BYPASS_AUTO: u32 = 1;
