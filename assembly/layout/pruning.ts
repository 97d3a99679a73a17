// Bitmaps that prune the masked lookup: for some bytes of the key, 256 rows of mask bitmaps; bit m of
// row v is set where some flow under mask m can match value v in that byte. The AND over a packet's bytes
// leaves the masks worth trying. A bit too many costs a try; a bit too few would be a wrong miss.
//
//   table of byte i:  PRUNE_ROWS + i * 256 * row,   row = PRUNE_ROW_BYTES rounded up for the masks in use

/** Most bytes of the key that are looked at. */
export const PRUNE_BYTES_MAX: u32 = 32;
/** Values a byte can have. */
export const PRUNE_VALUES: u32 = 256;
/** 1,024 masks / 8. */
export const PRUNE_ROW_BYTES_MAX: u32 = 128;
/** Tables of one set, and what is before them: the list of {offset in the key, table address}. */
export const PRUNE_LIST_SIZE: u32 = 4096;
/** In it: number of the set, and scratch of its making (u16 a byte of the key). */
export const PRUNE_LIST_GENERATION: u32 = 1016;
export const PRUNE_LIST_USERS: u32 = 1024;
/** 64 bytes for a search. */
export const PRUNE_LIST_SCRATCH: u32 = 4032;
/** 4,096 + 32 * 256 * 128. */
export const PRUNE_SET_SIZE: u32 = 1052672;
/** Two sets: the one in use and the one being built. */
export const PRUNE_REGION_SIZE: u32 = 2105344;

/** With fewer masks than this a plain walk is as fast. */
export const PRUNE_MASKS_MIN: u32 = 3;
/** Slots of flow records looked at, at a batch boundary, while a set is built. */
export const PRUNE_BUILD_SLOTS: u32 = 256;
