// Names for integers that must not be mixed up; aliases only, so they cost nothing.

/** 16 bits in network byte order, as loaded from the wire by a little-endian load. */
export type be16 = u16;
