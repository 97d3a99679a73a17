// Which OpenFlow versions can express a flow. A flow that none can is refused, as ovs-ofctl does: an
// action whose header the match does not guarantee exists in OpenFlow 1.0 only, push_vlan only later.

/** Bits of a set of versions. */
export const USABLE_OF10 = 0x01;
export const USABLE_OF12_UP = 0x78;
export const USABLE_OF11_UP = 0x7c;
export const USABLE_OF13_UP = 0x70;
export const USABLE_OF15_UP = 0x40;
export const USABLE_ANY = 0x7f;
/** OpenFlow 1.0 with or without Nicira's extension. */
export const USABLE_OF10_ANY = 0x03;
