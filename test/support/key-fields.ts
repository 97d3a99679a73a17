// A flow key's fields by name, so that a failing test says which field differs.

import * as layout from "../../assembly/layout/flow-key.ts";

/** Offset and bytes of every field that a packet's bytes or its arrival can set. */
const FIELDS: Record<string, readonly [offset: number, size: number]> = {
  dlDst: [layout.KEY_DL_DST, 6],
  dlSrc: [layout.KEY_DL_SRC, 6],
  tpid0: [layout.KEY_TPID0, 2],
  tci0: [layout.KEY_TCI0, 2],
  tpid1: [layout.KEY_TPID1, 2],
  tci1: [layout.KEY_TCI1, 2],
  ethType: [layout.KEY_ETH_TYPE, 2],
  mpls0: [layout.KEY_MPLS0, 4],
  mpls1: [layout.KEY_MPLS1, 4],
  mpls2: [layout.KEY_MPLS2, 4],
  nwSrc: [layout.KEY_NW_SRC, 4],
  nwDst: [layout.KEY_NW_DST, 4],
  ipv6Src: [layout.KEY_IPV6_SRC, 16],
  ipv6Dst: [layout.KEY_IPV6_DST, 16],
  ipv6Label: [layout.KEY_IPV6_LABEL, 4],
  ipv6Exthdr: [layout.KEY_IPV6_EXTHDR, 2],
  nwProto: [layout.KEY_NW_PROTO, 1],
  nwTos: [layout.KEY_NW_TOS, 1],
  nwTtl: [layout.KEY_NW_TTL, 1],
  nwFrag: [layout.KEY_NW_FRAG, 1],
  arpSha: [layout.KEY_ARP_SHA, 6],
  arpTha: [layout.KEY_ARP_THA, 6],
  ndTarget: [layout.KEY_ND_TARGET, 16],
  ndReserved: [layout.KEY_ND_RESERVED, 4],
  ndOptionsType: [layout.KEY_ND_OPTIONS_TYPE, 1],
  tpSrc: [layout.KEY_TP_SRC, 2],
  tpDst: [layout.KEY_TP_DST, 2],
  tcpFlags: [layout.KEY_TCP_FLAGS, 2],
  inPort: [layout.KEY_IN_PORT, 4],
  recircId: [layout.KEY_RECIRC_ID, 4],
};

/** Returns the fields that are not zero, each as the hexadecimal of its bytes; others under their offset. */
export function keyFields(key: Uint32Array): Record<string, string> {
  const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
  const known = new Set<number>();
  const fields: Record<string, string> = {};
  for (const [name, [offset, size]] of Object.entries(FIELDS)) {
    for (let i = 0; i < size; i++) known.add(offset + i);
    const hex = bytes.toString("hex", offset, offset + size);
    if (!/^0*$/.test(hex)) fields[name] = hex;
  }
  for (const [offset, byte] of bytes.entries()) {
    if (byte !== 0 && !known.has(offset)) fields[`byte ${offset}`] = byte.toString(16);
  }
  return fields;
}
