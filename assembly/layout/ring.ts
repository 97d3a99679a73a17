// A byte ring: variable-size records from one producer to one consumer.
//
//   header (64 B a line, so that the two sides do not share one)
//     +0    head  u32   bytes ever written, modulo 2^32; the producer's
//     +64   tail  u32   bytes ever read; the consumer's
//     +128  size  u32   bytes of data, a power of two
//   data  +192
//
//   record: [size u32][kind u32][payload ...], size a multiple of 16 that counts its own header.
//   A record never wraps: where it does not fit before the end, a RING_SKIP record fills the rest.
//   head === tail: empty. head - tail === size: full.

export const RING_HEAD: u32 = 0;
export const RING_TAIL: u32 = 64;
export const RING_SIZE: u32 = 128;
export const RING_DATA: u32 = 192;

export const RING_RECORD_SIZE: u32 = 0;
export const RING_RECORD_KIND: u32 = 4;
/** Bytes of a record's own header. */
export const RING_RECORD_HEADER: u32 = 8;
export const RING_RECORD_ALIGN: u32 = 16;

/** Kind of the filler record at the end of the data. */
export const RING_SKIP: u32 = 0;
