// IPv6 header fields, with the pseudo header's share of TCP's, UDP's and ICMPv6's checksums.

import { ETH_TYPE_IPV6 } from "../key/protocol.ts";
import { etherType, locateNetwork, locateTransport, network, routed } from "./locate.ts";
import { replace128, replaceSecond8 } from "./masked.ts";
import { adjustForAddresses } from "./transport.ts";
import { IPV6_DESTINATION, IPV6_HOP_LIMIT, IPV6_SOURCE } from "./wire.ts";

/** Masks lie behind source, destination, label and one word of traffic class and hop limit. */
const MASKS: u32 = 40;
const LABEL: u32 = 32;
const CLASS_AND_LIMIT: u32 = 36;
/** The flow label in the first word of the header, in host order. */
const LABEL_BITS: u32 = 0x000fffff;
const CLASS_SHIFT: u32 = 20;

/**
 * SET_IPV6. False when the packet is not IPv6; headers cut short are left as they are. Where a routing
 * header names further hops the checksums cover the final destination, which is not the one set here.
 */
export function setIpv6(frame: u32, operands: u32): bool {
  if (!locateNetwork(frame) || etherType !== ETH_TYPE_IPV6) return false;
  if (!locateTransport()) return true;
  const source = replace128(network + IPV6_SOURCE, operands, operands + MASKS);
  const destination = replace128(network + IPV6_DESTINATION, operands + 16, operands + 16 + MASKS);
  adjustForAddresses(routed ? source : source + destination);
  setFlowWord(operands);
  const limit = load<u32>(operands, CLASS_AND_LIMIT) >> 8;
  replaceSecond8(network + IPV6_HOP_LIMIT, limit, load<u32>(operands, CLASS_AND_LIMIT + MASKS) >> 8);
  return true;
}

/** Changes traffic class and flow label, which share the first word with the version. */
function setFlowWord(operands: u32): void {
  const label = bswap<u32>(load<u32>(operands, LABEL)) & LABEL_BITS;
  const labelMask = bswap<u32>(load<u32>(operands, LABEL + MASKS)) & LABEL_BITS;
  const trafficClass = (load<u32>(operands, CLASS_AND_LIMIT) & 0xff) << CLASS_SHIFT;
  const classMask = (load<u32>(operands, CLASS_AND_LIMIT + MASKS) & 0xff) << CLASS_SHIFT;
  const kept = bswap<u32>(load<u32>(network)) & ~(labelMask | classMask);
  store<u32>(network, bswap<u32>(kept | label | trafficClass));
}
