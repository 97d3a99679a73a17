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
/** 32 * 256 * 128: the largest set of tables. */
export const PRUNE_REGION_SIZE: u32 = 1048576;
