// Names for integers that must not be mixed up; aliases only, so they cost nothing.

/** Address in linear memory. */
export type Address = u32;
/** 16 bits in network byte order, as loaded from the wire by a little-endian load. */
export type be16 = u16;
/** 32 bits in network byte order, as loaded from the wire by a little-endian load. */
export type be32 = u32;
/** Datapath port number: 0 is the local port. */
export type OdpPort = u32;
