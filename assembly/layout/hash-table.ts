// An open-addressing table from 32-bit hash to u32 reference: buckets of four, one cache line a pair.
//
//   bucket (32 B):  sig0 sig1 sig2 sig3 | ref0 ref1 ref2 ref3
//
// A signature of 0 is an empty place and 1 a deleted one; others are the hash itself. A key lies in its
// home bucket or, when that was full, in the next buckets; a bucket with an empty place ends the search.
// The table's descriptor lies in the PMD's control block. It grows by moving a few buckets a batch into a
// larger region: until that ends both are searched.

export const TABLE_BUCKET_SIZE: u32 = 32;
export const TABLE_BUCKET_WAYS: u32 = 4;
export const TABLE_SIGNATURE_DELETED: u32 = 1;

/** Descriptor. All u32. */
export const TABLE_BASE: u32 = 0;
/** Buckets - 1. */
export const TABLE_MASK: u32 = 4;
/** Places in use, deleted ones included. */
export const TABLE_USED: u32 = 8;
/** Entries. */
export const TABLE_COUNT: u32 = 12;
/** Table being emptied into this one; 0 = none. */
export const TABLE_OLD_BASE: u32 = 16;
export const TABLE_OLD_MASK: u32 = 20;
/** Next bucket of the old table to move. */
export const TABLE_OLD_CURSOR: u32 = 24;
export const TABLE_DESCRIPTOR_SIZE: u32 = 32;

/** Old buckets moved at a batch boundary: 64 x 4 entries, about 5 us. */
export const TABLE_MOVE_BUCKETS: u32 = 64;
