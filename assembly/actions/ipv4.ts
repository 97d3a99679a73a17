// IPv4 header fields, with the header checksum and the pseudo header's share of TCP's and UDP's.

import { ETH_TYPE_IPV4 } from "../key/protocol.ts";
import { adjustChecksum } from "./checksum.ts";
import { etherType, locateNetwork, locateTransport, network } from "./locate.ts";
import { replace32, replaceFirst8, replaceSecond8 } from "./masked.ts";
import { adjustForAddresses } from "./transport.ts";
import { IPV4_CHECKSUM, IPV4_DESTINATION, IPV4_SOURCE, IPV4_TOS, IPV4_TTL } from "./wire.ts";

/** Masks lie behind source, destination and one word of TOS and TTL. */
const MASKS: u32 = 12;

/** SET_IPV4. False when the packet is not IPv4; a header cut short is left as it is. */
export function setIpv4(frame: u32, operands: u32): bool {
  if (!locateNetwork(frame) || etherType !== ETH_TYPE_IPV4) return false;
  if (!locateTransport()) return true;
  const addresses =
    setAddress(network + IPV4_SOURCE, operands) + setAddress(network + IPV4_DESTINATION, operands + 4);
  adjustForAddresses(addresses);
  const values = load<u32>(operands, 8);
  const masks = load<u32>(operands, 8 + MASKS);
  const tos = replaceSecond8(network + IPV4_TOS, values, masks);
  const ttl = replaceFirst8(network + IPV4_TTL, values >> 8, masks >> 8);
  adjustChecksum(network + IPV4_CHECKSUM, addresses + tos + ttl);
  return true;
}

/** Changes the address at `at` and returns the difference that it makes. */
function setAddress(at: u32, operand: u32): u64 {
  return replace32(at, load<u32>(operand), load<u32>(operand, MASKS));
}
