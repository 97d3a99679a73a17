// IPv4 (RFC 791), with options and fragments.

import { KEY_NW_PROTO, KEY_NW_SRC, NW_FRAG_ANY, NW_FRAG_LATER } from "../layout/flow-key.ts";
import { IPV4_HEADER_SIZE } from "./protocol.ts";
import { Transport } from "./transport.ts";

/** Fragment offset, and with it the more-fragments bit, of the word at offset 6 as loaded. */
const OFFSET_MASK: u32 = 0xff1f;
const FRAGMENT_MASK: u32 = 0xff3f;

/**
 * Nothing is kept of a header whose lengths do not fit each other or the packet. The version field is
 * not looked at. Bytes behind the total length are padding of the link and belong to nothing.
 */
export function parseIpv4(key: u32, header: u32, end: u32): u32 {
  const size = end - header;
  const headerLength = ((load<u8>(header) as u32) & 0xf) << 2;
  const totalLength = bswap<u16>(load<u16>(header, 2)) as u32;
  // Holds for no packet under 20 bytes, whatever lies behind it.
  if (headerLength < IPV4_HEADER_SIZE || headerLength > totalLength || totalLength > size) return 0;

  store<u64>(key, load<u64>(header, 12), KEY_NW_SRC);
  const protocol = load<u8>(header, 9) as u32;
  const fragment = fragmentKind(load<u16>(header, 6));
  const tos = load<u8>(header, 1) as u32;
  const ttl = load<u8>(header, 8) as u32;
  store<u32>(key, protocol | (tos << 8) | (ttl << 16) | (fragment << 24), KEY_NW_PROTO);
  if ((fragment & NW_FRAG_LATER) !== 0) return 0;
  return Transport.parse(key, protocol, header + headerLength, header + totalLength, 0);
}

function fragmentKind(word: u32): u32 {
  if ((word & FRAGMENT_MASK) === 0) return 0;
  return (word & OFFSET_MASK) === 0 ? NW_FRAG_ANY : NW_FRAG_ANY | NW_FRAG_LATER;
}
